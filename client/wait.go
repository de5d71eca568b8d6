package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/cleat-dev/cleat/api/codec"
	"github.com/cleat-dev/cleat/api/errs"
)

// Below 1.30 a wait answers only when the container has ended, and at once for one that was not started yet; there
// are no conditions. What follows gives today's wait from events and inspects: the headers come when exits are
// being watched, so that a caller may start the container then.

// waitFor returns the container of a wait.
func waitFor(method, rest string) (string, bool) {
	id, ok := strings.CutPrefix(rest, "/containers/")
	if !ok || method != http.MethodPost {
		return "", false
	}
	id, ok = strings.CutSuffix(id, "/wait")
	return id, ok && !strings.Contains(id, "/")
}

// watched is what of a container matters here.
type watched struct {
	ID    string
	State struct {
		Running, Paused, Restarting bool
		ExitCode                    int
		FinishedAt                  string
	}
}

func (w *watched) active() bool { return w.State.Running || w.State.Paused || w.State.Restarting }

func (c *convert) wait(req *http.Request, id, condition string) (*http.Response, error) {
	now, resp, err := c.inspect(req, id)
	if err != nil || now == nil {
		return resp, err // the engine's own error: no such container
	}
	switch condition {
	case "", "not-running", "next-exit", "removed":
	default:
		closeBody(req)
		return refusal(req, fmt.Errorf("wait condition %q: want not-running, next-exit or removed", condition)), nil
	}
	if (condition == "" || condition == "not-running") && !now.active() {
		return c.waited(req, resp, io.NopCloser(bytes.NewReader(exited(now.State.ExitCode)))), nil
	}
	events, err := c.watch(req, now.ID, resp.Header.Get("Date"))
	if err != nil {
		return nil, err
	}
	if events.StatusCode != http.StatusOK {
		return events, c.liftError(events)
	}
	r, w := io.Pipe()
	go func() {
		defer events.Body.Close()
		code, err := c.follow(req, events.Body, now, condition)
		if ctx := req.Context(); ctx.Err() != nil {
			w.CloseWithError(ctx.Err())
			return
		}
		if err != nil {
			w.CloseWithError(err)
			return
		}
		_, _ = w.Write(exited(code)) // fails when nobody reads any more: there is nobody to tell
		_ = w.Close()
	}()
	return c.waited(req, resp, &watching{PipeReader: r, events: events.Body}), nil
}

// watching ends the watch when the caller closes the body.
type watching struct {
	*io.PipeReader
	events io.Closer
}

func (w *watching) Close() error { return errors.Join(w.PipeReader.Close(), w.events.Close()) }

// waited is the answer to a wait, on the headers of the inspect before it.
func (c *convert) waited(req *http.Request, inspected *http.Response, body io.ReadCloser) *http.Response {
	resp := *inspected
	resp.Request, resp.Body, resp.ContentLength = req, body, -1
	return &resp
}

func exited(code int) []byte { return fmt.Appendf(nil, `{"StatusCode":%d}`, code) }

// inspect returns the container, or nil and the engine's refusal. The body of resp has been read.
func (c *convert) inspect(req *http.Request, id string) (*watched, *http.Response, error) {
	resp, err := c.get(req, "/containers/"+id+"/json", nil)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, resp, c.liftError(resp)
	}
	raw, err := readAll(resp)
	if err != nil {
		return nil, nil, err
	}
	var now watched
	if err := json.Unmarshal(raw, &now); err != nil {
		return nil, nil, fmt.Errorf("container %s: %w", id, err)
	}
	return &now, resp, nil
}

// watch subscribes to the end of a container. since, the engine's own clock before, covers what happens until the
// subscription holds: engines send the headers first.
func (c *convert) watch(req *http.Request, id, since string) (*http.Response, error) {
	query := url.Values{}
	codec.SetFilters(query, map[string][]string{"container": {id}, "event": {"die", "destroy"}}, c.spoken)
	if t, err := http.ParseTime(since); err == nil {
		query.Set("since", strconv.FormatInt(t.Unix(), 10))
	}
	return c.get(req, "/events", query)
}

// follow reads events until the condition holds and returns the exit code.
func (c *convert) follow(req *http.Request, events io.Reader, before *watched, condition string) (int, error) {
	code := before.State.ExitCode
	stream := codec.Event.UpStream(events, c.spoken, nil)
	for {
		line, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("container %s: the engine stopped telling of events while it was waited for: %w", before.ID, errs.ErrUnavailable)
		}
		if err != nil {
			return 0, fmt.Errorf("waiting for container %s: %w", before.ID, err)
		}
		var event struct {
			Action string
			Actor  struct {
				ID         string
				Attributes map[string]string
			}
		}
		if err := json.Unmarshal(line, &event); err != nil || event.Actor.ID != before.ID {
			continue
		}
		if event.Action == "destroy" {
			return code, nil
		}
		now, resp, err := c.inspect(req, before.ID)
		switch {
		case err != nil:
			return 0, err
		case now == nil: // gone already: what the event said has to do
			_ = resp.Body.Close()
			if n, err := strconv.Atoi(event.Actor.Attributes["exitCode"]); err == nil {
				code = n
			}
			return code, nil
		case now.State.FinishedAt == before.State.FinishedAt:
			continue // an older exit, replayed by since
		}
		if code = now.State.ExitCode; condition != "removed" {
			return code, nil
		}
	}
}
