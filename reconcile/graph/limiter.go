package graph

import "context"

// Limiter bounds how much work goes on at once. It is separate from a walk, so that several nodes, and the
// instances within one node, share one bound and nothing holds a slot while it waits.
type Limiter struct{ slots chan struct{} }

// NewLimiter returns a limiter of n slots; n below 1 counts as 1.
func NewLimiter(n int) *Limiter { return &Limiter{slots: make(chan struct{}, max(n, 1))} }

// Do runs work in a slot and returns its error; the context's error when it ends before a slot is free.
func (l *Limiter) Do(ctx context.Context, work func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
		return work(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}
