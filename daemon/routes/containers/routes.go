package containers

import (
	"errors"
	"net/http"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

type handlers struct{ backend Backend }

// Routes are the calls about containers.
func Routes(b Backend) []server.Route {
	h := handlers{b}
	v := func(minor int) version.Version { return version.Of(1, minor) }
	return []server.Route{
		{Method: "GET", Path: "/containers/json", Handle: h.list, Doc: "List containers"},
		{Method: "GET", Path: "/containers/ps", Until: v(18), Handle: h.list},
		{Method: "POST", Path: "/containers/create", Handle: h.create, Doc: "Create a container"},
		{Method: "POST", Path: "/containers/prune", Since: v(25), Handle: h.prune},
		{Method: "GET", Path: "/containers/{id}/json", Handle: h.inspect, Doc: "Inspect a container"},
		{Method: "GET", Path: "/containers/{id}/top", Since: v(3), Handle: h.top, Doc: "List processes running inside a container"},
		{Method: "GET", Path: "/containers/{id}/logs", Since: v(11), Handle: h.logs, Endless: true, Doc: "Get container logs"},
		{Method: "GET", Path: "/containers/{id}/changes", Handle: h.changes, Doc: "Inspect changes on a container's filesystem"},
		{Method: "GET", Path: "/containers/{id}/export", Handle: h.export, Doc: "Export a container"},
		{Method: "GET", Path: "/containers/{id}/stats", Since: v(17), Handle: h.stats, Endless: true, Doc: "Get container stats based on resource usage"},
		{Method: "POST", Path: "/containers/{id}/resize", Handle: h.resize, Doc: "Resize a container TTY"},
		{Method: "POST", Path: "/containers/{id}/start", Handle: h.start, Doc: "Start a container"},
		{Method: "POST", Path: "/containers/{id}/stop", Handle: h.stop, Doc: "Stop a container"},
		{Method: "POST", Path: "/containers/{id}/restart", Handle: h.restart, Doc: "Restart a container"},
		{Method: "POST", Path: "/containers/{id}/kill", Handle: h.kill, Doc: "Kill a container"},
		{Method: "POST", Path: "/containers/{id}/rename", Since: v(17), Handle: h.rename, Doc: "Rename a container"},
		{Method: "POST", Path: "/containers/{id}/pause", Since: v(12), Handle: h.pause, Doc: "Pause a container"},
		{Method: "POST", Path: "/containers/{id}/unpause", Since: v(12), Handle: h.unpause, Doc: "Unpause a container"},
		{Method: "POST", Path: "/containers/{id}/update", Since: v(22), Handle: h.update},
		{Method: "POST", Path: "/containers/{id}/attach", Handle: h.attach, Endless: true, Doc: "Attach to a container"},
		{Method: "GET", Path: "/containers/{id}/attach/ws", Handle: h.attachSocket, Endless: true, Doc: "Attach to a container (websocket)"},
		{Method: "POST", Path: "/containers/{id}/wait", Handle: h.wait, Endless: true, Doc: "Wait a container"},
		// A link to be removed is named /container/alias, which not all clients escape.
		{Method: "DELETE", Path: "/containers/{id...}", Handle: h.remove, Doc: "Remove a container"},
		{Method: "POST", Path: "/containers/{id}/copy", Since: v(4), Until: v(24), Handle: h.copy, Doc: "Copy files or folders from a container"},
		// New in 1.20; clients that are told an older version use it all the same, and real engines serve it.
		{Method: "HEAD", Path: "/containers/{id}/archive", Handle: h.statArchive},
		{Method: "GET", Path: "/containers/{id}/archive", Handle: h.getArchive},
		{Method: "PUT", Path: "/containers/{id}/archive", Handle: h.putArchive},
		{Method: "POST", Path: "/commit", Handle: h.commit, Doc: "Create a new image from a container's changes"},
	}
}

// none answers 204.
func none(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// wrongState answers 500 instead of 409 where the client's version knows no 409.
func wrongState(r *server.Request, err error) error {
	if err != nil && errors.Is(errs.Class(err), errs.ErrConflict) && r.Trait("conflict-500") {
		return server.Status(http.StatusInternalServerError, err)
	}
	return err
}

// switches reads several parameters that are on or off.
func switches(r *server.Request, to map[string]*bool) error {
	for name, value := range to {
		on, err := r.BoolOr(name, *value)
		if err != nil {
			return err
		}
		*value = on
	}
	return nil
}
