package codec

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/version"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var shapes = map[string]*Shape{
	"ContainerCreate": ContainerCreate, "ContainerInspect": ContainerInspect, "ContainerList": ContainerList,
	"ImageInspect": ImageInspect, "ImageList": ImageList, "ImageHistory": ImageHistory, "ImageDelete": ImageDelete, "Commit": Commit,
	"ContainerCreated": ContainerCreated, "ContainerStart": ContainerStart, "CommitConfig": CommitConfig, "Wait": Wait, "Update": Update,
	"Top": Top, "ImageSearch": ImageSearch, "Messages": Messages, "ExecCreate": ExecCreate, "ExecCreated": ExecCreated, "Version": Version,
	"DiskUsage": DiskUsage, "Info": Info, "Event": Event, "Stats": Stats, "ExecInspect": ExecInspect,
	"NetworkCreate": NetworkCreate, "NetworkInspect": NetworkInspect, "NetworkList": NetworkList,
}

// golden is one file of testdata, named SHAPE.DIRECTION.VERSION.json.
type golden struct {
	In  json.RawMessage `json:"in"`
	Out json.RawMessage `json:"out"`
}

func TestSteps(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		parts := strings.SplitN(name, ".", 3)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runGolden(t, file, shapes[parts[0]], parts[1], parts[2])
		})
	}
}

func runGolden(t *testing.T, file string, shape *Shape, direction, at string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	v, err := version.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	convert := shape.Up
	if direction == "down" {
		convert = shape.Down
	}
	got, err := convert(g.In, v)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		g.Out = got
		out, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(indent(t, g.Out), indent(t, got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func indent(t *testing.T, raw []byte) string {
	t.Helper()
	value, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := encode(value)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(plain), "", " "); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The newest shape passes through unchanged, and so does a body that holds no object.
func TestNothingToDo(t *testing.T) {
	t.Parallel()
	if ContainerInspect.Changes(version.Of(1, 52)) || !ContainerInspect.Changes(version.Of(1, 44)) {
		t.Error("a container differs below 1.52 and not from there on")
	}
	if ContainerList.Changes(version.Of(1, 44)) || ImageList.Changes(version.Of(1, 44)) {
		t.Error("lists of 1.44 would be decoded in vain")
	}
	for _, body := range []string{"null\n", "[]\n", `"text"` + "\n", ""} {
		got, err := ContainerInspect.Up([]byte(body), version.Of(1, 18))
		if err != nil || string(got) != body {
			t.Errorf("%q became %q, %v", body, got, err)
		}
	}
}

// The answer of a wait is not read before it is there: its header alone says something.
func TestWaitIsNotHeldBack(t *testing.T) {
	t.Parallel()
	if route, _ := Find("POST", "/containers/a/wait"); route.Response.Kind != Stream {
		t.Error("the answer of a wait would be read to its end before its header is handed on")
	}
}

func TestEventStreamGoesOutOneByOne(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	d := Event.UpStream(r, version.Of(1, 18), func(o Object) bool { return o["Type"] == "container" })
	go func() {
		_, _ = io.WriteString(w, `{"status":"pull","id":"busybox","time":1}{"status":"start","id":"c1","from":"busybox","time":1}`)
		// The stream stays open: what came must be delivered without its end.
	}()
	got, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Action":"start","Actor":{"Attributes":{"image":"busybox"},"ID":"c1"},"Type":"container","from":"busybox","id":"c1","status":"start","time":1}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestFindAndMatch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ method, path, pattern, name string }{
		{"GET", "/containers/json", "/containers/json", ""},
		{"GET", "/containers/abc/json", "/containers/{id}/json", ""},
		{"GET", "/images/json", "/images/json", ""},
		{"GET", "/images/registry:5000/a/b/json", "/images/{name...}/json", "registry:5000/a/b"},
		{"GET", "/images/json/json", "/images/{name...}/json", "json"},
		{"DELETE", "/images/a/b:c", "/images/{name...}", "a/b:c"},
		{"POST", "/images/a/b/tag", "/images/{name...}/tag", "a/b"},
		{"HEAD", "/containers/abc/archive", "/containers/{id}/archive", ""},
		{"DELETE", "/networks/n", "/networks/{rest...}", ""},
		{"POST", "/containers/abc/start", "/containers/{id}/start", ""},
		{"DELETE", "/containers/abc", "/containers/{id}", ""},
		{"POST", "/containers/abc/rename", "/containers/{id}/rename", ""},
		{"POST", "/containers/abc/pause", "", ""},
		{"GET", "/containers//json", "", ""},
		{"GET", "/_ping", "", ""},
	} {
		route, values := Find(tc.method, tc.path)
		pattern := ""
		if route != nil {
			pattern = route.Pattern
		}
		if pattern != tc.pattern || values["name"] != tc.name {
			t.Errorf("%s %s: route %q, name %q; want %q, %q", tc.method, tc.path, pattern, values["name"], tc.pattern, tc.name)
		}
	}
}

func TestCheckRefusesWhatWouldBeIgnored(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method, path, query, body, at string
		want                          string
	}{
		{"GET", "/networks", "", "", "1.20", "engine API 1.20 has no networks; needs 1.21"},
		{"POST", "/networks/prune", "", "", "1.24", "engine API 1.24 has no prune; needs 1.25"},
		{"POST", "/containers/a/update", "", "{}", "1.21", "engine API 1.21 has no container update; needs 1.22"},
		{"POST", "/containers/create", "", `{"HostConfig":{"Mounts":[{}]}}`, "1.24", "engine API 1.24 has no HostConfig.Mounts; needs 1.25"},
		{"POST", "/containers/create", "", `{"HostConfig":{"Mounts":[],"Init":false,"PidsLimit":0}}`, "1.18", ""},
		{"POST", "/containers/create", "", `{"HostConfig":{"RestartPolicy":{"Name":"unless-stopped"}}}`, "1.20",
			"engine API 1.20 has no HostConfig.RestartPolicy.Name unless-stopped; needs 1.21"},
		{"POST", "/containers/create", "", `{"HostConfig":{"RestartPolicy":{"Name":"always"}}}`, "1.18", ""},
		{"POST", "/containers/create", "platform=linux/arm64", `{}`, "1.40", "engine API 1.40 has no platform in POST /containers/create; needs 1.41"},
		{"POST", "/build", "buildargs={}&labels={}&target=", "", "1.18", ""},
		{"POST", "/build", "target=x", "", "1.28", "engine API 1.28 has no target in POST /build; needs 1.29"},
		{"POST", "/containers/create", "", `{"HostConfig":`, "1.24", "POST /containers/create: not JSON: unexpected EOF"},
	} {
		route, _ := Find(tc.method, tc.path)
		q, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		v, err := version.Parse(tc.at)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := route.Check(v, q, []byte(tc.body)); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s %s at %s: %q, want %q", tc.method, tc.path, tc.at, got, tc.want)
		}
	}
}

