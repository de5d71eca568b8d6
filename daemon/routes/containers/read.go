package containers

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/server"
)

func (h handlers) list(w http.ResponseWriter, r *server.Request) error {
	o := ListOptions{Since: r.Query().Get("since"), Before: r.Query().Get("before")}
	if err := switches(r, map[string]*bool{"all": &o.All, "size": &o.Size}); err != nil {
		return err
	}
	var err error
	if o.Limit, err = r.Int("limit", 0); err != nil {
		return err
	}
	if o.Filters, err = r.Filters(); err != nil {
		return err
	}
	rows, err := h.backend.List(r.Context(), o)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, rows)
}

// inspected is an inspect with the one field of Config that 1.44 has and the newest types have not.
type inspected struct {
	container.InspectResponse
	Config *config
}

type config struct {
	*container.Config
	MacAddress string `json:",omitempty"`
}

func (h handlers) inspect(w http.ResponseWriter, r *server.Request) error {
	size, err := r.Bool("size")
	if err != nil {
		return err
	}
	found, err := h.backend.Inspect(r.Context(), r.Var("id"), size)
	if err != nil {
		return err
	}
	answer := inspected{InspectResponse: found, Config: &config{Config: found.Config, MacAddress: h.backend.MacAddress(found.ID)}}
	return server.JSON(w, r, http.StatusOK, answer)
}

func (h handlers) top(w http.ResponseWriter, r *server.Request) error {
	answer, err := h.backend.Top(r.Context(), r.Var("id"), r.Query().Get("ps_args"))
	if err != nil {
		return wrongState(r, err)
	}
	return server.JSON(w, r, http.StatusOK, answer)
}

func (h handlers) changes(w http.ResponseWriter, r *server.Request) error {
	changes, err := h.backend.Changes(r.Context(), r.Var("id"))
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, changes)
}

func (h handlers) wait(w http.ResponseWriter, r *server.Request) error {
	condition := container.WaitCondition(r.Query().Get("condition"))
	wait, err := h.backend.Wait(r.Var("id"), condition)
	if err != nil && condition != "" && errors.Is(err, errs.ErrInvalid) && !r.Trait("wait-bad-condition-400") {
		wait, err = h.backend.Wait(r.Var("id"), container.WaitConditionNotRunning)
	}
	if err != nil {
		return err
	}
	answer := func() (container.WaitResponse, error) {
		code, message, err := wait(r.Context())
		out := container.WaitResponse{StatusCode: int64(code)}
		if message != "" {
			out.Error = &container.WaitExitError{Message: message}
		}
		return out, err
	}
	if !r.Trait("wait-headers-early") {
		out, err := answer()
		if err != nil {
			return err
		}
		return server.JSON(w, r, http.StatusOK, out)
	}
	stream := server.Stream(w, r)
	stream.End = "\n"
	if err := stream.Begin(); err != nil {
		return err
	}
	out, err := answer()
	if err != nil {
		return err
	}
	return stream.Send(out)
}

func (h handlers) stats(w http.ResponseWriter, r *server.Request) error {
	o := StatsOptions{Stream: true}
	if err := switches(r, map[string]*bool{"stream": &o.Stream, "one-shot": &o.OneShot}); err != nil {
		return err
	}
	if o.Stream && o.OneShot {
		return badParameter("one-shot", "cannot have stream=true and one-shot=true")
	}
	send := func(s container.StatsResponse) error { return server.JSON(w, r, http.StatusOK, s) }
	if o.Stream {
		stream := server.Stream(w, r)
		stream.End = "\n"
		send = func(s container.StatsResponse) error { return stream.Send(s) }
	}
	err := h.backend.Stats(r.Context(), r.Var("id"), o, send)
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return nil // the client has seen enough
	}
	return err
}

// badParameter is a 400 that names a parameter.
func badParameter(name, what string) error {
	return fmt.Errorf("bad parameter: %s: %s: %w", name, what, errs.ErrInvalid)
}

func isConflict(err error) bool { return errors.Is(errs.Class(err), errs.ErrConflict) }
