package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine := filepath.Join(dir, "engine")
	listener, err := net.Listen("unix", engine)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // a test's
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append(body, []byte(r.URL.Path)...))
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })

	p, err := Start(filepath.Join(dir, "proxy"), "unix://"+engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, "proxy"))
	}}}
	for _, call := range []struct{ method, path, body, want string }{
		{"GET", "/v1.41/containers/abc/json", "", "/v1.41/containers/abc/json"},
		{"GET", "/v1.41/containers/def/json", "", "/v1.41/containers/def/json"},
		{"GET", "/containers/json", "", "/containers/json"},
		{"POST", "/v1.41/containers/create", "12345", "12345/v1.41/containers/create"},
		{"DELETE", "/v1.41/images/a/b/c:1", "", "/v1.41/images/a/b/c:1"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), call.method, "http://engine"+call.path, strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		if err != nil || string(got) != call.want {
			t.Errorf("%s %s: %q, %v; want %q", call.method, call.path, got, err, call.want)
		}
		_ = answer.Body.Close()
	}
	want := Traffic{Requests: 5, Sent: 5, Received: 26 + 26 + 16 + 29 + 21, Kinds: map[string]int{
		"GET /containers/*/json": 2, "GET /containers/json": 1, "POST /containers/create": 1, "DELETE /images/*": 1,
	}}
	if diff := cmp.Diff(want, p.Take()); diff != "" {
		t.Errorf("traffic (-want +got):\n%s", diff)
	}
	if again := p.Take(); again.Requests != 0 || len(again.Kinds) != 0 {
		t.Errorf("counted twice: %+v", again)
	}
}
