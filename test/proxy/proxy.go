// Package proxy stands between a program and an engine and counts what passes: every request, whoever sends it, and
// the bytes of bodies in both directions.
package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is a running proxy on a unix socket.
type Proxy struct {
	// Host is its address for DOCKER_HOST.
	Host string

	server   *http.Server
	requests atomic.Int64
	sent     atomic.Int64
	received atomic.Int64

	mu    sync.Mutex
	kinds map[string]int
}

// Traffic is what passed since the last [Proxy.Take].
type Traffic struct {
	// Requests is how many there were; Sent and Received are the bytes of their bodies and of the answers'.
	Requests, Sent, Received int64
	// Kinds counts requests by method and path, with ids and names left out: "GET /containers/*/json".
	Kinds map[string]int
}

// Start listens at socket, which must not exist, and passes everything on to the engine at host ("unix:///…"). seen,
// when not nil, is told of every request as it comes.
func Start(socket, host string, seen func(r *http.Request)) (*Proxy, error) {
	target, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return nil, fmt.Errorf("engine at %s: want unix://", host)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	p := &Proxy{Host: "unix://" + socket, kinds: map[string]int{}}
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "engine"}) },
		FlushInterval: -1, // events and progress are waited for
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", target)
			},
			MaxIdleConnsPerHost: 64, DisableCompression: true,
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	p.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.note(r)
		if seen != nil {
			seen(r)
		}
		if r.Body != nil {
			r.Body = &counted{r.Body, &p.sent}
		}
		forward.ServeHTTP(&answer{w, &p.received}, r)
	})}
	go func() { _ = p.server.Serve(listener) }() // ends with Close
	return p, nil
}

// Close ends the proxy and what passes through it.
func (p *Proxy) Close() error {
	err := p.server.Close()
	if removed := os.Remove(strings.TrimPrefix(p.Host, "unix://")); err == nil && !os.IsNotExist(removed) {
		err = removed
	}
	return err
}

// Take returns what passed since it was called last.
func (p *Proxy) Take() Traffic {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := Traffic{Requests: p.requests.Swap(0), Sent: p.sent.Swap(0), Received: p.received.Swap(0), Kinds: p.kinds}
	p.kinds = map[string]int{}
	return t
}

// Lines are the kinds of requests, "12 GET /containers/*/json", most frequent first.
func (t Traffic) Lines() []string {
	lines := make([]string, 0, len(t.Kinds))
	for kind, n := range t.Kinds {
		lines = append(lines, fmt.Sprintf("%6d %s", n, kind))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(b, a) })
	return lines
}

var (
	versioned = regexp.MustCompile(`^/v[0-9.]+/`)
	// named is the part of a path that names one object.
	named = regexp.MustCompile(`^/(containers|images|networks|volumes|exec)/(.+?)(/(?:json|start|stop|wait|rename|update|tag|connect|disconnect|archive|logs|attach|history|push))?$`)
)

func (p *Proxy) note(r *http.Request) {
	p.requests.Add(1)
	path := versioned.ReplaceAllString(r.URL.Path, "/")
	if m := named.FindStringSubmatch(path); m != nil && m[2] != "json" && m[2] != "create" && m[2] != "prune" {
		path = "/" + m[1] + "/*" + m[3]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kinds[r.Method+" "+path]++
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n.Add(int64(n))
	return n, err
}

type answer struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (a *answer) Write(b []byte) (int, error) {
	n, err := a.ResponseWriter.Write(b)
	a.n.Add(int64(n))
	return n, err
}

// Unwrap lets a connection be taken over or flushed.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
