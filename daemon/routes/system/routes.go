package system

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

// Routes is the table.
func Routes(b Backend) []server.Route {
	h := handlers{b}
	routes := []server.Route{
		{Method: "GET", Path: "/_ping", Since: version.Of(1, 11), Handle: h.ping, Doc: "Ping the docker server"},
		{Method: "HEAD", Path: "/_ping", Since: version.Of(1, 11), Handle: h.ping},
		{Method: "GET", Path: "/info", Handle: h.info, Doc: "Display system-wide information"},
		{Method: "GET", Path: "/version", Handle: h.version, Doc: "Show the docker version information"},
		{Method: "GET", Path: "/events", Since: version.Of(1, 3), Handle: h.events, Endless: true, Doc: "Monitor Docker's events"},
		{Method: "GET", Path: "/system/df", Handle: h.usage, Since: version.Of(1, 25)},
		{Method: "GET", Path: "/plugins", Handle: none, Since: version.Of(1, 25)},
	}
	routes = append(routes, plugins()...)
	// Objects of swarm mode, and since when there are any: clients list them, and take 503 for an answer (versions.md,
	// section 4).
	for path, since := range map[string]version.Version{
		"/swarm": version.Of(1, 24), "/nodes": version.Of(1, 24), "/services": version.Of(1, 24), "/tasks": version.Of(1, 24),
		"/secrets": version.Of(1, 25), "/configs": version.Of(1, 30),
	} {
		routes = append(routes,
			server.Route{Method: "GET", Path: path, Handle: noSwarm, Since: since},
			server.Route{Method: "GET", Path: path + "/{rest...}", Handle: noSwarm, Since: since},
			server.Route{Method: "POST", Path: path + "/{rest...}", Handle: noSwarm, Since: since},
			server.Route{Method: "DELETE", Path: path + "/{rest...}", Handle: noSwarm, Since: since})
	}
	return routes
}

type handlers struct{ backend Backend }

// ping says that the daemon is there and, in the header, what it can do.
func (handlers) ping(w http.ResponseWriter, r *server.Request) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	if r.Method == http.MethodHead {
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if _, err := io.WriteString(w, "OK"); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return nil
}

func (h handlers) info(w http.ResponseWriter, r *server.Request) error {
	info, err := h.backend.Info(r.Context())
	if err != nil {
		return fmt.Errorf("info: %w", err)
	}
	return server.JSON(w, r, http.StatusOK, info)
}

func (h handlers) usage(w http.ResponseWriter, r *server.Request) error {
	usage, err := h.backend.DiskUsage(r.Context(), r.Query()["type"])
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, usage)
}

func (h handlers) version(w http.ResponseWriter, r *server.Request) error {
	v, err := h.backend.Version(r.Context())
	if err != nil {
		return fmt.Errorf("version: %w", err)
	}
	return server.JSON(w, r, http.StatusOK, v)
}

func (h handlers) events(w http.ResponseWriter, r *server.Request) error {
	filters, err := r.Filters()
	if err != nil {
		return err
	}
	messages, err := h.backend.Events(r.Context(), r.Query().Get("since"), r.Query().Get("until"), filters)
	if err != nil {
		return err
	}
	stream := server.Stream(w, r)
	stream.End = "\n" // as engines send them, unlike progress
	if err := stream.Begin(); err != nil {
		return err
	}
	for m := range messages {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// none answers with an empty list.
func none(w http.ResponseWriter, r *server.Request) error {
	return server.JSON(w, r, http.StatusOK, []any{})
}

// plugins are the calls about a plugin, of which there is none, and those that would make one.
func plugins() []server.Route {
	since := version.Of(1, 25)
	routes := []server.Route{
		{Method: "GET", Path: "/plugins/privileges", Handle: noPlugins, Since: since},
		{Method: "POST", Path: "/plugins/pull", Handle: noPlugins, Since: since},
		{Method: "POST", Path: "/plugins/create", Handle: noPlugins, Since: since},
		{Method: "GET", Path: "/plugins/{name...}/json", Handle: noPlugin, Since: since},
		{Method: "DELETE", Path: "/plugins/{name...}", Handle: noPlugin, Since: since},
	}
	for _, verb := range []string{"enable", "disable", "push", "set", "upgrade"} {
		routes = append(routes, server.Route{Method: "POST", Path: "/plugins/{name...}/" + verb, Handle: noPlugin, Since: since})
	}
	return routes
}

// noPlugin is what a real engine says of a plugin it does not have.
func noPlugin(_ http.ResponseWriter, r *server.Request) error {
	return fmt.Errorf("plugin %q not found: %w", r.Var("name"), errs.ErrNotFound)
}

// noPlugins is 500: the documents have no other status for these calls.
func noPlugins(http.ResponseWriter, *server.Request) error {
	return errors.New("cleatd has no plugins")
}

func noSwarm(_ http.ResponseWriter, r *server.Request) error {
	if r.Var("rest") == "leave" {
		return errs.Errorf(errs.ErrUnavailable, "This node is not part of a swarm")
	}
	return server.ErrNoSwarm
}
