//go:build linux

package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"
)

// proxy passes requests on to an engine and counts them.
type proxy struct {
	// host is its own address, for DOCKER_HOST.
	host     string
	server   *http.Server
	requests atomic.Int64
	bytes    atomic.Int64
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
	p := &proxy{host: "unix://" + socket}
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
		p.requests.Add(1)
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
