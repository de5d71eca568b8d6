package api

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// prefix is the version all requests are made at.
const prefix = "/v1.18"

// stepTimeout bounds one request: an engine that hangs fails the case, not the suite.
const stepTimeout = 90 * time.Second

// engine is an engine as the suite sees it: a socket.
type engine struct {
	*acctest.Engine
	socket string
	http   *http.Client
	names  atomic.Int64
}

func newEngine(e *acctest.Engine) *engine {
	socket := strings.TrimPrefix(e.Host, "unix://")
	return &engine{Engine: e, socket: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with a path below the version.
func (e *engine) do(t *testing.T, method, path string, header http.Header, body io.Reader) answer {
	t.Helper()
	return e.raw(t, method, prefix+path, header, body)
}

// raw sends a request with a path as it is.
func (e *engine) raw(t *testing.T, method, path string, header http.Header, body io.Reader) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), stepTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := e.http.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v after %q", method, path, err, content)
	}
	return answer{response.StatusCode, response.Header, content}
}

// must sends a request that has to succeed.
func (e *engine) must(t *testing.T, method, path string, body any) answer {
	t.Helper()
	header := http.Header{}
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case []byte:
		header.Set("Content-Type", "application/x-tar")
		content = bytes.NewReader(body)
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		header.Set("Content-Type", "application/json")
		content = bytes.NewReader(encoded)
	}
	got := e.do(t, method, path, header, content)
	if got.status >= 400 {
		t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
	}
	return got
}

// name returns a name that nothing on the engine has, and has everything made under it removed with the test.
func (e *engine) name(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("t%d", e.names.Add(1)) // "c1" could be the beginning of an id
	t.Cleanup(func() { e.clean(t, name) })
	return name
}

func (e *engine) clean(t *testing.T, name string) {
	t.Helper()
	var containers []struct {
		ID    string `json:"Id"`
		Names []string
	}
	decode(t, e.must(t, "GET", "/containers/json?all=1", nil).body, &containers)
	for _, c := range containers {
		if len(c.Names) == 0 || !mine(strings.TrimPrefix(c.Names[len(c.Names)-1], "/"), name) {
			continue
		}
		// A container that removes itself may be gone meanwhile.
		if got := e.do(t, "DELETE", "/containers/"+c.ID+"?force=1&v=1", nil, nil); got.status >= 400 && got.status != 404 && got.status != 409 {
			t.Errorf("remove %v: %d %s", c.Names, got.status, got.body)
		}
	}
	var images []struct{ RepoTags []string }
	decode(t, e.must(t, "GET", "/images/json?all=1", nil).body, &images)
	for _, image := range images {
		for _, tag := range image.RepoTags {
			if mine(tag, name) {
				e.must(t, "DELETE", "/images/"+tag+"?force=1", nil)
			}
		}
	}
	if e.IsOld() {
		return // it has no networks
	}
	var networks []struct{ Name string }
	decode(t, e.raw(t, "GET", "/v1.41/networks", nil, nil).body, &networks)
	for _, n := range networks {
		if !mine(n.Name, name) {
			continue
		}
		if got := e.raw(t, "DELETE", "/v1.41/networks/"+n.Name, nil, nil); got.status >= 400 && got.status != 404 {
			t.Errorf("remove network %s: %d %s", n.Name, got.status, got.body)
		}
	}
}

// mine reports whether something belongs to a case: it has its name, alone or with something behind it.
func mine(thing, name string) bool {
	rest, ok := strings.CutPrefix(thing, name)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], "-/:"))
}

// create makes a container of busybox without a network, with more or other fields, and returns its id.
func (e *engine) create(t *testing.T, name string, fields map[string]any) string {
	t.Helper()
	body := map[string]any{"Image": acctest.Busybox, "NetworkDisabled": true}
	if _, ok := fields["HostConfig"]; ok {
		delete(body, "NetworkDisabled")
	}
	for key, value := range fields {
		body[key] = value
	}
	var made struct{ Id string }
	decode(t, e.must(t, "POST", "/containers/create?name="+name, body).body, &made)
	return made.Id
}

// run makes a container with a command and starts it.
func (e *engine) run(t *testing.T, name string, fields map[string]any, command ...string) string {
	t.Helper()
	all := map[string]any{"Cmd": command}
	for key, value := range fields {
		all[key] = value
	}
	id := e.create(t, name, all)
	e.must(t, "POST", "/containers/"+id+"/start", nil)
	return id
}

// image imports an image of a few bytes that no other image shares.
func (e *engine) image(t *testing.T, ref string) {
	t.Helper()
	repo, tag, ok := strings.Cut(ref, ":")
	if !ok {
		tag = "latest"
	}
	got := e.must(t, "POST", "/images/create?fromSrc=-&repo="+url.QueryEscape(repo)+"&tag="+tag, tarball(t, [2]string{"etc/name", ref}))
	if strings.Contains(string(got.body), `"error"`) {
		t.Fatalf("import %s: %s", ref, got.body)
	}
}

// tarball packs files, given as name and content; a name that ends with "/" is a directory.
func tarball(t *testing.T, files ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, file := range files {
		h := &tar.Header{Name: file[0], Mode: 0o755, Size: int64(len(file[1])), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(file[0], "/") {
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, file[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decode(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
}

// things lists what there is: containers, images with a name, volumes. Images without a name, which builds leave as
// their cache, are removed.
func (e *engine) things(t *testing.T) []string {
	t.Helper()
	var containers []struct{ Names []string }
	decode(t, e.must(t, "GET", "/containers/json?all=1", nil).body, &containers)
	all := []string{}
	for _, c := range containers {
		all = append(all, fmt.Sprint("container ", c.Names))
	}
	for again := true; again; {
		again = false
		var images []struct {
			Id       string
			RepoTags []string
		}
		decode(t, e.must(t, "GET", `/images/json?filters={"dangling":["true"]}`, nil).body, &images)
		for _, image := range images {
			again = e.do(t, "DELETE", "/images/"+image.Id+"?force=1", nil, nil).status == 200 || again
		}
	}
	var images []struct{ RepoTags []string }
	decode(t, e.must(t, "GET", "/images/json", nil).body, &images)
	for _, image := range images {
		all = append(all, fmt.Sprint("image ", image.RepoTags))
	}
	var volumes struct{ Volumes []struct{ Name string } }
	if got := e.raw(t, "GET", "/v1.41/volumes", nil, nil); got.status == 200 {
		decode(t, got.body, &volumes)
	}
	for _, v := range volumes.Volumes {
		all = append(all, "volume "+v.Name)
	}
	slices.Sort(all)
	return all
}
