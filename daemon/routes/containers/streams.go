package containers

import (
	"errors"
	"fmt"
	"net/http"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/cleat-dev/cleat/daemon/server"
)

// Media types of output: raw from a terminal, or in frames.
const (
	rawType    = "application/vnd.docker.raw-stream"
	framesType = "application/vnd.docker.multiplexed-stream"
)

func streamType(r *server.Request, tty bool) string {
	if !tty && r.Trait("attach-multiplexed-type") {
		return framesType
	}
	return rawType
}

func (h handlers) logs(w http.ResponseWriter, r *server.Request) error {
	q := r.Query()
	o := LogOptions{Since: q.Get("since"), Until: q.Get("until"), Tail: q.Get("tail")}
	if err := switches(r, map[string]*bool{"stdout": &o.Stdout, "stderr": &o.Stderr, "follow": &o.Follow, "timestamps": &o.Timestamps, "details": &o.Details}); err != nil {
		return err
	}
	tty, write, err := h.backend.Logs(r.Var("id"), o)
	if errors.Is(err, cerrdefs.ErrNotImplemented) {
		return server.Status(http.StatusNotImplemented, err)
	}
	if err != nil {
		return err
	}
	if r.Header.Get("Upgrade") != "" && r.Trait("logs-upgrade") {
		conn, _, err := server.Hijack(w, r, streamType(r, tty))
		if err != nil {
			return err
		}
		return errors.Join(write(r.Context(), conn), conn.Close())
	}
	w.Header().Set("Content-Type", streamType(r, tty))
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	if err := write(r.Context(), w); err != nil && r.Context().Err() == nil {
		return err
	}
	return nil
}

// attachOptions reads the parameters of attach.
func attachOptions(r *server.Request) (AttachOptions, error) {
	o := AttachOptions{DetachKeys: r.Query().Get("detachKeys")}
	o.Raw = r.Trait("attach-merged")
	err := switches(r, map[string]*bool{"logs": &o.Logs, "stream": &o.Stream, "stdin": &o.Stdin, "stdout": &o.Stdout, "stderr": &o.Stderr})
	return o, err
}

func (h handlers) attach(w http.ResponseWriter, r *server.Request) error {
	o, err := attachOptions(r)
	if err != nil {
		return err
	}
	tty, err := h.backend.AttachInfo(r.Var("id"), o)
	if err != nil {
		return err
	}
	conn, buffered, err := server.Hijack(w, r, streamType(r, tty))
	if err != nil {
		return err
	}
	return h.backend.Attach(r.Context(), r.Var("id"), conn, buffered, o)
}
