// Package progress carries what a long engine call reports on its way (layers of a pull, steps of a build) from the
// code that makes the call to whoever shows it, without either knowing the other.
package progress

import "context"

// Event is one report.
type Event struct {
	// Object is what is worked on, in the user's words: an image's name.
	Object string
	// Message says what happens now, in one line.
	Message string
	// Current and Total tell how far it is: bytes of a pull, steps of a build. Total is 0 where it is not known.
	Current, Total int64
}

// Func receives events. Objects are worked on concurrently, so it must be safe for concurrent use, and it should
// return soon: the call that reports waits for it.
type Func func(Event)

type key struct{}

// With returns a context whose calls report to f.
func With(ctx context.Context, f Func) context.Context { return context.WithValue(ctx, key{}, f) }

// Report passes an event to the receiver in ctx; without one it does nothing.
func Report(ctx context.Context, e Event) {
	if f, ok := ctx.Value(key{}).(Func); ok && f != nil {
		f(e)
	}
}
