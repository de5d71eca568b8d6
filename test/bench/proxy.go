//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// proxy passes requests on to an engine and counts them.
type proxy struct {
	// host is its own address, for DOCKER_HOST.
	host     string
	server   *http.Server
	requests atomic.Int64
	bytes    atomic.Int64

	mu    sync.Mutex
	kinds map[string]int
}

// version is the first part of a path, and named an object's name or id in it.
var (
	version = regexp.MustCompile(`^/v[0-9.]+`)
	named   = regexp.MustCompile(`^(/(?:containers|networks|volumes|images|exec))/(.+?)(/[a-z]+)?$`)
)

// count notes one request by its method and the constant parts of its path.
func (p *proxy) count(r *http.Request) {
	p.requests.Add(1)
	path := version.ReplaceAllString(r.URL.Path, "")
	if parts := named.FindStringSubmatch(path); parts != nil && parts[2] != "json" && parts[2] != "create" {
		path = parts[1] + "/…" + parts[3]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kinds[r.Method+" "+path]++
}

// takeKinds returns the requests since the last call, "12 GET /containers/…/json", most frequent first.
func (p *proxy) takeKinds() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for kind, n := range p.kinds {
		lines = append(lines, fmt.Sprintf("%6d %s", n, kind))
	}
	clear(p.kinds)
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(b, a) })
	return lines
}

// newProxy listens on a unix socket in front of the engine at target ("unix://…").
func newProxy(ctx context.Context, target, socket string) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	engine := strings.TrimPrefix(target, "unix://")
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", engine)
		},
	}
	p := &proxy{host: "unix://" + socket, kinds: map[string]int{}}
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		Transport:     transport,
		FlushInterval: -1, // events and progress as they come
		ErrorLog:      log.New(io.Discard, "", 0),
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode != http.StatusSwitchingProtocols {
				r.Body = &countingBody{r.Body, &p.bytes}
			}
			return nil
		},
	}
	p.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.count(r)
		forward.ServeHTTP(w, r)
	})}
	go func() { _ = p.server.Serve(listener) }() // ends with close
	return p, nil
}

func (p *proxy) close() { _ = p.server.Close() }

// take returns the counts since the last call.
func (p *proxy) take() (requests, bytes int64) { return p.requests.Swap(0), p.bytes.Swap(0) }

type countingBody struct {
	io.ReadCloser
	count *atomic.Int64
}

func (b *countingBody) Read(buf []byte) (int, error) {
	n, err := b.ReadCloser.Read(buf)
	b.count.Add(int64(n))
	return n, err
}
