package server

import (
	"fmt"
	"strings"

	"github.com/cleat-dev/cleat/api/version"
)

// documented are the calls of remote-api-v1.18.md in its order: method, path, heading.
var documented = []struct{ method, path, heading string }{
	{"GET", "/containers/json", "List containers"},
	{"POST", "/containers/create", "Create a container"},
	{"GET", "/containers/{id}/json", "Inspect a container"},
	{"GET", "/containers/{id}/top", "List processes running inside a container"},
	{"GET", "/containers/{id}/logs", "Get container logs"},
	{"GET", "/containers/{id}/changes", "Inspect changes on a container's filesystem"},
	{"GET", "/containers/{id}/export", "Export a container"},
	{"GET", "/containers/{id}/stats", "Get container stats based on resource usage"},
	{"POST", "/containers/{id}/resize", "Resize a container TTY"},
	{"POST", "/containers/{id}/start", "Start a container"},
	{"POST", "/containers/{id}/stop", "Stop a container"},
	{"POST", "/containers/{id}/restart", "Restart a container"},
	{"POST", "/containers/{id}/kill", "Kill a container"},
	{"POST", "/containers/{id}/rename", "Rename a container"},
	{"POST", "/containers/{id}/pause", "Pause a container"},
	{"POST", "/containers/{id}/unpause", "Unpause a container"},
	{"POST", "/containers/{id}/attach", "Attach to a container"},
	{"GET", "/containers/{id}/attach/ws", "Attach to a container (websocket)"},
	{"POST", "/containers/{id}/wait", "Wait a container"},
	{"DELETE", "/containers/{id}", "Remove a container"},
	{"POST", "/containers/{id}/copy", "Copy files or folders from a container"},
	{"GET", "/images/json", "List Images"},
	{"POST", "/build", "Build image from a Dockerfile"},
	{"POST", "/images/create", "Create an image"},
	{"GET", "/images/{name...}/json", "Inspect an image"},
	{"GET", "/images/{name...}/history", "Get the history of an image"},
	{"POST", "/images/{name...}/push", "Push an image on the registry"},
	{"POST", "/images/{name...}/tag", "Tag an image into a repository"},
	{"DELETE", "/images/{name...}", "Remove an image"},
	{"GET", "/images/search", "Search images"},
	{"POST", "/auth", "Check auth configuration"},
	{"GET", "/info", "Display system-wide information"},
	{"GET", "/version", "Show the docker version information"},
	{"GET", "/_ping", "Ping the docker server"},
	{"POST", "/commit", "Create a new image from a container's changes"},
	{"GET", "/events", "Monitor Docker's events"},
	{"GET", "/images/{name...}/get", "Get a tarball containing all images in a repository"},
	{"GET", "/images/get", "Get a tarball containing all images"},
	{"POST", "/images/load", "Load a tarball with a set of images and tags into docker"},
	{"POST", "/containers/{id}/exec", "Exec Create"},
	{"POST", "/exec/{id}/start", "Exec Start"},
	{"POST", "/exec/{id}/resize", "Exec Resize"},
	{"GET", "/exec/{id}/json", "Exec Inspect"},
}

// Conformance writes design/api-conformance.md: for each call of the document whether the routes serve it at 1.18, and
// what they serve beyond. missing is the number of calls they do not serve. The test of the program that has all routes
// compares the file with it.
func Conformance(routes []Route) (markdown string, missing int, err error) {
	s, err := New(Config{Routes: routes})
	if err != nil {
		return "", 0, err
	}
	var out strings.Builder
	out.WriteString("# Conformance with the Remote API v1.18\n\nGenerated from the table of routes by `go test ./cmd/cleatd -run TestConformance -update`; do not edit.\n" +
		"Versions are those the call is served at; `…` is without bound.\n\n| section | call | versions | at 1.18 |\n|---|---|---|---|\n")
	inDocument := map[string]bool{}
	for _, d := range documented {
		served, versions := "no", ""
		b, _ := s.routes.find(d.method, strings.Split(d.path[1:], "/"), version.Of(1, 18), nil)
		if b != nil && shape(b.Path) == shape(d.path) {
			served, versions = "yes", bounds(b.Route)
			inDocument[b.Method+" "+b.Path] = true
		} else {
			missing++
		}
		fmt.Fprintf(&out, "| %s | `%s %s` | %s | %s |\n", d.heading, d.method, d.path, versions, served)
	}
	fmt.Fprintf(&out, "\n%d of %d calls of the document are served.\n\n## Beyond the document\n\n| call | versions |\n|---|---|\n", len(documented)-missing, len(documented))
	for _, route := range s.Routes() {
		if !inDocument[route.Method+" "+route.Path] {
			fmt.Fprintf(&out, "| `%s %s` | %s |\n", route.Method, route.Path, bounds(route))
		}
	}
	return out.String(), missing, nil
}

// shape is a path without the names of its variables.
func shape(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// bounds are the versions a route is served at, of those the daemon speaks.
func bounds(r Route) string {
	from, to := r.Since, "…"
	if from.Before(Oldest()) {
		from = Oldest()
	}
	if !r.Until.IsZero() {
		to = "before " + r.Until.String()
	}
	return from.String() + " " + to
}
