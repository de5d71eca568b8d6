package server

import "github.com/cleat-dev/cleat/api/version"

// Document is what some version of the API has.
type Document struct {
	// Name of the document, and the version its calls are asked at.
	Name string
	At   version.Version
	// Calls in the document's order.
	Calls []DocumentedCall
}

// DocumentedCall is a section of a document.
type DocumentedCall struct {
	Method, Path, Heading string
	// Lone marks what an engine that is no part of a swarm, and has no plugins and no BuildKit, refuses: any route for it
	// will do.
	Lone bool
}

// Documents are the two that are prose; later ones can be read by machines.
func Documents() []Document {
	return []Document{
		{Name: "Remote API v1.2", At: version.Of(1, 2), Calls: calls12},
		{Name: "Remote API v1.18", At: version.Of(1, 18), Calls: calls118},
	}
}

// calls12 are the calls of remote-api-v1.2.md in its order.
var calls12 = []DocumentedCall{
	{Method: "GET", Path: "/containers/json", Heading: "List containers"},
	{Method: "POST", Path: "/containers/create", Heading: "Create a container"},
	{Method: "GET", Path: "/containers/{id}/json", Heading: "Inspect a container"},
	{Method: "GET", Path: "/containers/{id}/changes", Heading: "Inspect changes on a container's filesystem"},
	{Method: "GET", Path: "/containers/{id}/export", Heading: "Export a container"},
	{Method: "POST", Path: "/containers/{id}/start", Heading: "Start a container"},
	{Method: "POST", Path: "/containers/{id}/stop", Heading: "Stop a container"},
	{Method: "POST", Path: "/containers/{id}/restart", Heading: "Restart a container"},
	{Method: "POST", Path: "/containers/{id}/kill", Heading: "Kill a container"},
	{Method: "POST", Path: "/containers/{id}/attach", Heading: "Attach to a container"},
	{Method: "GET", Path: "/containers/{id}/attach/ws", Heading: "Attach to a container (websocket)"},
	{Method: "POST", Path: "/containers/{id}/wait", Heading: "Wait a container"},
	{Method: "DELETE", Path: "/containers/{id}", Heading: "Remove a container"},
	{Method: "GET", Path: "/images/json", Heading: "List Images"},
	{Method: "GET", Path: "/images/viz", Heading: "List Images"},
	{Method: "POST", Path: "/images/create", Heading: "Create an image"},
	{Method: "POST", Path: "/images/{name...}/insert", Heading: "Insert a file in an image"},
	{Method: "GET", Path: "/images/{name...}/json", Heading: "Inspect an image"},
	{Method: "GET", Path: "/images/{name...}/history", Heading: "Get the history of an image"},
	{Method: "POST", Path: "/images/{name...}/push", Heading: "Push an image on the registry"},
	{Method: "POST", Path: "/images/{name...}/tag", Heading: "Tag an image into a repository"},
	{Method: "DELETE", Path: "/images/{name...}", Heading: "Remove an image"},
	{Method: "GET", Path: "/images/search", Heading: "Search images"},
	{Method: "POST", Path: "/build", Heading: "Build an image from Dockerfile via stdin"},
	{Method: "POST", Path: "/auth", Heading: "Check auth configuration"},
	{Method: "GET", Path: "/info", Heading: "Display system-wide information"},
	{Method: "GET", Path: "/version", Heading: "Show the docker version information"},
	{Method: "POST", Path: "/commit", Heading: "Create a new image from a container's changes"},
}

// calls118 are the calls of remote-api-v1.18.md in its order.
var calls118 = []DocumentedCall{
	{Method: "GET", Path: "/containers/json", Heading: "List containers"},
	{Method: "POST", Path: "/containers/create", Heading: "Create a container"},
	{Method: "GET", Path: "/containers/{id}/json", Heading: "Inspect a container"},
	{Method: "GET", Path: "/containers/{id}/top", Heading: "List processes running inside a container"},
	{Method: "GET", Path: "/containers/{id}/logs", Heading: "Get container logs"},
	{Method: "GET", Path: "/containers/{id}/changes", Heading: "Inspect changes on a container's filesystem"},
	{Method: "GET", Path: "/containers/{id}/export", Heading: "Export a container"},
	{Method: "GET", Path: "/containers/{id}/stats", Heading: "Get container stats based on resource usage"},
	{Method: "POST", Path: "/containers/{id}/resize", Heading: "Resize a container TTY"},
	{Method: "POST", Path: "/containers/{id}/start", Heading: "Start a container"},
	{Method: "POST", Path: "/containers/{id}/stop", Heading: "Stop a container"},
	{Method: "POST", Path: "/containers/{id}/restart", Heading: "Restart a container"},
	{Method: "POST", Path: "/containers/{id}/kill", Heading: "Kill a container"},
	{Method: "POST", Path: "/containers/{id}/rename", Heading: "Rename a container"},
	{Method: "POST", Path: "/containers/{id}/pause", Heading: "Pause a container"},
	{Method: "POST", Path: "/containers/{id}/unpause", Heading: "Unpause a container"},
	{Method: "POST", Path: "/containers/{id}/attach", Heading: "Attach to a container"},
	{Method: "GET", Path: "/containers/{id}/attach/ws", Heading: "Attach to a container (websocket)"},
	{Method: "POST", Path: "/containers/{id}/wait", Heading: "Wait a container"},
	{Method: "DELETE", Path: "/containers/{id}", Heading: "Remove a container"},
	{Method: "POST", Path: "/containers/{id}/copy", Heading: "Copy files or folders from a container"},
	{Method: "GET", Path: "/images/json", Heading: "List Images"},
	{Method: "POST", Path: "/build", Heading: "Build image from a Dockerfile"},
	{Method: "POST", Path: "/images/create", Heading: "Create an image"},
	{Method: "GET", Path: "/images/{name...}/json", Heading: "Inspect an image"},
	{Method: "GET", Path: "/images/{name...}/history", Heading: "Get the history of an image"},
	{Method: "POST", Path: "/images/{name...}/push", Heading: "Push an image on the registry"},
	{Method: "POST", Path: "/images/{name...}/tag", Heading: "Tag an image into a repository"},
	{Method: "DELETE", Path: "/images/{name...}", Heading: "Remove an image"},
	{Method: "GET", Path: "/images/search", Heading: "Search images"},
	{Method: "POST", Path: "/auth", Heading: "Check auth configuration"},
	{Method: "GET", Path: "/info", Heading: "Display system-wide information"},
	{Method: "GET", Path: "/version", Heading: "Show the docker version information"},
	{Method: "GET", Path: "/_ping", Heading: "Ping the docker server"},
	{Method: "POST", Path: "/commit", Heading: "Create a new image from a container's changes"},
	{Method: "GET", Path: "/events", Heading: "Monitor Docker's events"},
	{Method: "GET", Path: "/images/{name...}/get", Heading: "Get a tarball containing all images in a repository"},
	{Method: "GET", Path: "/images/get", Heading: "Get a tarball containing all images"},
	{Method: "POST", Path: "/images/load", Heading: "Load a tarball with a set of images and tags into docker"},
	{Method: "POST", Path: "/containers/{id}/exec", Heading: "Exec Create"},
	{Method: "POST", Path: "/exec/{id}/start", Heading: "Exec Start"},
	{Method: "POST", Path: "/exec/{id}/resize", Heading: "Exec Resize"},
	{Method: "GET", Path: "/exec/{id}/json", Heading: "Exec Inspect"},
}
