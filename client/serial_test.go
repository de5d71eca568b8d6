package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	moby "github.com/moby/moby/client"
)

// What these answer to the probe.
const (
	podman4 = `{"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24","Components":[{"Name":"Podman Engine"}]}`
	podman5 = `{"Version":"5.2.0","ApiVersion":"1.41","MinAPIVersion":"1.24","Components":[{"Name":"Podman Engine"}]}`
)

func TestChangesNames(t *testing.T) {
	t.Parallel()
	for call, want := range map[[2]string]bool{
		{"POST", "/images/a:1/tag"}:              true,
		{"POST", "/images/host:5000/a/b:1/tag"}:  true,
		{"DELETE", "/images/a/b:1"}:              true,
		{"POST", "/images/a/b:1/push"}:           false,
		{"POST", "/images/create"}:               false,
		{"GET", "/images/a/tag/json"}:            false,
		{"GET", "/images/json"}:                  false,
		{"DELETE", "/containers/a"}:              false,
		{"POST", "/containers/tag/rename"}:       false,
		{"POST", "/commit"}:                      false,
		{"POST", "/build"}:                       false,
		{"DELETE", "/volumes/images"}:            false,
		{"POST", "/networks/images/a/tag"}:       false,
		{"HEAD", "/images/a/tag"}:                false,
		{"POST", "/images/registry/tag/tag/tag"}: true,
	} {
		if got := changesNames(call[0], call[1]); got != want {
			t.Errorf("%s %s: %v, want %v", call[0], call[1], got, want)
		}
	}
}

// crowd is an engine that answers when it is told to and counts how many calls it had at once.
type crowd struct {
	gate
	now, most atomic.Int64
}

func (c *crowd) RoundTrip(req *http.Request) (*http.Response, error) {
	highest(&c.most, c.now.Add(1))
	defer c.now.Add(-1)
	return c.gate.RoundTrip(req)
}

// highest keeps the highest n it was given.
func highest(most *atomic.Int64, n int64) {
	for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
	}
}

// nameChanges are calls that wait for each other.
var nameChanges = [][2]string{
	{"POST", "/base/v1.41/images/a/b:1/tag"}, {"DELETE", "/base/v1.41/images/a/b:2"},
	{"POST", "/base/images/sha256:1/tag"}, {"DELETE", "/base/v1.41/images/host:5000/c"},
}

func TestNamesChangeOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &crowd{gate: gate{open: make(chan struct{})}}
		s := newSerial(engine, "/base")
		var wg sync.WaitGroup
		for _, c := range append(nameChanges, nameChanges...) {
			wg.Go(func() {
				if _, err := call(t.Context(), s, c[0], c[1]); err != nil {
					t.Error(err)
				}
			})
		}
		for sent := range 2 * len(nameChanges) {
			synctest.Wait()
			if n := engine.calls.Load(); n != int64(sent+1) {
				t.Fatalf("%d calls are out after %d answers, want one more", n, sent)
			}
			engine.open <- struct{}{}
		}
		wg.Wait()
		if n := engine.most.Load(); n != 1 {
			t.Errorf("%d calls at once, want 1", n)
		}
	})
}

// What changes no names does not wait, nor does a caller whose context ends; a call that fails lets the next one go.
func TestNamesChangeWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &crowd{gate: gate{open: make(chan struct{})}}
		s := newSerial(engine, "")
		var wg sync.WaitGroup
		first, end := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := call(first, s, "DELETE", "/images/a"); !errors.Is(err, context.Canceled) {
				t.Errorf("first: %v", err)
			}
		})
		synctest.Wait()
		waiting, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := call(waiting, s, "POST", "/images/a/tag"); !errors.Is(err, context.Canceled) {
				t.Errorf("waiting: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := call(t.Context(), s, "GET", "/images/a/json"); err != nil {
				t.Errorf("read: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := call(t.Context(), s, "POST", "/images/b/tag"); err != nil {
				t.Errorf("next: %v", err)
			}
		})
		synctest.Wait()
		if n := engine.now.Load(); n != 2 {
			t.Errorf("%d calls are out, want the first and the read", n)
		}
		cancel()
		synctest.Wait()
		end()
		synctest.Wait()
		if n := engine.calls.Load(); n != 3 {
			t.Errorf("%d calls went out, want 3: not the one cancelled while it waited", n)
		}
		close(engine.open)
		wg.Wait()
	})
}

// TestNamesChangeAtOnce asks the whole client: only a podman before 5 is spared.
func TestNamesChangeAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		most    int64
		// patience is how long the engine waits for another call before it answers one.
		patience time.Duration
	}{
		"dockerd":  {docker20, 4, 10 * time.Second},
		"podman 5": {podman5, 4, 10 * time.Second},
		"podman 4": {podman4, 1, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			cleanEnv(t)
			var now, most atomic.Int64
			full := make(chan struct{})
			others := fakeEngine(tc.version)
			host := serveUnix(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					others.ServeHTTP(w, r)
					return
				}
				n := now.Add(1)
				defer now.Add(-1)
				if highest(&most, n); n == 4 {
					close(full)
				}
				select {
				case <-full:
				case <-time.After(tc.patience):
				}
				w.WriteHeader(http.StatusCreated)
			}))
			c, err := New(t.Context(), Config{Host: host})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					if _, err := c.ImageTag(t.Context(), moby.ImageTagOptions{Source: "busybox:1", Target: fmt.Sprint("a/b:", i)}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := most.Load(); n != tc.most {
				t.Errorf("%d calls at once, want %d", n, tc.most)
			}
		})
	}
}
