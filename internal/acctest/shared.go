package acctest

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// engines are started at most once in a test binary, when first asked for.
type engines struct {
	mu      sync.Mutex
	started map[string]*Engine
	failed  map[string]error
	closing bool
}

// shared holds the engines of this test binary; [Main] stops them.
var shared = &engines{started: map[string]*Engine{}, failed: map[string]error{}}

func (s *engines) get(ctx context.Context, kind string) (*Engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, errors.New("tests are over")
	}
	if e, ok := s.started[kind]; ok {
		return e, nil
	}
	if err, ok := s.failed[kind]; ok {
		return nil, err // not once more for every test
	}
	e, err := Start(ctx, kind)
	if err != nil {
		s.failed[kind] = err
		return nil, err
	}
	s.started[kind] = e
	return e, nil
}

func (s *engines) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	var errs []error
	for kind, e := range s.started {
		errs = append(errs, e.Close())
		delete(s.started, kind)
	}
	return errors.Join(errs...)
}

// Start starts an engine for a program that is no test, after [Isolate]: kind is "dockerd", "podman" or "cleatd". The caller
// closes it.
func Start(ctx context.Context, kind string) (*Engine, error) {
	var e *Engine
	var err error
	switch kind {
	case "dockerd":
		e, err = startDockerd(ctx)
	case "podman":
		e, err = startPodman(ctx)
	case "cleatd":
		e, err = startCleatd(ctx)
	default:
		err = errors.New("no such engine: " + kind)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Dockerd returns the test binary's dockerd.
func Dockerd(tb testing.TB) *Engine { tb.Helper(); return get(tb, "dockerd") }

// Podman returns the test binary's podman service.
func Podman(tb testing.TB) *Engine { tb.Helper(); return get(tb, "podman") }

// Each runs the test once on every kind of engine, as subtests named after them.
func Each(t *testing.T, test func(t *testing.T, e *Engine)) {
	t.Helper()
	for _, kind := range []string{"dockerd", "podman", "cleatd"} {
		t.Run(kind, func(t *testing.T) { test(t, get(t, kind)) })
	}
}

// NewDockerd starts a dockerd of the test's own, to kill and restart at will.
func NewDockerd(tb testing.TB) *Engine { tb.Helper(); return own(tb, "dockerd") }

// NewPodman starts a podman service of the test's own, to kill and restart at will.
func NewPodman(tb testing.TB) *Engine { tb.Helper(); return own(tb, "podman") }

func get(tb testing.TB, kind string) *Engine {
	tb.Helper()
	switchedOff(tb)
	e, err := shared.get(context.WithoutCancel(tb.Context()), kind)
	require(tb, kind, err)
	return e
}

func own(tb testing.TB, kind string) *Engine {
	tb.Helper()
	switchedOff(tb)
	e, err := Start(tb.Context(), kind)
	require(tb, kind, err)
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}
