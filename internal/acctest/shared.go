package acctest

import (
	"context"
	"errors"
	"strings"
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

// Start starts an engine for a program that is no test, after [Isolate]: kind is "dockerd", "podman", "cleatd",
// "swarm" for a dockerd that is a swarm of its own, or "cleatd-1.18" for one that speaks that version of the API at most.
// The caller closes it.
func Start(ctx context.Context, kind string) (*Engine, error) {
	var e *Engine
	var err error
	switch kind {
	case "dockerd":
		e, err = startDockerd(ctx)
	case "swarm":
		e, err = startSwarm(ctx)
	case "podman":
		e, err = startPodman(ctx)
	case "cleatd":
		e, err = startCleatd(ctx)
	default:
		highest, ok := strings.CutPrefix(kind, "cleatd-")
		if !ok {
			return nil, errors.New("no such engine: " + kind)
		}
		e, err = startHeldCleatd(ctx, highest)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Dockerd returns the test binary's dockerd.
func Dockerd(tb testing.TB) *Engine { tb.Helper(); return get(tb, "dockerd") }

// Swarm returns the test binary's dockerd that manages a swarm of one node. Its name is "swarm". [Each] leaves it out.
func Swarm(tb testing.TB) *Engine { tb.Helper(); return get(tb, "swarm") }

// Podman returns the test binary's podman service.
func Podman(tb testing.TB) *Engine { tb.Helper(); return get(tb, "podman") }

// Old is the kind of the engine that speaks the oldest version cleat drives, and its name in [Each].
const Old = "cleatd-1.18"

// Each runs the test once on every kind of engine, as subtests named after them. The last one is [Old].
func Each(t *testing.T, test func(t *testing.T, e *Engine)) {
	t.Helper()
	EachToday(t, test)
	t.Run(Old, func(t *testing.T) { test(t, get(t, Old)) })
}

// EachToday is Each without the old one, for what old versions cannot express; that they refuse it is for another test.
func EachToday(t *testing.T, test func(t *testing.T, e *Engine)) {
	t.Helper()
	for _, kind := range []string{"dockerd", "podman", "cleatd"} {
		t.Run(kind, func(t *testing.T) { test(t, get(t, kind)) })
	}
}

// HeldCleatd returns the test binary's cleatd that speaks a version of the API, "1.18", at most. Its name is "cleatd".
func HeldCleatd(tb testing.TB, highest string) *Engine {
	tb.Helper()
	return get(tb, "cleatd-"+highest)
}

// NewHeldCleatd starts one of the test's own.
func NewHeldCleatd(tb testing.TB, highest string) *Engine {
	tb.Helper()
	return own(tb, "cleatd-"+highest)
}

// IsHeld reports whether the engine is held back to a version.
func (e *Engine) IsHeld() bool { return e.held }

// IsOld reports whether the engine speaks only what an engine of 2015 did: no networks, no volumes, no update.
func (e *Engine) IsOld() bool { return e.APIMax == "1.18" }

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
