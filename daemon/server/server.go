package server

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
)

// Config is what a server is made of. Zero values stand for the defaults.
type Config struct {
	// Routes of all nouns.
	Routes []Route
	// Log takes the access log at debug, errors of the daemon's own at error. Default: none.
	Log hclog.Logger
	// Version of the product, for the header "Server". Default: "dev".
	Version string
	// Min and Max are the first and the last version of the API that are spoken; Max is announced and the version of paths
	// without one. Default: Oldest and Newest.
	Min, Max version.Version
	// CORS is the value of Access-Control-Allow-Origin (--api-cors-header). Default: no such headers.
	CORS string
	// MaxJSON is how large a JSON body may be, in bytes. Default: 8 MiB. Tar streams have no bound here.
	MaxJSON int64
	// MaxHeader is how large a header may be, in bytes. Default: 1 MiB; X-Registry-Config grows with the registries.
	MaxHeader int
	// HeaderTimeout is how long a client may take to send a header. Default: 30 s.
	HeaderTimeout time.Duration
	// BodyTimeout is how long a client may take to send a JSON body. Default: 60 s.
	BodyTimeout time.Duration
	// IdleTimeout is how long a connection without a request is kept. Default: 5 min.
	IdleTimeout time.Duration
	// DrainTimeout is how long calls may go on when the daemon stops. Default: 10 s.
	DrainTimeout time.Duration
	// Observe is told of each call that ended, for metrics. Default: nobody is.
	Observe func(Call)
}

// Call is a call that has ended.
type Call struct {
	// Method and Path of the route; both empty when there was none, so that clients cannot invent label values.
	Method, Path string
	// Status sent; 101 for a connection taken over, 499 when the client left before an answer.
	Status int
	// Duration from the header's arrival to the handler's return.
	Duration time.Duration
}

// clientGone is the status noted, never sent, for a client that left before its answer.
const clientGone = 499

// Server answers requests. It is an http.Handler; [Server.Serve] adds listeners, limits and an orderly end.
type Server struct {
	cfg    Config
	name   string // for the header "Server"
	routes node
	calls  calls
}

// New returns a server for the routes. Two routes for the same method, path and version are an error.
func New(cfg Config) (*Server, error) {
	cfg.setDefaults()
	s := &Server{cfg: cfg, name: "cleatd/" + cfg.Version + " (linux)"}
	for _, route := range cfg.Routes {
		if err := s.routes.add(route); err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
	}
	return s, nil
}

func (c *Config) setDefaults() {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	c.Version = or(c.Version, "dev")
	c.Min, c.Max = or(c.Min, Oldest()), or(c.Max, Newest())
	c.MaxJSON = or(c.MaxJSON, 8<<20)
	c.MaxHeader = or(c.MaxHeader, http.DefaultMaxHeaderBytes)
	c.HeaderTimeout = or(c.HeaderTimeout, 30*time.Second)
	c.BodyTimeout = or(c.BodyTimeout, 60*time.Second)
	c.IdleTimeout = or(c.IdleTimeout, 5*time.Minute)
	c.DrainTimeout = or(c.DrainTimeout, 10*time.Second)
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	start := time.Now()
	out := &response{ResponseWriter: w}
	s.head(out.Header())
	r, err := s.resolve(hr)
	r.out = out
	var leave func()
	if err == nil && r.route != nil {
		r.Request, leave = s.calls.enter(hr, r.route.Endless)
		defer leave()
	}
	aborted := true // unless the handler returns
	defer func() { s.ended(r, start, aborted) }()
	switch {
	case err != nil:
		writeError(out, r.Version, err)
	case r.route == nil: // OPTIONS
		out.Header().Set("Content-Length", "0")
		out.WriteHeader(http.StatusOK)
	default:
		s.run(r)
	}
	if out.taken == nil && hr.ContentLength != 0 {
		// net/http reads what the handler left of the body, and would wait for it for ever.
		_ = http.NewResponseController(out).SetReadDeadline(time.Now().Add(s.cfg.BodyTimeout))
	}
	aborted = false
}

