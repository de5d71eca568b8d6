package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// response notes what has been sent, and lets through everything the connection can do.
type response struct {
	http.ResponseWriter
	status int      // 0 until the header is written
	taken  net.Conn // the connection, when it is the handler's
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(code int) {
	if w.status == 0 && code >= http.StatusOK {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *response) Write(p []byte) (int, error) {
	w.written()
	return w.ResponseWriter.Write(p) //nolint:wrapcheck // a writer's errors are its own
}

// ReadFrom keeps sendfile and splice for large answers.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	w.written()
	return io.Copy(w.ResponseWriter, src) //nolint:wrapcheck // a writer's errors are its own
}

// Flush sends what is buffered, the header included.
func (w *response) Flush() {
	w.written()
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Hijack is for [Hijack] and for websockets.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("hijack: %w", err)
	}
	w.taken, w.status = conn, http.StatusSwitchingProtocols
	return conn, rw, nil
}

func (w *response) written() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// Prune answers with what prune reports, which is given the filters of the query.
func Prune[T any](w http.ResponseWriter, r *Request, prune func(context.Context, map[string][]string) (T, error)) error {
	filters, err := r.Filters()
	if err != nil {
		return err
	}
	report, err := prune(r.Context(), filters)
	if err != nil {
		return err
	}
	return JSON(w, r, http.StatusOK, report)
}

// JSON answers with v in the form of the client's version.
func JSON(w http.ResponseWriter, r *Request, status int, v any) error {
	body, err := r.lower(v)
	if err != nil {
		return err
	}
	h := w.Header()
	if h.Get("Content-Type") == "" { // a handler may know better: the document has odd ones
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
