//go:build linux

package daemon

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// stream is a call whose client leaves before it is over.
type stream struct {
	method, path, kind string
	// body is sent up to its half. text is all of a body.
	body []byte
	text string
	// until is read before the client leaves: a word of the answer; "" reads nothing.
	until string
}

// leave makes the call on a connection of its own and cuts it.
func (b *bench) leave(ctx context.Context, s stream) error {
	conn, err := b.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return err
	}
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: engine\r\n", s.method, s.path)
	if s.kind != "" {
		head += "Content-Type: " + s.kind + "\r\n"
	}
	sent := []byte(s.text)
	if s.body != nil {
		sent = s.body[:len(s.body)/2]
	}
	head += fmt.Sprintf("Content-Length: %d\r\n\r\n", max(len(s.body), len(s.text)))
	if _, err := conn.Write(append([]byte(head), sent...)); err != nil {
		return fmt.Errorf("%s %s: %w", s.method, s.path, err)
	}
	if s.until == "" {
		return nil
	}
	return readUntil(conn, s)
}

func readUntil(conn net.Conn, s stream) error {
	var seen strings.Builder
	buf := make([]byte, 512)
	for r := bufio.NewReader(conn); !strings.Contains(seen.String(), s.until); {
		n, err := r.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			return fmt.Errorf("%s %s: no %q: %w: %.500s", s.method, s.path, s.until, err, seen.String())
		}
	}
	return nil
}

// TestClientGone: clients that leave in the middle of whatever they asked for leave nothing: no goroutine, descriptor, mount or
// file, and nothing half-made.
func TestClientGone(t *testing.T) {
	t.Parallel()
	port := acctest.FreePort(t)
	b := newBench(t, "--metrics-addr", "127.0.0.1:"+strconv.Itoa(port))
	streams := b.streams(t)
	round := func(name string, times int) {
		t.Helper()
		group, ctx := errgroup.WithContext(t.Context())
		for range times {
			group.Go(func() error { return b.leave(ctx, streams[name]()) })
		}
		if err := group.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range streams { // what is made once and kept is not a leak
		round(name, 1)
	}
	before := b.rest(t, port)
	tree := b.steady(t, b.data())
	things := b.things(t)
	for name := range streams {
		round(name, 8)
		b.atRest(t, name, port, before)
	}
	b.unchanged(t, tree, b.data())
	b.same(t, things)
	b.healthy(t)
}

// rest is what the daemon has while nobody asks for anything.
func (b *bench) rest(t *testing.T, port int) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	last := b.held(t, port)
	for tick := time.NewTicker(500 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the daemon does not come to rest: %v", last)
		}
		now := b.held(t, port)
		if fmt.Sprint(now) == fmt.Sprint(last) {
			return now
		}
		last = now
	}
}

func (b *bench) held(t *testing.T, port int) map[string]int {
	t.Helper()
	pid, err := b.DaemonPID()
	if err != nil {
		t.Fatal(err)
	}
	proc := fmt.Sprintf("/proc/%d", pid)
	return map[string]int{
		"goroutines": metric(t, port, "go_goroutines"), "descriptors": entries(t, filepath.Join(proc, "fd")),
		"mounts": lines(t, filepath.Join(proc, "mountinfo")), "processes": b.processes(t),
	}
}

// atRest waits until the daemon has no more than before.
func (b *bench) atRest(t *testing.T, what string, port int, before map[string]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		now, more := b.held(t, port), false
		for kind, n := range now {
			loose := map[string]int{"goroutines": 4, "descriptors": 4}[kind] // connections that are about to be closed
			more = more || n > before[kind]+loose
		}
		if !more {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Errorf("%s: before %v, after %v", what, before, now)
			return
		}
	}
}