// head sets what every answer carries (versions.md, sections 1 and 7).
func (s *Server) head(h http.Header) {
	h["Server"] = []string{s.name}
	s.announce(h, "Api-Version", s.cfg.Max.String())
	s.announce(h, "Ostype", "linux")
	s.announce(h, "Docker-Experimental", "false")
	s.announce(h, "Builder-Version", "1") // no BuildKit
	s.announce(h, "Swarm", "inactive")
	if s.cfg.CORS != "" {
		h.Set("Access-Control-Allow-Origin", s.cfg.CORS)
		h.Set("Access-Control-Allow-Headers", "Origin, X-Requested-With, Content-Type, Accept, X-Registry-Auth")
		h.Set("Access-Control-Allow-Methods", "HEAD, GET, POST, DELETE, PUT, OPTIONS")
	}
}

// resolve finds version, route and query. The result is never nil; route is nil for OPTIONS, and when there is an error.
func (s *Server) resolve(hr *http.Request) (*Request, error) {
	segments := split(hr.URL)
	v, rest, versionErr := s.cutVersion(segments)
	r := &Request{Request: hr, Version: v, server: s}
	if hr.Method == http.MethodOptions {
		return r, versionErr
	}
	wanted := v
	if versionErr != nil {
		wanted = version.Version{} // a path that never was is 404 all the same
	}
	route, values := s.routes.find(hr.Method, rest, wanted, make([]string, 0, 2))
	switch {
	case route == nil:
		return r, errNotFound
	case versionErr != nil:
		return r, versionErr
	}
	sent, err := url.ParseQuery(hr.URL.RawQuery)
	if err != nil {
		return r, fmt.Errorf("malformed query: %w: %w", err, errs.ErrInvalid)
	}
	r.route, r.values, r.sent = route, values, sent
	if r.query, err = raiseQuery(r); err != nil {
		r.route = nil
		return r, err
	}
	return r, nil
}

// run calls the handler and settles what its error becomes.
func (s *Server) run(r *Request) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
			panic(p)
		}
		s.cfg.Log.Error("handler panicked", "method", r.Method, "route", r.route.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		s.fail(r, fmt.Errorf("internal error, the daemon's log says more: %w", errs.ErrInternal))
	}()
	if err := r.route.Handle(r.out, r); err != nil {
		s.fail(r, err)
	}
}

// fail answers with an error, in the way that is still open.
func (s *Server) fail(r *Request, err error) {
	if gone(r.Context(), err) {
		s.cfg.Log.Debug("client left", "method", r.Method, "route", r.route.Path)
		if r.out.status == 0 {
			r.out.status = clientGone
			panic(http.ErrAbortHandler) // or net/http would say 200 to nobody
		}
		return
	}
	if statusOf(err) >= http.StatusInternalServerError {
		s.cfg.Log.Error("call failed", "method", r.Method, "route", r.route.Path, "error", text(err))
	}
	switch {
	case r.out.taken != nil:
		s.cfg.Log.Debug("session failed", "route", r.route.Path, "error", text(err))
		_ = r.out.taken.Close() // most likely it is closed already
	case r.out.status == 0:
		writeError(r.out, r.Version, err)
	case r.stream != nil && r.stream.begun:
		if sendErr := r.stream.fail(err); sendErr != nil {
			s.cfg.Log.Debug("client left", "method", r.Method, "route", r.route.Path)
		}
	default:
		panic(http.ErrAbortHandler) // cuts the connection: the client must not take this for the whole answer
	}
}

// ended writes the access log. The query is left out: it may hold secrets.
func (s *Server) ended(r *Request, start time.Time, aborted bool) {
	call := Call{Status: r.out.status, Duration: time.Since(start)}
	if r.route != nil {
		call.Method, call.Path = r.route.Method, r.route.Path
	}
	if s.cfg.Observe != nil {
		s.cfg.Observe(call)
	}
	if s.cfg.Log.IsDebug() {
		s.cfg.Log.Debug("call", "method", r.Method, "path", r.URL.Path, "status", call.Status, "duration", call.Duration, "aborted", aborted)
	}
}

// Routes returns the table, sorted by path and method.
func (s *Server) Routes() []Route {
	routes := slices.Clone(s.cfg.Routes)
	slices.SortFunc(routes, func(a, b Route) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return routes
}
