//go:build linux

package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon"
	"github.com/cleat-dev/cleat/daemon/server"
)

// bodyless are the calls with POST or PUT that read no JSON: what is sent all the same changes nothing. A call that is in none of
// these two tables reads JSON.
var bodyless = []string{
	"/containers/prune", "/containers/{id}/attach", "/containers/{id}/kill", "/containers/{id}/pause", "/containers/{id}/rename",
	"/containers/{id}/resize", "/containers/{id}/restart", "/containers/{id}/stop", "/containers/{id}/unpause", "/containers/{id}/wait",
	"/exec/{id}/resize", "/images/create", "/images/prune", "/images/{name...}/push", "/images/{name...}/tag", "/images/{name...}/insert", "/networks/prune",
	"/volumes/prune", "/build/prune", "/swarm/{rest...}", "/nodes/{rest...}", "/services/{rest...}", "/tasks/{rest...}", "/secrets/{rest...}",
	"/configs/{rest...}", "/session", "/grpc",
}

// archives are those that read an archive.
var archives = []string{"/build", "/images/load", "/containers/{id}/archive"}

// startBody is the call that reads JSON up to 1.23 only.
const startBody = "/containers/{id}/start"

// badBodies can be nobody's request.
func badBodies() map[string]string {
	return map[string]string{
		"cut":                 `{"Image":"busybox:1","Cmd":["true"`,
		"no JSON":             `Image=busybox:1&Cmd=true`,
		"comma":               `{"Image":"busybox:1",}`,
		"single quotes":       `{'Image':'busybox:1'}`,
		"list":                `[{"Image":"busybox:1"}]`,
		"string":              `"busybox:1"`,
		"number":              `7`,
		"true":                `true`,
		"two values":          `{"Image":"busybox:1"}{"Image":"busybox:1"}`,
		"text behind":         `{"Image":"busybox:1"} and more`,
		"open lists":          strings.Repeat("[", 100_000),
		"deep lists":          `{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		"deep objects":        strings.Repeat(`{"HostConfig":`, 20_000) + `{}` + strings.Repeat(`}`, 20_000),
		"control characters":  "{\"Image\":\"busy\x00box\n\"}",
		"a zero byte":         "\x00",
		"invalid UTF-8 alone": "\xff\xfe\xfd",
		"UTF-16":              "\xff\xfe{\x00}\x00",
		"larger than allowed": `{"Image":"` + strings.Repeat("x", 9<<20) + `"}`,
		"endless white space": strings.Repeat(" ", 9<<20) + `{}`,
	}
}

// TestBodies sends to every call what no client means: it is refused as the client's mistake, at every version, and nothing is
// made.
func TestBodies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	target := newTarget(t, b)
	before, things := b.steady(t, b.data()), b.things(t)
	client := b.plainHTTP(t)
	for _, v := range []string{"1.2", "1.18", "1.24", "1.44"} {
		for _, route := range posts(t, v) {
			for name, body := range badBodies() {
				path := "/v" + v + target.path(route.Path)
				got, err := ask(t.Context(), client, route.Method, path, "application/json", strings.NewReader(body))
				if err != nil {
					// The answer came before all of the body was sent, and the daemon waits for nobody.
					if strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "connection reset") {
						continue
					}
					t.Fatalf("%s: %v", name, err)
				}
				reads := readsJSON(route, v)
				why, failed := got.failed()
				if got.status >= 500 && !tolerated(route, got) || reads && (got.status < 400 || strings.TrimSpace(why) == "") ||
					slices.Contains(archives, route.Path) && !failed {
					t.Errorf("%s %s, %s: %d %.300s", route.Method, path, name, got.status, got.body)
				}
			}
		}
	}
	b.same(t, things)
	b.unchanged(t, before, b.data())
	b.healthy(t)
}

// tolerated: 500 is the contract's word for a bad archive and for plugins, of which there are none, and 503 that of what needs a
// swarm.
func tolerated(route server.Route, got reply) bool {
	return got.status == http.StatusInternalServerError && (slices.Contains(archives, route.Path) || strings.HasPrefix(route.Path, "/plugins/")) ||
		got.status == http.StatusServiceUnavailable && strings.Contains(got.body, "swarm") ||
		route.Path == "/auth" && strings.Contains(got.body, "connect: ") // to the registry
}

func readsJSON(route server.Route, v string) bool {
	if route.Path == startBody {
		return v == "1.2" || v == "1.18"
	}
	return !slices.Contains(bodyless, route.Path) && !slices.Contains(archives, route.Path)
}

// same compares what clients see.
func (b *bench) same(t *testing.T, before []string) {
	t.Helper()
	if after := b.things(t); !slices.Equal(before, after) {
		t.Errorf("before %q, after %q", before, after)
	}
}

// posts are the calls of a version that may have a body.
func posts(t *testing.T, v string) []server.Route {
	t.Helper()
	at, err := version.Parse(v)
	if err != nil {
		t.Fatal(err)
	}
	var all []server.Route
	for _, r := range daemon.Routes(daemon.Backends{}) {
		if (r.Method == http.MethodPost || r.Method == http.MethodPut) && !at.Before(r.Since) && (r.Until.IsZero() || at.Before(r.Until)) {
			all = append(all, r)
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d calls at %s", len(all), v)
	}
	return all
}

// target are things for calls to be about. Calls without body are about things that are not there.
type target struct{ container, exec, network string }

func newTarget(t *testing.T, b *bench) target {
	t.Helper()
	o := target{network: "target-net"}
	b.json(t, "POST", "/networks/create", map[string]any{"Name": o.network}, nil)
	o.container = b.make(t, "target", nil, map[string]any{"NetworkMode": o.network}, "sleep", "1000")
	b.json(t, "POST", "/containers/"+o.container+"/start", nil, nil)
	var exec struct {
		ID string `json:"Id"`
	}
	b.json(t, "POST", "/containers/"+o.container+"/exec", map[string]any{"Cmd": []string{"true"}}, &exec)
	o.exec = exec.ID
	return o
}

func (o target) path(pattern string) string {
	id := o.container
	switch {
	case strings.HasPrefix(pattern, "/exec/"):
		id = o.exec
	case strings.HasPrefix(pattern, "/networks/"):
		id = o.network
	case slices.Contains(bodyless, pattern):
		id = "nothing"
	case pattern == startBody:
		id = "nothing" // the body is read first
	}
	path := strings.NewReplacer("{id}", id, "{name}", id, "{name...}", "nothing/here", "{rest...}", "x").Replace(pattern)
	switch pattern {
	case "/containers/{id}/archive":
		path += "?path=/tmp"
	case "/commit":
		path += "?container=" + id + "&repo=bad/bodies"
	case "/images/create":
		path += "?fromSrc=-&repo=bad/bodies"
	case "/images/{name...}/tag":
		path += "?repo=bad/bodies"
	}
	return path
}

// requestTypes are what the calls read, by path, with fields that go with every body.
var requestTypes = map[string]struct {
	types []any
	more  []string // of versions of old
	base  map[string]any
}{
	"/containers/create": {
		[]any{container.Config{}},
		[]string{"HostConfig", "NetworkingConfig", "Memory", "MemorySwap", "CpuShares", "Cpuset", "Dns", "VolumesFrom", "PortSpecs", "NetworkDisabled", "Binds", "VolumeDriver"},
		map[string]any{"Image": "busybox:1", "Cmd": []string{"true"}},
	},
	"/containers/{id}/exec":          {[]any{container.ExecCreateRequest{}}, nil, map[string]any{"Cmd": []string{"true"}}},
	"/containers/{id}/update":        {[]any{container.UpdateConfig{}}, nil, nil},
	"/containers/{id}/copy":          {nil, []string{"Resource"}, nil},
	"/commit":                        {[]any{container.Config{}}, nil, nil},
	"/networks/create":               {[]any{network.CreateRequest{}}, nil, map[string]any{"Name": "odd-net"}},
	"/networks/{id}/connect":         {[]any{network.ConnectRequest{}}, nil, map[string]any{"Container": "nothing"}},
	"/networks/{id}/disconnect":      {[]any{network.DisconnectRequest{}}, nil, map[string]any{"Container": "nothing"}},
	"/volumes/create":                {[]any{volume.CreateRequest{}}, nil, map[string]any{"Name": "odd-volume"}},
	"/auth":                          {[]any{registry.AuthConfig{}}, nil, map[string]any{"serveraddress": "127.0.0.1:1"}},
	"/exec/{id}/start":               {[]any{container.ExecStartRequest{}}, nil, map[string]any{"Detach": "no"}}, // would run otherwise
	startBody:                        {[]any{container.HostConfig{}}, []string{"LxcConf", "Dns"}, nil},
	"/containers/create HostConfig":  {[]any{container.HostConfig{}}, []string{"LxcConf", "Dns", "Links", "VolumesFrom", "PortBindings"}, nil},
	"/containers/create Healthcheck": {[]any{container.HealthConfig{}}, nil, nil},
	"/networks/create IPAM":          {[]any{network.IPAM{}}, nil, nil},
}

// oddValues are every kind of JSON there is, some of it of the kind a field wants and yet nonsense.
var oddValues = []string{
	`"x"`, `""`, `7`, `-1`, `1e400`, `9223372036854775808`, `0.5`, `true`, `[]`, `[null]`, `["x"]`, `["\u0000"]`, `[{}]`, `[[]]`, `{}`, `{"":null}`, `{"x":"y"}`, `{"x":{"y":[1]}}`,
	`{"x":[{"y":{}}]}`, `"\ud800"`, `"../../x"`, `"/"`, `["/:/:/"]`, `{"80/tcp":[{"HostPort":"99999999"}]}`, `{"Name":"x","Type":"x"}`, `[{"Type":"bind"}]`,
}

// TestOddFields gives every field of every request every kind of value: a mistake is the client's, whatever is accepted can be
// removed, and the daemon lives.
func TestOddFields(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	target := newTarget(t, b)
	before, things := b.steady(t, b.data()), b.things(t)
	client := b.plainHTTP(t)
	calls := 0
	for _, v := range []string{"1.2", "1.18", "1.44"} {
		for _, route := range posts(t, v) {
			for pattern, request := range requestTypes {
				path, inside, _ := strings.Cut(pattern, " ")
				if path != route.Path || !readsJSON(route, v) {
					continue
				}
				for _, field := range fields(request.types, request.more) {
					for _, value := range oddValues {
						calls++
						at := "/v" + v + target.path(route.Path)
						body := oddBody(t, requestTypes[path].base, inside, field, value)
						got, err := ask(t.Context(), client, route.Method, at, "application/json", strings.NewReader(body))
						if err != nil {
							t.Fatalf("%s: %v", body, err)
						}
						if got.status >= 500 && !tolerated(route, got) {
							t.Errorf("%s %s\n%s\n%d %s", route.Method, at, body, got.status, got.body)
						}
					}
				}
			}
		}
		b.sweep(t, things)
	}
	t.Logf("%d calls", calls)
	b.same(t, things)
	b.unchanged(t, before, b.data())
	b.healthy(t)
}

func oddBody(t *testing.T, base map[string]any, inside, field, value string) string {
	t.Helper()
	body := map[string]any{}
	for key, v := range base {
		if key != field {
			body[key] = v
		}
	}
	odd := json.RawMessage(value)
	if inside != "" {
		body[inside] = map[string]any{field: odd}
	} else {
		body[field] = odd
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// fields are the names of a request's fields in JSON.
func fields(types []any, more []string) []string {
	all := slices.Clone(more)
	var add func(reflect.Type)
	add = func(of reflect.Type) {
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
				add(f.Type)
			case f.Anonymous && name == "" && f.Type.Kind() == reflect.Pointer:
				add(f.Type.Elem())
			case name != "-" && f.IsExported():
				if name == "" {
					name = f.Name
				}
				all = append(all, name)
			}
		}
	}
	for _, one := range types {
		add(reflect.TypeOf(one))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sweep removes what was accepted.
func (b *bench) sweep(t *testing.T, keep []string) {
	t.Helper()
	var containers []struct {
		ID    string `json:"Id"`
		Names []string
		State string
	}
	b.json(t, "GET", "/containers/json?all=1", nil, &containers)
	for _, c := range containers {
		if !slices.Contains(keep, fmt.Sprint("container ", c.Names, c.State)) {
			b.remove(t, "/containers/"+c.ID+"?force=1&v=1")
		}
	}
	var images []struct {
		ID       string `json:"Id"`
		RepoTags []string
	}
	b.json(t, "GET", "/images/json", nil, &images)
	for _, i := range images {
		if !slices.Contains(keep, fmt.Sprint("image ", i.RepoTags)) {
			b.remove(t, "/images/"+i.ID+"?force=1")
		}
	}
	var volumes struct{ Volumes []struct{ Name string } }
	b.json(t, "GET", "/volumes", nil, &volumes)
	for _, v := range volumes.Volumes {
		if !slices.Contains(keep, "volume "+v.Name) {
			b.remove(t, "/volumes/"+v.Name)
		}
	}
	var networks []struct{ Name, ID string }
	b.json(t, "GET", "/networks", nil, &networks)
	for _, n := range networks {
		if !slices.Contains(keep, "network "+n.Name) {
			b.remove(t, "/networks/"+n.ID)
		}
	}
}

func (b *bench) remove(t *testing.T, path string) {
	t.Helper()
	if got := b.call(t, "DELETE", path, "", nil); got.status >= 400 && got.status != http.StatusNotFound {
		t.Errorf("DELETE %s: %d %s", path, got.status, got.body)
	}
}
