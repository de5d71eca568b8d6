package metric

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/daemon/server"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := New("1.2.3", "abc")
	m.Containers(func() (int, int, int) { return 3, 0, 2 })
	m.Observe(server.Call{Method: "GET", Path: "/info", Status: 200, Duration: 2 * time.Millisecond})
	m.Observe(server.Call{Method: "GET", Path: "/info", Status: 200, Duration: 200 * time.Millisecond})
	m.Observe(server.Call{Status: 404})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Serve(ctx, l, hclog.NewNullLogger()) }()
	get := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	code, text := get("/metrics")
	if code != 200 {
		t.Errorf("status %d", code)
	}
	for _, want := range []string{
		`cleat_requests_total{method="GET",route="/info",status="200"} 2`,
		`cleat_requests_total{method="",route="",status="404"} 1`,
		`cleat_request_duration_seconds_bucket{method="GET",route="/info",le="0.005"} 1`,
		`cleat_containers{state="running"} 3`, `cleat_containers{state="paused"} 0`, `cleat_containers{state="stopped"} 2`,
		`cleat_build_info{commit="abc",version="1.2.3"} 1`, `go_goroutines \d+`, `process_open_fds \d+`,
	} {
		if want != `go_goroutines \d+` && want != `process_open_fds \d+` {
			want = regexp.QuoteMeta(want)
		}
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(text) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if code, _ := get("/containers/json"); code != 404 {
		t.Errorf("another path: %d", code)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
