package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// oldEngine is an engine of API 1.18 as its document describes it: what no engine of today answers any more.
func oldEngine(t *testing.T) *Client {
	t.Helper()
	cleanEnv(t)
	id := strings.Repeat("ab12", 16)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Version":"1.6.2","Os":"linux","ApiVersion":"1.18"}`)
	})
	mux.HandleFunc("GET /v1.18/images/{name}/json", func(w http.ResponseWriter, r *http.Request) {
		if name := r.PathValue("name"); name != id && name != "bb" {
			http.Error(w, "No such image: "+name, http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprintf(w, `{"Id":%q,"Created":"2015-04-01T00:00:00Z","Size":5,"VirtualSize":5,"Config":{"Cmd":null}}`, id)
	})
	mux.HandleFunc("GET /v1.18/images/json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `[{"Id":%q,"RepoTags":["bb:latest"],"Created":1},{"Id":"%s","RepoTags":["<none>:<none>"],"Created":1}]`, id, strings.Repeat("0", 64))
	})
	mux.HandleFunc("GET /v1.18/events", func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.URL.Query().Get("filters"), `{"container":["c1"]}`; got != want {
			http.Error(w, "filters "+got, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"status":"pull","id":"bb","time":1}{"status":"start","id":"c1","from":"bb","time":1}`)
	})
	mux.HandleFunc("GET /v1.18/info", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Containers":1,"Debug":0,"MemoryLimit":1,"SwapLimit":0,"IPv4Forwarding":1}`)
	})
	mux.HandleFunc("POST /v1.18/containers/create", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"Image":"`+id+`"`) {
			http.Error(w, "bad parameter: image", http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"Id":"c1","Warnings":null}`)
	})
	c, err := New(t.Context(), Config{Host: serveUnix(t, mux)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOldEngine(t *testing.T) {
	c := oldEngine(t)
	ctx := t.Context()
	image, err := c.ImageInspect(ctx, "bb")
	if err != nil || !strings.HasPrefix(image.ID, "sha256:ab12") || len(image.RepoTags) != 1 || image.RepoTags[0] != "bb:latest" {
		t.Fatalf("image %q %v, %v", image.ID, image.RepoTags, err)
	}
	if again, err := c.ImageInspect(ctx, image.ID); err != nil || again.ID != image.ID {
		t.Errorf("by the id it was given: %v", err)
	}
	if _, err := c.ImageInspect(ctx, "none"); !errors.Is(err, errs.ErrNotFound) || !strings.HasSuffix(err.Error(), "No such image: none") {
		t.Errorf("missing image: %v", err)
	}
	list, err := c.ImageList(ctx, moby.ImageListOptions{})
	if err != nil || len(list.Items) != 2 || len(list.Items[1].RepoTags) != 0 {
		t.Errorf("images %+v, %v", list.Items, err)
	}
	info, err := c.Info(ctx, moby.InfoOptions{})
	if err != nil || !info.Info.MemoryLimit || info.Info.Debug {
		t.Errorf("info %+v, %v", info.Info, err)
	}
	made, err := c.ContainerCreate(ctx, moby.ContainerCreateOptions{Config: &container.Config{Image: image.ID}})
	if err != nil || made.ID != "c1" {
		t.Errorf("create: %v", err)
	}
	stream := c.Events(ctx, moby.EventsListOptions{Filters: moby.Filters{}.Add("type", "container").Add("container", "c1")})
	select {
	case e := <-stream.Messages:
		if e.Type != events.ContainerEventType || e.Action != events.ActionStart || e.Actor.ID != "c1" || e.Actor.Attributes["image"] != "bb" {
			t.Errorf("event %+v", e)
		}
	case err := <-stream.Err:
		t.Errorf("events: %v", err)
	}
}

func TestOldEngineRefusals(t *testing.T) {
	c := oldEngine(t)
	before := c.Requests()
	for want, do := range map[string]func() error{
		"engine API 1.18 has no volumes; needs 1.21": func() error {
			_, err := c.VolumeCreate(t.Context(), moby.VolumeCreateOptions{Name: "v"})
			return err
		},
		"engine API 1.18 has no networks; needs 1.21": func() error {
			_, err := c.NetworkRemove(t.Context(), "n", moby.NetworkRemoveOptions{})
			return err
		},
		"engine API 1.18 has no container update; needs 1.22": func() error {
			_, err := c.ContainerUpdate(t.Context(), "c", moby.ContainerUpdateOptions{Resources: &container.Resources{}})
			return err
		},
		"engine API 1.18 has no HostConfig.Tmpfs; needs 1.22": func() error {
			_, err := c.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Config: &container.Config{Image: "x"},
				HostConfig: &container.HostConfig{Tmpfs: map[string]string{"/a": ""}}})
			return err
		},
	} {
		if err := do(); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	if got := c.Requests(); got != before {
		t.Errorf("%d requests went out for what the engine cannot do", got-before)
	}
}

// Engines before 1.44 make a second network of one name unless they are told not to.
func TestNetworkNamesAreUnique(t *testing.T) {
	cleanEnv(t)
	var body string
	mux := http.NewServeMux()
	mux.Handle("GET /version", fakeEngine(docker20))
	mux.HandleFunc("POST /v1.41/networks/create", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body = string(raw)
		_, _ = io.WriteString(w, `{"Id":"n"}`)
	})
	c, err := New(t.Context(), Config{Host: serveUnix(t, mux)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.NetworkCreate(t.Context(), "n", moby.NetworkCreateOptions{Driver: "bridge"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, `"CheckDuplicate":true`) || !strings.Contains(body, `"Driver":"bridge"`) {
		t.Errorf("sent %s", body)
	}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	unix, ssh := &endpoint{host: "unix:///d", origin: "DOCKER_HOST", network: "unix"}, &endpoint{host: "ssh://a", origin: "host", network: "ssh"}
	for _, tc := range []struct {
		ep   *endpoint
		err  error
		want string
	}{
		{unix, &os.PathError{Op: "dial", Path: "/d", Err: fs.ErrPermission}, "docker engine at unix:///d (DOCKER_HOST): permission denied on the socket; use an account"},
		{unix, errors.New("dial unix: strange"), "docker engine at unix:///d (DOCKER_HOST): connect to: strange; see"},
		{ssh, errors.New("stderr=Host key verification failed."), "docker engine at ssh://a: ssh does not know the host's key; connect once"},
		{ssh, errors.New("stderr=me@a: Permission denied (publickey)."), "ssh was refused"},
		{ssh, errors.New("bash: docker: command not found"), "no docker command on the remote host"},
		{ssh, errors.New("permission denied while trying to connect to the docker API"), "may not use docker's socket"},
	} {
		err := explain(tc.ep, tc.err)
		if !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v; want %q", err, tc.want)
		}
	}
}
