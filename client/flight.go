package client

import (
	"context"
	"sync"
)

// flights lets callers who want the same thing at the same time share one go at it. The zero value is ready.
type flights[T any] struct {
	mu   sync.Mutex
	open map[string]*flight[T]
}

type flight[T any] struct {
	epoch   uint64
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	value   T
	err     error
}

// do returns what fn does for key. It joins a call under way only when that began in the same epoch. fn runs on a
// context of its own, which ends when the last caller has gone: nobody gets the failure of another's cancellation.
func (g *flights[T]) do(ctx context.Context, key string, epoch uint64, fn func(context.Context) (T, error)) (T, error) {
	g.mu.Lock()
	f := g.open[key]
	if f == nil || f.epoch != epoch {
		f = g.start(ctx, key, epoch, fn)
	}
	f.waiters++
	g.mu.Unlock()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		g.leave(key, f)
		var none T
		return none, ctx.Err()
	}
}

// start is called with the lock held.
func (g *flights[T]) start(ctx context.Context, key string, epoch uint64, fn func(context.Context) (T, error)) *flight[T] {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight[T]{epoch: epoch, cancel: cancel, done: make(chan struct{})}
	if g.open == nil {
		g.open = map[string]*flight[T]{}
	}
	g.open[key] = f
	go func() {
		defer cancel()
		f.value, f.err = fn(own)
		g.mu.Lock()
		g.forget(key, f)
		g.mu.Unlock()
		close(f.done)
	}()
	return f
}

func (g *flights[T]) leave(key string, f *flight[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.cancel()
		g.forget(key, f) // the next caller starts afresh
	}
}

func (g *flights[T]) forget(key string, f *flight[T]) {
	if g.open[key] == f {
		delete(g.open, key)
	}
}