// streams are all calls that take their time, by name.
func (b *bench) streams(t *testing.T) map[string]func() stream {
	t.Helper()
	const archive, jsonKind = "application/x-tar", "application/json"
	layer := pack(t, file("noise", string(noise(6*megabyte, 9))))
	got := b.call(t, "POST", "/images/create?fromSrc=-&repo=gone/image", archive, bytes.NewReader(layer))
	if why, failed := got.failed(); failed {
		t.Fatal(why)
	}
	registry, remote := newLiar(t), pack(t, file("noise", string(noise(6*megabyte, 11))))
	registry.image("gone/pull:1", remote)
	registry.lie(func(w http.ResponseWriter, r *http.Request) bool { return registry.slow(w, r, remote) })
	b.json(t, "POST", "/images/gone/image/tag?repo="+url.QueryEscape(registry.ref("gone/push"))+"&tag=1", nil, nil)
	id := b.make(t, "gone", map[string]any{"OpenStdin": true}, nil, "sh", "-c",
		"dd if=/dev/zero of=/big bs=1M count=16 2>/dev/null; echo ready; while sleep 0.2; do echo more; done")
	b.json(t, "POST", "/containers/"+id+"/start", nil, nil)
	ready := stream{method: "GET", path: "/containers/" + id + "/logs?follow=1&stdout=1", until: "ready"}
	if err := b.leave(t.Context(), ready); err != nil {
		t.Fatal(err)
	}
	saved := b.call(t, "GET", "/images/gone/image/get", "", nil)
	build := pack(t, file("Dockerfile", "FROM busybox:1\nRUN echo begun-$((1+1)); sleep 1000\n"))
	context := pack(t, file("Dockerfile", "FROM busybox:1\nCOPY noise /\n"), file("noise", string(noise(6*megabyte, 10))))
	one := func(s stream) func() stream { return func() stream { return s } }
	return map[string]func() stream{
		"pull":         one(stream{method: "POST", path: "/images/create?fromImage=" + url.QueryEscape(registry.ref("gone/pull")) + "&tag=1", until: "Downloading"}),
		"push":         one(stream{method: "POST", path: "/images/" + registry.ref("gone/push") + "/push?tag=1", until: "Preparing"}),
		"load":         one(stream{method: "POST", path: "/images/load", kind: archive, body: []byte(saved.body)}),
		"import":       one(stream{method: "POST", path: "/images/create?fromSrc=-&repo=gone/import", kind: archive, body: layer}),
		"save":         one(stream{method: "GET", path: "/images/gone/image/get", until: "200 OK"}),
		"context":      one(stream{method: "POST", path: "/build?t=gone/build", kind: archive, body: context}),
		"build":        one(stream{method: "POST", path: "/build?t=gone/build&nocache=1", kind: archive, text: string(build), until: "begun-2"}),
		"export":       one(stream{method: "GET", path: "/containers/" + id + "/export", until: "200 OK"}),
		"get archive":  one(stream{method: "GET", path: "/containers/" + id + "/archive?path=/big", until: "200 OK"}),
		"put archive":  one(stream{method: "PUT", path: "/containers/" + id + "/archive?path=/", kind: archive, body: layer}),
		"logs":         one(ready),
		"attach":       one(stream{method: "POST", path: "/containers/" + id + "/attach?stream=1&stdout=1&stderr=1", until: "more"}),
		"attach log":   one(stream{method: "POST", path: "/containers/" + id + "/attach?logs=1&stream=1&stdout=1", until: "more"}),
		"attach stdin": one(stream{method: "POST", path: "/containers/" + id + "/attach?stream=1&stdin=1&stdout=1", until: "more"}),
		"exec": func() stream {
			var made struct {
				ID string `json:"Id"`
			}
			b.json(t, "POST", "/containers/"+id+"/exec", map[string]any{"Cmd": []string{"sh", "-c", "echo begun; cat"}, "AttachStdin": true, "AttachStdout": true}, &made)
			return stream{method: "POST", path: "/exec/" + made.ID + "/start", kind: jsonKind, text: `{}`, until: "begun"}
		},
		"events":   one(stream{method: "GET", path: "/events?since=1", until: "status"}),
		"stats":    one(stream{method: "GET", path: "/containers/" + id + "/stats", until: "memory_stats"}),
		"top":      one(stream{method: "GET", path: "/containers/" + id + "/top"}),
		"wait":     one(stream{method: "POST", path: "/containers/" + id + "/wait?condition=next-exit", until: "200 OK"}),
		"old wait": one(stream{method: "POST", path: "/v1.18/containers/" + id + "/wait"}),
	}
}

// slow answers for a registry that sends half a layer and then nothing, and takes nothing.
func (l *liar) slow(w http.ResponseWriter, r *http.Request, layer []byte) bool {
	switch {
	case r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/blobs/"):
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPost:
		w.Header().Set("Location", r.URL.Path+"upload")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPatch || r.Method == http.MethodPut:
		select {
		case <-r.Context().Done():
		case <-l.ending:
		}
	case strings.HasSuffix(r.URL.Path, "/blobs/"+digestOf(layer)):
		from := 0
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(layer)-1, len(layer)))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(layer)))
		}
		_, _ = w.Write(layer[from:min(from+1000, len(layer))])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		return false
	}
	return true
}
