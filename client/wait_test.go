package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// The subscription begins a moment before it is made, so that nothing is missed; an exit from before the wait, which
// the engine then sends again, is not the next exit.
func TestWaitPassesOverAnOlderExit(t *testing.T) {
	cleanEnv(t)
	var exits, inspects atomic.Int64
	exits.Store(1)
	again := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Version":"1.6.2","ApiVersion":"1.18"}`)
	})
	mux.HandleFunc("GET /v1.18/containers/{id}/json", func(w http.ResponseWriter, _ *http.Request) {
		n := exits.Load()
		_, _ = fmt.Fprintf(w, `{"Id":"c1","State":{"ExitCode":%d,"FinishedAt":"2015-01-01T00:00:00.%dZ"}}`, n, n)
		if inspects.Add(1) == 2 { // the first is before the wait, the second looks into the older exit
			close(again)
		}
	})
	mux.HandleFunc("GET /v1.18/events", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("since") == "" {
			http.Error(w, "no since", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"status":"die","id":"c1","time":1}{"status":"die","id":"other","time":1}`)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-again:
		case <-r.Context().Done():
			return
		}
		exits.Store(5)
		_, _ = io.WriteString(w, `{"status":"die","id":"c1","time":2}`)
	})
	c, err := New(t.Context(), Config{Host: serveUnix(t, mux)})
	if err != nil {
		t.Fatal(err)
	}
	wait := c.ContainerWait(t.Context(), "web", moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if code := waited(t, t.Context(), wait); code != 5 {
		t.Errorf("exit code %d, want that of the next exit, 5", code)
	}
}

// An engine that dies while we wait is an error, not an exit.
func TestWaitEndsWithTheEngine(t *testing.T) {
	cleanEnv(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Version":"1.6.2","ApiVersion":"1.18"}`)
	})
	mux.HandleFunc("GET /v1.18/containers/{id}/json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Id":"c1","State":{"Running":true}}`)
	})
	mux.HandleFunc("GET /v1.18/events", func(http.ResponseWriter, *http.Request) {})
	c, err := New(t.Context(), Config{Host: serveUnix(t, mux)})
	if err != nil {
		t.Fatal(err)
	}
	wait := c.ContainerWait(t.Context(), "web", moby.ContainerWaitOptions{})
	select {
	case r := <-wait.Result:
		t.Errorf("exit %+v", r)
	case err := <-wait.Error:
		if !errors.Is(err, errs.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	}
}
