package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// gate is an engine that answers when it is told to.
type gate struct {
	calls  atomic.Int64
	open   chan struct{} // nil: answers at once
	status int
	err    error
	body   func() io.ReadCloser
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	n := g.calls.Add(1)
	if g.open != nil {
		select {
		case <-g.open:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if g.err != nil {
		return nil, g.err
	}
	body := io.NopCloser(strings.NewReader(strings.Repeat("x", int(n))))
	if g.body != nil {
		body = g.body()
	}
	status := g.status
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{StatusCode: status, Header: http.Header{"N": {"1"}}, Body: body, ContentLength: -1, Request: req}, nil
}

func call(ctx context.Context, rt http.RoundTripper, method, path string) (string, error) {
	req := (&http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{}}).WithContext(ctx)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestReadsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &gate{open: make(chan struct{})}
		c := &coalesce{next: engine}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got, err := call(t.Context(), c, "GET", "/v1.41/containers/json"); got != "x" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		synctest.Wait()
		close(engine.open)
		wg.Wait()
		if n := engine.calls.Load(); n != 1 {
			t.Errorf("%d requests for 100 callers, want 1", n)
		}
		if _, err := call(t.Context(), c, "GET", "/v1.41/containers/json"); err != nil || engine.calls.Load() != 2 {
			t.Errorf("a later read was not asked again: %v", err)
		}
	})
}

func TestAReadIsNotSharedAcrossAChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads := &gate{open: make(chan struct{})}
		c := &coalesce{next: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost {
				return (&gate{}).RoundTrip(req)
			}
			return reads.RoundTrip(req)
		})}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = call(t.Context(), c, "GET", "/v1.41/containers/a/json") })
		synctest.Wait()
		if _, err := call(t.Context(), c, "POST", "/v1.41/containers/a/start"); err != nil {
			t.Error(err)
		}
		wg.Go(func() { _, _ = call(t.Context(), c, "GET", "/v1.41/containers/a/json") })
		synctest.Wait()
		if n := reads.calls.Load(); n != 2 {
			t.Errorf("%d reads, want 2: the second came after a change", n)
		}
		close(reads.open)
		wg.Wait()
	})
}

func TestAnEventEndsSharing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		reads := &gate{open: make(chan struct{})}
		c := &coalesce{next: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v1.41/events" {
				return (&gate{body: func() io.ReadCloser { return r }}).RoundTrip(req)
			}
			return reads.RoundTrip(req)
		})}
		events, err := c.RoundTrip((&http.Request{Method: "GET", URL: &url.URL{Path: "/v1.41/events"}}).WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		defer events.Body.Close()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = call(t.Context(), c, "GET", "/v1.41/containers/a/json") })
		synctest.Wait()
		go func() { _, _ = io.WriteString(w, "die") }()
		if _, err := events.Body.Read(make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { _, _ = call(t.Context(), c, "GET", "/v1.41/containers/a/json") })
		synctest.Wait()
		if n := reads.calls.Load(); n != 2 {
			t.Errorf("%d reads, want 2: the second was caused by an event", n)
		}
		close(reads.open)
		wg.Wait()
	})
}

func TestCancellingOneCallerLeavesTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &gate{open: make(chan struct{})}
		c := &coalesce{next: engine}
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := call(first, c, "GET", "/info"); !errors.Is(err, context.Canceled) {
				t.Errorf("first: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if got, err := call(t.Context(), c, "GET", "/info"); got != "x" || err != nil {
				t.Errorf("second: %q, %v", got, err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(engine.open)
		wg.Wait()
		if n := engine.calls.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestTheLastCallerEndsTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &gate{open: make(chan struct{})} // never opened: the bubble fails if the request goes on
		c := &coalesce{next: engine}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, err := call(ctx, c, "GET", "/info"); done <- err }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func TestImageInspectsAreRemembered(t *testing.T) {
	t.Parallel()
	engine := &gate{}
	c := &coalesce{next: engine}
	inspect := func(want int64, why string) {
		t.Helper()
		if _, err := call(t.Context(), c, "GET", "/v1.41/images/a/b:c/json"); err != nil {
			t.Fatal(err)
		}
		if n := engine.calls.Load(); n != want {
			t.Errorf("%s: %d requests, want %d", why, n, want)
		}
	}
	inspect(1, "first")
	inspect(1, "again")
	if _, err := call(t.Context(), c, "POST", "/v1.41/containers/create"); err != nil {
		t.Fatal(err)
	}
	inspect(2, "a container changes no image")
	n := int64(2)
	for _, change := range [][2]string{
		{"POST", "/v1.41/images/create"}, {"POST", "/v1.41/build"}, {"POST", "/v1.41/images/a/tag"}, {"DELETE", "/v1.41/images/a"},
		{"POST", "/v1.41/images/load"}, {"POST", "/v1.41/commit"}, {"POST", "/v1.41/images/prune"},
	} {
		if _, err := call(t.Context(), c, change[0], change[1]); err != nil {
			t.Fatal(err)
		}
		n += 2
		inspect(n, change[1])
		inspect(n, change[1]+", again")
	}
}

// An inspect that began before an image changed and ended after it must not be remembered.
func TestALateInspectIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads := &gate{open: make(chan struct{})}
		c := &coalesce{next: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost {
				return (&gate{}).RoundTrip(req)
			}
			return reads.RoundTrip(req)
		})}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = call(t.Context(), c, "GET", "/images/a/json") })
		synctest.Wait()
		if _, err := call(t.Context(), c, "POST", "/images/a/tag"); err != nil {
			t.Error(err)
		}
		close(reads.open)
		wg.Wait()
		if _, err := call(t.Context(), c, "GET", "/images/a/json"); err != nil || reads.calls.Load() != 2 {
			t.Errorf("%d reads, want 2", reads.calls.Load())
		}
	})
}

func TestFailuresAreNotRemembered(t *testing.T) {
	t.Parallel()
	engine := &gate{status: http.StatusNotFound}
	c := &coalesce{next: engine}
	for range 2 {
		if _, err := call(t.Context(), c, "GET", "/images/a/json"); err != nil {
			t.Fatal(err)
		}
	}
	if n := engine.calls.Load(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := &coalesce{}
	for i := range 100 {
		c.remember(strings.Repeat("k", i), &answer{body: make([]byte, 1<<20)}, 0)
		if c.imageBytes > rememberedBytes || c.imageBytes != len(c.images)<<20 {
			t.Fatalf("%d bytes for %d images", c.imageBytes, len(c.images))
		}
	}
	c.remember("big", &answer{body: make([]byte, rememberedBytes)}, 0)
	if c.images["big"] != nil {
		t.Error("one huge answer is kept")
	}
}

func TestWhatIsShared(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/containers/json": true, "/containers/a/json": true, "/containers/a/logs": false, "/containers/a/stats": false,
		"/containers/a/top": false, "/images/json": true, "/images/a/b/json": true, "/images/a/get": false, "/images/search": false,
		"/networks": true, "/networks/a": true, "/volumes": true, "/volumes/a": true, "/info": true, "/version": true,
		"/events": false, "/exec/a/json": false, "/_ping": false, "/system/df": false, "/distribution/a/json": false,
	} {
		if got := isRead(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestSplitVersion(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ path, base, version, rest string }{
		{"/v1.41/info", "", "v1.41", "/info"},
		{"/x/v1.41/info", "/x", "v1.41", "/info"},
		{"/_ping", "", "", "/_ping"},
		{"/volumes/v1", "", "", "/volumes/v1"},
		{"/version", "", "", "/version"},
	} {
		if v, rest := splitVersion(tc.path, tc.base); v != tc.version || rest != tc.rest {
			t.Errorf("%s: %q, %q", tc.path, v, rest)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestImageByIDIsKnownByName(t *testing.T) {
	t.Parallel()
	const body = `{"Id":"sha256:abc"}`
	g := &gate{body: func() io.ReadCloser { return io.NopCloser(strings.NewReader(body)) }}
	c := &coalesce{next: g}
	for _, path := range []string{"/v1.41/images/team/app:1/json", "/v1.41/images/sha256:abc/json", "/v1.41/images/team/app:1/json"} {
		if got, err := call(t.Context(), c, http.MethodGet, path); err != nil || got != body {
			t.Fatalf("GET %s: %q, %v", path, got, err)
		}
	}
	if n := g.calls.Load(); n != 1 {
		t.Errorf("%d calls for one image, want 1", n)
	}
	if _, err := call(t.Context(), c, http.MethodPost, "/v1.41/images/app/tag"); err != nil {
		t.Fatal(err)
	}
	if _, err := call(t.Context(), c, http.MethodGet, "/v1.41/images/sha256:abc/json"); err != nil {
		t.Fatal(err)
	}
	if n := g.calls.Load(); n != 3 {
		t.Errorf("%d calls after a change of images, want 3", n)
	}
}
