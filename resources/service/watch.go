package service

import (
	"context"
	"time"

	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/eventstream"
)

// watching is the part of an engine's API that tells what becomes of a service.
type watching interface {
	Events(ctx context.Context, options moby.EventsListOptions) moby.EventsResult
	TaskList(ctx context.Context, options moby.TaskListOptions) (moby.TaskListResult, error)
	ContainerList(ctx context.Context, options moby.ContainerListOptions) (moby.ContainerListResult, error)
	ServiceLogs(ctx context.Context, id string, options moby.ServiceLogsOptions) (moby.ServiceLogsResult, error)
}

// serviceLabel is the label of a task's container that holds the id of its service.
const serviceLabel = "com.docker.swarm.service.id"

// firstPause is from an event to the look it gives rise to: a swarm learns of what happens on a node a little later than
// those who listen there.
const firstPause = 50 * time.Millisecond

// watch looks again and again until a look is done or fails, or the context ends: after each event of the service or its
// containers at ever longer pauses, at most longest, which also finds what happens on nodes whose events do not come here.
// A look may ask for the next one at a time of its own; it comes no later for that.
func watch(ctx context.Context, e watching, id string, longest time.Duration, look func() (next time.Duration, done bool, err error)) error {
	longest = max(longest, firstPause)
	listening, stop := context.WithCancel(ctx)
	defer stop()
	heard := eventstream.Listen(listening, e, moby.Filters{}.Add("type", string(events.ServiceEventType), string(events.ContainerEventType)))
	pause := firstPause
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			next, done, err := look()
			if done || err != nil {
				return err
			}
			if next == 0 || next > pause {
				next = pause
			}
			pause = min(2*pause, longest)
			timer.Reset(next)
		case message := <-heard:
			if message != nil && (message.Actor.ID == id || message.Actor.Attributes[serviceLabel] == id) {
				pause = firstPause
				timer.Reset(pause)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
