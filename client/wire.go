package client

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	moby "github.com/moby/moby/client"
)

// wire is the lowest layer: it addresses the engine, counts, traces and puts failures into words.
type wire struct {
	ep       *endpoint
	pool     *http.Transport
	release  func() // what its connections share
	requests atomic.Int64
	trace    func(method, path string, status int, d time.Duration)
}

// close closes the connections that nobody uses.
func (w *wire) close() {
	w.pool.CloseIdleConnections()
	w.release()
}

// RoundTrip sends a request whose URL needs only path and query.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.WithContext(req.Context()) // a shallow copy: a RoundTripper must not change what it is given
	out.URL = w.url(req.URL)
	out.Host = out.URL.Host
	w.requests.Add(1)
	began := time.Now()
	resp, err := w.pool.RoundTrip(out)
	if w.trace != nil {
		status := 0
		if err == nil {
			status = resp.StatusCode
		}
		w.trace(req.Method, req.URL.Path, status, time.Since(began))
	}
	if err != nil {
		if ctx := req.Context(); ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, explain(w.ep, err)
	}
	resp.Request = req
	restate(resp)
	if err := mendNetworks(resp); err != nil {
		return nil, explain(w.ep, err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols { // those bodies are connections and must stay writable
		resp.Body = &wireBody{ReadCloser: resp.Body, ep: w.ep}
	}
	return resp, nil
}

func (w *wire) url(u *url.URL) *url.URL {
	out := *u
	out.Scheme, out.Host = "http", moby.DummyHost
	if w.ep.network == "tcp" {
		out.Host = w.ep.address
		if w.ep.tls.on {
			out.Scheme = "https"
		}
	}
	return &out
}

// wireBody puts failures in the middle of a body into words.
type wireBody struct {
	io.ReadCloser
	ep *endpoint
}

func (b *wireBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || errors.Is(err, http.ErrBodyReadAfterClose) || err == io.EOF { //nolint:errorlint // io.EOF must be itself
		return n, err
	}
	return n, explain(b.ep, err)
}
