package contract

import (
	"context"
	"fmt"
	"sync"
)

type warningsKey struct{}

type warnings struct {
	mu  sync.Mutex
	all []string
}

// Collect returns a context for one operation and the warnings it has given so far.
func Collect(ctx context.Context) (context.Context, func() []string) {
	w := &warnings{}
	return context.WithValue(ctx, warningsKey{}, w), func() []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.all
	}
}

// Warn tells people of something an operation could not do and went on without. Hosts show it beside the result. format
// and args are those of fmt.Sprintf.
func Warn(ctx context.Context, format string, args ...any) {
	w, ok := ctx.Value(warningsKey{}).(*warnings)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, fmt.Sprintf(format, args...))
}