func TestLower(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("0123456789abcdef", 4)
	for _, tc := range []struct {
		method, path, query, at, wantPath, wantQuery string
	}{
		{"POST", "/images/sha256:" + id + "/tag", "repo=a&tag=b", "1.18", "/images/" + id + "/tag", "force=1&repo=a&tag=b"},
		{"POST", "/images/sha256:" + id + "/tag", "repo=a", "1.23", "/images/sha256:" + id + "/tag", "force=1&repo=a"},
		{"POST", "/images/x/tag", "repo=a", "1.24", "/images/x/tag", "repo=a"},
		{"DELETE", "/images/a@sha256:" + id, "", "1.18", "/images/a@sha256:" + id, ""},
		{"DELETE", "/volumes/v", "force=1", "1.24", "/volumes/v", ""},
		{"DELETE", "/volumes/v", "force=1", "1.25", "/volumes/v", "force=1"},
	} {
		q, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		v, err := version.Parse(tc.at)
		if err != nil {
			t.Fatal(err)
		}
		route, values := Find(tc.method, tc.path)
		path, _, err := route.Lower(v, tc.path, values, q, nil)
		if err != nil || path != tc.wantPath || q.Encode() != tc.wantQuery {
			t.Errorf("%s %s at %s: %s?%s, %v", tc.method, tc.path, tc.at, path, q.Encode(), err)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	sets := `{"label":{"a":true,"b":true,"c":false}}`
	q := url.Values{"filters": {sets}}
	LowerQuery(q, version.Of(1, 21))
	if got, want := q.Get("filters"), `{"label":["a","b"]}`; got != want {
		t.Errorf("below 1.22: %s, want %s", got, want)
	}
	q = url.Values{"filters": {sets}}
	LowerQuery(q, version.Of(1, 22))
	if got := q.Get("filters"); got != sets {
		t.Errorf("from 1.22: %s, want it unchanged", got)
	}
	q = url.Values{"filters": {"nonsense"}}
	LowerQuery(q, version.Of(1, 18))
	if got := q.Get("filters"); got != "nonsense" {
		t.Errorf("unreadable filters became %q", got)
	}
	filtersToSets(q)
	q = url.Values{"filters": {`{"label":["a"]}`}}
	filtersToSets(q)
	if got, want := q.Get("filters"), `{"label":{"a":true}}`; got != want {
		t.Errorf("up: %s, want %s", got, want)
	}
}

// doc.go says of every trait where it comes from, and of none that is not there.
func TestTraitsAreDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^//\t([a-z0-9-]+) +([<≥] 1\.[0-9]+) `).FindAllStringSubmatch(string(raw), -1) {
		documented[found[1]] = found[2]
	}
	traits := map[string]string{}
	for _, trait := range commonTraits {
		traits[trait.Name] = bounds(trait)
	}
	for _, route := range Routes {
		for _, trait := range route.Special {
			traits[trait.Name] = bounds(trait)
		}
	}
	if diff := cmp.Diff(traits, documented); diff != "" {
		t.Errorf("traits and doc.go (-traits +doc.go):\n%s", diff)
	}
}

func bounds(trait Trait) string {
	if trait.Until.IsZero() {
		return "≥ " + trait.Since.String()
	}
	return "< " + trait.Until.String()
}
