package system

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/server"
)

// fake answers what it holds.
type fake struct {
	err      error
	asked    string
	messages chan events.Message
}

func (f *fake) Info(context.Context) (system.Info, error) {
	return system.Info{ID: "X", MemoryLimit: true, Containers: 3, Labels: []string{}}, f.err
}

func (f *fake) DiskUsage(_ context.Context, kinds []string) (system.DiskUsage, error) {
	f.asked = fmt.Sprint(kinds)
	return system.DiskUsage{VolumeUsage: &volume.DiskUsage{Items: []volume.Volume{{Name: "v"}}}}, f.err
}

func (f *fake) Version(context.Context) (system.VersionResponse, error) {
	return system.VersionResponse{Version: "1.0", APIVersion: "1.44", MinAPIVersion: "1.2", Os: "linux", Components: []system.ComponentVersion{{Name: "Engine"}}}, f.err
}

func (f *fake) Events(ctx context.Context, since, until string, filters map[string][]string) (iter.Seq[events.Message], error) {
	f.asked = fmt.Sprint(since, " ", until, " ", filters)
	return func(yield func(events.Message) bool) {
		for {
			select {
			case m, ok := <-f.messages:
				if !ok || !yield(m) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}, f.err
}

func serve(t *testing.T, b Backend) *httptest.Server {
	t.Helper()
	s, err := server.New(server.Config{Routes: Routes(b), Version: "1.0"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv
}

func call(t *testing.T, method, target string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	var out strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPing(t *testing.T) {
	t.Parallel()
	srv := serve(t, &fake{})
	for _, tc := range []struct{ method, path, body string }{
		{"GET", "/_ping", "OK"}, {"HEAD", "/_ping", ""}, {"GET", "/v1.18/_ping", "OK"}, {"HEAD", "/v1.44/_ping", ""},
	} {
		res := call(t, tc.method, srv.URL+tc.path)
		if got := body(t, res); res.StatusCode != 200 || got != tc.body {
			t.Errorf("%s %s: %d %q", tc.method, tc.path, res.StatusCode, got)
		}
		got := map[string]string{}
		for _, key := range []string{"Api-Version", "Ostype", "Docker-Experimental", "Builder-Version", "Swarm", "Cache-Control", "Pragma", "Server", "Content-Type"} {
			got[key] = res.Header.Get(key)
		}
		want := map[string]string{"Api-Version": "1.44", "Ostype": "linux", "Docker-Experimental": "false", "Builder-Version": "1", "Swarm": "inactive",
			"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Server": "cleatd/1.0 (linux)", "Content-Type": "text/plain; charset=utf-8"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.method, tc.path, diff)
		}
	}
}

func TestInfoAndVersion(t *testing.T) {
	t.Parallel()
	srv := serve(t, &fake{})
	object := func(path string) map[string]any {
		res := call(t, "GET", srv.URL+path)
		var o map[string]any
		if err := json.NewDecoder(res.Body).Decode(&o); err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %v", path, res.Status, err)
		}
		return o
	}
	if old, now := object("/v1.18/info")["MemoryLimit"], object("/info")["MemoryLimit"]; old != 1.0 || now != true {
		t.Errorf("MemoryLimit: %v at 1.18, %v now", old, now)
	}
	if v := object("/version"); v["ApiVersion"] != "1.44" || v["MinAPIVersion"] != "1.2" || v["Components"] == nil {
		t.Errorf("version: %v", v)
	}
	if v := object("/v1.18/version"); v["Components"] != nil || v["Version"] != "1.0" {
		t.Errorf("version at 1.18: %v", v)
	}
	srv = serve(t, &fake{err: errors.New("broken")})
	for _, path := range []string{"/info", "/version", "/events"} {
		if res := call(t, "GET", srv.URL+"/v1.18"+path); res.StatusCode != 500 || !strings.HasSuffix(body(t, res), "broken\n") {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := &fake{messages: make(chan events.Message)}
	srv := serve(t, f)
	// The header comes before any event.
	res := call(t, "GET", srv.URL+`/v1.44/events?since=1&until=2&filters=%7B%22event%22%3A%7B%22die%22%3Atrue%7D%7D`)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" || f.asked != "1 2 map[event:[die]]" {
		t.Errorf("%s %v, asked for %s", res.Status, res.Header, f.asked)
	}
	lines := bufio.NewReader(res.Body)
	f.messages <- events.Message{Type: "container", Action: "die", Actor: events.Actor{ID: "c"}, Time: 1, TimeNano: 1e9}
	line, err := lines.ReadString('\n')
	var m events.Message
	if err := errors.Join(err, json.Unmarshal([]byte(line), &m)); err != nil || m.Action != "die" || m.TimeNano != 1e9 {
		t.Errorf("%q: %v", line, err)
	}
	close(f.messages)
	if rest, err := lines.ReadString('\n'); rest != "" || err == nil {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	f = &fake{err: fmt.Errorf("since: bad: %w", errs.ErrInvalid)}
	srv = serve(t, f)
	for _, query := range []string{"?since=x", "?filters=x"} {
		if res := call(t, "GET", srv.URL+"/v1.18/events"+query); res.StatusCode != 400 {
			t.Errorf("%s: %s", query, res.Status)
		}
	}
}

func TestSwarmAndPlugins(t *testing.T) {
	t.Parallel()
	srv := serve(t, &fake{})
	for _, path := range []string{"/swarm", "/services", "/v1.44/nodes", "/secrets/x", "/tasks"} {
		if res := call(t, "GET", srv.URL+path); res.StatusCode != 503 || !strings.Contains(body(t, res), "This node is not a swarm manager") {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	if res := call(t, "POST", srv.URL+"/swarm/init"); res.StatusCode != 503 {
		t.Errorf("swarm init: %s", res.Status)
	}
	if res := call(t, "GET", srv.URL+"/v1.18/swarm"); res.StatusCode != 404 {
		t.Errorf("swarm at 1.18: %s", res.Status)
	}
	if got := body(t, call(t, "GET", srv.URL+"/plugins")); got != "[]\n" {
		t.Errorf("plugins: %q", got)
	}
	if !slices.ContainsFunc(Routes(nil), func(r server.Route) bool { return r.Path == "/events" && r.Endless }) {
		t.Error("events must end at once when the daemon stops")
	}
}

// Engines of before 1.52 have lists where there are blocks today; 1.24 has no such call.
func TestDiskUsage(t *testing.T) {
	t.Parallel()
	f := &fake{}
	srv := serve(t, f)
	for path, want := range map[string]string{
		"/v1.44/system/df?type=volume&type=image": `200 {"Volumes":[{"Driver":"","Labels":null,"Mountpoint":"","Name":"v","Options":null,"Scope":""}]}`,
		"/v1.24/system/df":                        `404 {"message":"page not found"}`,
	} {
		answer, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(answer.StatusCode, " ", strings.TrimSpace(string(body))); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
	if f.asked != "[volume image]" {
		t.Errorf("asked for %s", f.asked)
	}
}
