package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// cutTimeout is how long handlers may take to return once their context has ended.
const cutTimeout = 5 * time.Second

// Serve answers requests on the listeners until ctx ends or one of them fails. At the end it stops accepting, ends the
// calls marked Endless at once, lets the others finish within [Config.DrainTimeout] and then ends them as well. When it
// returns the listeners are closed and no handler runs any more, except one that ignores its context for 5 s, which is
// reported. A server serves once.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	h := &http.Server{
		Handler:           s,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    s.cfg.MaxHeader,
		ErrorLog:          s.errorLog(),
		Protocols:         new(http.Protocols),
	}
	h.Protocols.SetHTTP1(true) // sessions take over the connection, which HTTP/2 has not
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- h.Serve(l) }()
	}
	var err error
	running := len(listeners)
	select {
	case <-ctx.Done():
	case err = <-failed:
		running--
		err = fmt.Errorf("listener: %w", err)
	}
	err = errors.Join(err, s.stop(h, base, cut))
	for range running {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// stop ends what is going on.
func (s *Server) stop(h *http.Server, base context.Context, cut context.CancelFunc) error {
	s.calls.cutEndless()
	drain, cancel := context.WithTimeout(base, s.cfg.DrainTimeout)
	defer cancel()
	err := h.Shutdown(drain)
	if err == nil {
		err = s.calls.wait(drain) // sessions are not net/http's to wait for
	}
	if err == nil {
		return nil
	}
	s.cfg.Log.Warn("calls are ended before they are done", "calls", s.calls.count(), "after", s.cfg.DrainTimeout)
	rest, cancelRest := context.WithTimeout(context.WithoutCancel(base), cutTimeout)
	defer cancelRest()
	cut()
	err = h.Close()
	if s.calls.wait(rest) != nil {
		err = errors.Join(err, fmt.Errorf("%d calls do not end", s.calls.count()))
	}
	return err
}

// errorLog takes what net/http complains of: failed TLS handshakes and the like, which any port scan causes.
func (s *Server) errorLog() *log.Logger {
	return s.cfg.Log.Named("http").StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug})
}

// calls counts the handlers that run.
type calls struct {
	mu       sync.Mutex
	running  int
	idle     chan struct{} // closed when running falls to zero; nil while nobody waits
	stopping bool
	endless  map[int]context.CancelFunc
	next     int
}

// enter registers a call, and returns the request with the context it is to have.
func (c *calls) enter(r *http.Request, endless bool) (*http.Request, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running++
	if !endless {
		return r, c.leave
	}
	ctx, cancel := context.WithCancel(r.Context())
	if c.stopping {
		cancel()
	}
	if c.endless == nil {
		c.endless = map[int]context.CancelFunc{}
	}
	id := c.next
	c.next++
	c.endless[id] = cancel
	return r.WithContext(ctx), func() {
		cancel()
		c.mu.Lock()
		delete(c.endless, id)
		c.mu.Unlock()
		c.leave()
	}
}

func (c *calls) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if c.running == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// cutEndless ends the calls that would not end by themselves, and those to come.
func (c *calls) cutEndless() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	for _, cancel := range c.endless {
		cancel()
	}
}

// wait returns when no call runs, or the context's error.
func (c *calls) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.running == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // its meaning is all there is
	}
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}
