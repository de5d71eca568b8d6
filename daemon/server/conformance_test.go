package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/api/version"
)

func TestConformanceTable(t *testing.T) {
	t.Parallel()
	v, h := version.Of, answer("x")
	got, missing, err := Conformance([]Route{
		{Method: "GET", Path: "/containers/json", Handle: h},
		{Method: "POST", Path: "/containers/{name}/copy", Until: v(1, 24), Handle: h},
		{Method: "GET", Path: "/images/{n...}/json", Since: v(1, 18), Handle: h},
		{Method: "GET", Path: "/events", Since: v(1, 19), Handle: h},
		{Method: "POST", Path: "/images/{rest...}", Handle: h}, // takes tag and push, but is neither
		{Method: "GET", Path: "/swarm/{rest...}", Handle: h},
		{Method: "GET", Path: "/volumes", Since: v(1, 21), Handle: h},
	}, []Document{
		{Name: "One", At: v(1, 18), Calls: []DocumentedCall{
			{Method: "GET", Path: "/containers/json", Heading: "List containers"}, {Method: "POST", Path: "/containers/{id}/copy", Heading: "Copy"},
			{Method: "GET", Path: "/images/{name...}/json", Heading: "Inspect"}, {Method: "GET", Path: "/events", Heading: "Events"},
			{Method: "POST", Path: "/images/{name...}/tag", Heading: "Tag"},
		}},
		{Name: "Two", At: v(1, 44), Calls: []DocumentedCall{
			{Method: "POST", Path: "/containers/{id}/copy", Heading: "Copy"}, {Method: "GET", Path: "/swarm/x", Heading: "Swarm", Lone: true},
			{Method: "POST", Path: "/session", Heading: "Session", Lone: true}, {Method: "GET", Path: "/volumes", Heading: "Volumes"},
		}},
	})
	if err != nil || missing != 3 {
		t.Errorf("%d missing, %v; want 3", missing, err)
	}
	for _, want := range []string{
		"\n## One\n\n| section | call | versions | at 1.18 |\n|---|---|---|---|\n| List containers | `GET /containers/json` | 1.2 … | yes |\n",
		"| Copy | `POST /containers/{id}/copy` | 1.2 before 1.24 | yes |\n",
		"| Inspect | `GET /images/{name...}/json` | 1.18 … | yes |\n",
		"| Events | `GET /events` |  | no |\n",
		"| Tag | `POST /images/{name...}/tag` |  | no |\n",
		"\n3 of 5 calls of the document are served.\n\n## Two\n",
		"| Copy | `POST /containers/{id}/copy` |  | no |\n",
		"| Swarm | `GET /swarm/x` | 1.2 … | as a lone engine |\n| Session | `POST /session` |  | as a lone engine |\n",
		"| Volumes | `GET /volumes` | 1.21 … | yes |\n\n1 of 4 calls of the document are served, 2 as a lone engine does.\n",
		"\n## Beyond the documents\n\n| call | versions |\n|---|---|\n| `GET /events` | 1.19 … |\n| `POST /images/{rest...}` | 1.2 … |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if !strings.HasSuffix(got, "| `POST /images/{rest...}` | 1.2 … |\n") {
		t.Errorf("more than that is beyond:\n%s", got)
	}
}

// The documented calls fit into one tree, each found by itself.
func TestDocumentedCallsRoute(t *testing.T) {
	t.Parallel()
	for _, d := range Documents() {
		var routes []Route
		for _, call := range d.Calls {
			routes = append(routes, Route{Method: call.Method, Path: call.Path, Handle: answer("x"), Doc: call.Heading})
		}
		if _, missing, err := Conformance(routes, []Document{d}); err != nil || missing != 0 {
			t.Errorf("%s: %d missing, %v", d.Name, missing, err)
		}
	}
}

// The examples of each documented call are golden tests of package codec.
func TestDocumentedCallsHaveExamples(t *testing.T) {
	t.Parallel()
	folders := map[version.Version]string{version.Of(1, 2): "documented/v1.2", version.Of(1, 18): "documented"}
	for _, d := range Documents() {
		var tree node
		for _, call := range d.Calls {
			if err := tree.add(Route{Method: call.Method, Path: call.Path, Handle: answer("x")}); err != nil {
				t.Fatal(err)
			}
		}
		files, err := filepath.Glob("../../api/codec/testdata/" + folders[d.At] + "/*.json")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var example struct{ Call string }
			if err := json.Unmarshal(raw, &example); err != nil {
				t.Fatal(file, err)
			}
			method, target, _ := strings.Cut(example.Call, " ")
			path, _, _ := strings.Cut(target, "?")
			b, _ := tree.find(method, strings.Split(path[1:], "/"), version.Version{}, nil)
			if b == nil {
				t.Errorf("%s: %s is not in %s", file, example.Call, d.Name)
				continue
			}
			seen[b.Method+" "+b.Path] = true
		}
		for _, call := range d.Calls {
			if !seen[call.Method+" "+call.Path] {
				t.Errorf("%s: no example of %s %s", d.Name, call.Method, call.Path)
			}
		}
	}
}
