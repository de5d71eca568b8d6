package execs

import (
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

// Media types of a session: raw, and framed for clients that know the difference.
const (
	rawType    = "application/vnd.docker.raw-stream"
	framesType = "application/vnd.docker.multiplexed-stream"
)

// Routes are the calls about execs.
func Routes(b Backend) []server.Route {
	h := handler{b}
	first, inspect := version.Of(1, 15), version.Of(1, 16)
	return []server.Route{
		{Method: http.MethodPost, Path: "/containers/{id}/exec", Since: first, Handle: h.create, Doc: "Exec Create"},
		{Method: http.MethodPost, Path: "/exec/{id}/start", Since: first, Endless: true, Handle: h.start, Doc: "Exec Start"},
		{Method: http.MethodPost, Path: "/exec/{id}/resize", Since: first, Handle: h.resize, Doc: "Exec Resize"},
		{Method: http.MethodGet, Path: "/exec/{id}/json", Since: inspect, Handle: h.inspect, Doc: "Exec Inspect"},
	}
}

type handler struct{ b Backend }

func (h handler) create(w http.ResponseWriter, r *server.Request) error {
	var body container.ExecCreateRequest
	if err := r.Decode(&body); err != nil {
		return err
	}
	id, err := h.b.Create(r.Context(), r.Var("id"), body)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusCreated, container.ExecCreateResponse{ID: id})
}

func (h handler) start(w http.ResponseWriter, r *server.Request) error {
	var body container.ExecStartRequest
	if err := r.Decode(&body); err != nil {
		return err
	}
	if body.ConsoleSize != nil && !body.Tty {
		return fmt.Errorf("console size can only be set with Tty: %w", errs.ErrInvalid)
	}
	taken := false
	err := h.b.Start(r.Context(), r.Var("id"), body, func(tty bool) (net.Conn, []byte, error) {
		form := rawType
		if !tty && !body.Tty && r.Trait("attach-multiplexed-type") {
			form = framesType
		}
		taken = true
		return server.Hijack(w, r, form)
	})
	switch {
	case err != nil:
		return err
	case !taken:
		w.WriteHeader(http.StatusOK)
	}
	return nil
}

func (h handler) resize(w http.ResponseWriter, r *server.Request) error {
	height, err := characters(r, "h")
	if err != nil {
		return err
	}
	width, err := characters(r, "w")
	if err != nil {
		return err
	}
	err = h.b.Resize(r.Context(), r.Var("id"), height, width)
	switch {
	case err != nil:
		return err
	case r.Trait("exec-resize-201"):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8") // the document's
		w.WriteHeader(http.StatusCreated)
	default:
		w.WriteHeader(http.StatusOK)
	}
	return nil
}

// characters reads a size of a terminal.
func characters(r *server.Request, name string) (uint, error) {
	n, err := strconv.ParseUint(r.Query().Get(name), 10, 16) // as wide as the kernel's field
	if err != nil {
		return 0, fmt.Errorf("bad parameter %s=%q: want a number of characters: %w", name, r.Query().Get(name), errs.ErrInvalid)
	}
	return uint(n), nil
}

// inspected is an exec with its container, which only old versions have.
type inspected struct {
	container.ExecInspectResponse
	Container *container.InspectResponse `json:",omitempty"`
}

func (h handler) inspect(w http.ResponseWriter, r *server.Request) error {
	found, err := h.b.Inspect(r.Context(), r.Var("id"))
	if err != nil {
		return err
	}
	out := inspected{ExecInspectResponse: found}
	if r.Trait("exec-inspect-container") {
		c, err := h.b.Container(r.Context(), r.Var("id"))
		if err != nil {
			return err
		}
		out.Container = &c
	}
	if r.Trait("exec-inspect-plain-text") {
		w.Header().Set("Content-Type", "plain/text") // the document's
	}
	return server.JSON(w, r, http.StatusOK, out)
}
