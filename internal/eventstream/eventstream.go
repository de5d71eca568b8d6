// Package eventstream hears of an engine's events for as long as somebody waits for something.
//
// An engine's own stream is less than that. It ends while more is to come: podman's does when the file it keeps events in
// cannot be followed, every engine's does at a restart that leaves containers running. And podman loses what happens while
// it rotates that file (measured: 80 to 110 of 1,900 events with a small file and six writers). So who waits is told when
// to look for himself: an event says that something happened, never that nothing did.
package eventstream

import (
	"context"
	"time"

	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"
)

const (
	// quiet is how long nothing is heard before it is time to look: what a lost event costs.
	quiet = 5 * time.Second
	// firstPause is from the end of a stream that gave nothing to the next one; it doubles up to quiet.
	firstPause = 100 * time.Millisecond
)

// Source is the call to an engine.
type Source interface {
	Events(ctx context.Context, options moby.EventsListOptions) moby.EventsResult
}

// Listen hears of the events the filters let pass, from now until the context ends; the engine listens when it returns.
// A nil among them says that some may have been missed: look at what you wait for. It never ends and never fails by
// itself: of an engine that is gone the look tells.
func Listen(ctx context.Context, e Source, filters moby.Filters) <-chan *events.Message {
	heard := make(chan *events.Message)
	options := moby.EventsListOptions{Filters: filters}
	go pump(ctx, e.Events(ctx, options), func() moby.EventsResult { return e.Events(ctx, options) }, heard)
	return heard
}

// pump gives what a stream and its successors bring.
func pump(ctx context.Context, stream moby.EventsResult, open func() moby.EventsResult, heard chan<- *events.Message) {
	pause, gave, lost := firstPause, false, false
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		var message *events.Message
		select {
		case m := <-stream.Messages:
			gave, message, pause = true, &m, firstPause
		case <-stream.Err:
			stream, lost = moby.EventsResult{}, true
			if !gave {
				timer.Reset(pause)
				pause = min(2*pause, quiet)
				continue
			}
			stream, gave, lost = open(), false, false
		case <-timer.C:
			if lost {
				stream, lost = open(), false
			}
		case <-ctx.Done():
			return
		}
		select {
		case heard <- message:
		case <-ctx.Done():
			return
		}
		timer.Reset(quiet)
	}
}
