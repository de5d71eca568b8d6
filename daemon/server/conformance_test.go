package server

import (
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
		{Method: "GET", Path: "/volumes", Since: v(1, 21), Handle: h},
	})
	if err != nil || missing != len(documented)-3 {
		t.Errorf("%d missing, %v; want %d", missing, err, len(documented)-3)
	}
	for _, want := range []string{
		"| List containers | `GET /containers/json` | 1.2 … | yes |\n",
		"| Copy files or folders from a container | `POST /containers/{id}/copy` | 1.2 before 1.24 | yes |\n",
		"| Inspect an image | `GET /images/{name...}/json` | 1.18 … | yes |\n",
		"| Monitor Docker's events | `GET /events` |  | no |\n",
		"| Tag an image into a repository | `POST /images/{name...}/tag` |  | no |\n",
		"3 of 43 calls", "| `GET /volumes` | 1.21 … |\n", "| `GET /events` | 1.19 … |\n", "| `POST /images/{rest...}` | 1.2 … |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// The documented calls fit into one tree, each found by itself.
func TestDocumentedCallsRoute(t *testing.T) {
	t.Parallel()
	var routes []Route
	for _, d := range documented {
		routes = append(routes, Route{Method: d.method, Path: d.path, Handle: answer("x"), Doc: d.heading})
	}
	if _, missing, err := Conformance(routes); err != nil || missing != 0 {
		t.Errorf("%d missing, %v", missing, err)
	}
}
