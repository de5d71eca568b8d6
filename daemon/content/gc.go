//go:build linux

package content

import (
	"context"
	"fmt"
	"sync"

	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/pkg/gc"
	"github.com/opencontainers/go-digest"
)

// resourceHold is our type of collectible resource; it has no objects of its own, only roots. containerd's own types
// are the ones below 16.
const resourceHold = gc.ResourceType(16)

// GC removes what nothing refers to, and returns when its files are gone too. Calls wait for each other.
func (s *Store) GC(ctx context.Context) error {
	s.collect.Lock()
	defer s.collect.Unlock()
	if _, err := s.db.GarbageCollect(Context(ctx)); err != nil {
		return fmt.Errorf("content: collection: %w", err)
	}
	return nil
}

// Collect has a collection run soon, and returns at once. Calls during a collection lead to one more.
func (s *Store) Collect() {
	select {
	case s.trigger <- struct{}{}:
	default: // one is waiting already
	}
}

// start runs the collections that Collect asks for until Close.
func (s *Store) start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.stopped.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.trigger:
			}
			// Once begun it is finished: half-removed folders would wait for the next collection.
			if err := s.GC(context.WithoutCancel(ctx)); err != nil {
				s.log.Error("what is not needed any more stays for now", "error", err)
			}
		}
	})
}

// Hold keeps a chain of snapshots, and its parents, from being collected until release is called. Holds are counted
// and live in memory: who holds something says so again after a restart, before the first collection. Release may be
// called twice.
//
// Hold first and look afterwards whether the chain exists: then it stays.
func (s *Store) Hold(chain digest.Digest) (release func()) {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	if s.holds.chains == nil {
		s.holds.chains = map[digest.Digest]int{}
	}
	s.holds.chains[chain]++
	return sync.OnceFunc(func() {
		s.holds.mu.Lock()
		defer s.holds.mu.Unlock()
		if s.holds.chains[chain]--; s.holds.chains[chain] == 0 {
			delete(s.holds.chains, chain)
		}
	})
}

// Held reports whether anyone holds a chain itself; a hold of a longer chain does not count.
func (s *Store) Held(chain digest.Digest) bool {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	return s.holds.chains[chain] > 0
}

// holds is the collector that makes held chains roots. Its lock is taken from the beginning of a collection's marking
// to the end of its transaction, so that a chain cannot be held after the marking and yet go.
type holds struct {
	mu          sync.Mutex
	chains      map[digest.Digest]int
	snapshotter string
}

// StartCollection implements metadata.Collector.
func (h *holds) StartCollection(context.Context) (metadata.CollectionContext, error) {
	h.mu.Lock()
	return (*collection)(h), nil
}

// ReferenceLabel implements metadata.Collector: no label refers to a hold.
func (h *holds) ReferenceLabel() string { return "cleat-hold" }

type collection holds

func (c *collection) All(func(gc.Node))                    {}
func (c *collection) Leased(string, string, func(gc.Node)) {}
func (c *collection) Remove(gc.Node)                       {}

func (c *collection) Active(ns string, fn func(gc.Node)) {
	if ns != namespace {
		return
	}
	for chain := range c.chains {
		fn(gc.Node{Type: metadata.ResourceSnapshot, Namespace: ns, Key: c.snapshotter + "/" + chain.String()})
	}
}

func (c *collection) Cancel() error {
	c.mu.Unlock()
	return nil
}

func (c *collection) Finish() error {
	c.mu.Unlock()
	return nil
}
