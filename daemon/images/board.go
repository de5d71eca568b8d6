//go:build linux

package images

import (
	"context"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/stream"
)

// board collects what happens to the layers of one pull or push and sends it to the client: every step once and in
// order, of numbers only the latest. Who reports never waits for the client.
type board struct {
	out func(stream.Message) error

	mu      sync.Mutex
	pending []stream.Message
	latest  map[string]int // place in pending of a layer's last message, if that is a number
	wake    chan struct{}

	stop context.CancelFunc
	done chan struct{}
	err  error // of out; readable when done is closed
}

// newBoard starts a board; close ends it. When the client is gone cancel is called.
func newBoard(ctx context.Context, out func(stream.Message) error, cancel func()) *board {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &board{out: out, latest: map[string]int{}, wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go b.run(ctx, cancel)
	return b
}

// step reports that something begins or is done.
func (b *board) step(id, status string) {
	b.add(stream.Step(id, status, stream.Progress{}), false)
}

// amount reports how far something is.
func (b *board) amount(id, status string, current, total int64) {
	b.add(stream.Step(id, status, stream.Progress{Current: current, Total: total}), true)
}

func (b *board) add(m stream.Message, number bool) {
	b.mu.Lock()
	if at, ok := b.latest[m.ID]; ok && number && b.pending[at].Status == m.Status {
		b.pending[at] = m
	} else {
		b.pending = append(b.pending, m)
		delete(b.latest, m.ID)
		if number {
			b.latest[m.ID] = len(b.pending) - 1
		}
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *board) run(ctx context.Context, cancel func()) {
	defer close(b.done)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for ended := false; !ended; {
		select {
		case <-b.wake:
		case <-ctx.Done():
			ended = true
		}
		select { // the end does not wait
		case <-pause.C:
		case <-ctx.Done():
			ended = true
		}
		if b.err = b.send(); b.err != nil {
			cancel()
			return
		}
		pause.Reset(progressInterval / 2)
	}
}

func (b *board) send() error {
	b.mu.Lock()
	batch := b.pending
	b.pending = nil
	clear(b.latest)
	b.mu.Unlock()
	for _, m := range batch {
		if err := b.out(m); err != nil {
			return err
		}
	}
	return nil
}

// close sends what is left and returns the error of the client, if it had one.
func (b *board) close() error {
	b.stop()
	<-b.done
	return b.err
}

// layerName is a layer in messages.
func layerName(d digest.Digest) string { return short(d.String()) }
