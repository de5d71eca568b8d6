package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
	"github.com/cleat-dev/cleat/internal/eventstream"
)

const (
	// tailLines is how much of a container's output an error shows, and tailTimeout bounds fetching it.
	tailLines   = 20
	tailTimeout = 10 * time.Second
)

// lifeEvents are what tells of a container's health, start and end, podman's name for the last one included.
var lifeEvents = []string{"health_status", "start", "die", "died"}

// condition looks at a container: whether what is waited for has come, or an error when it never will. healthy is what
// the engine just said of its health, which an inspect may not know yet.
type condition func(c container.InspectResponse, healthy bool) (bool, error)

// awaitDependency waits for the condition a service sets on another one.
func (u *up) awaitDependency(ctx context.Context, s types.ServiceConfig, dependency string) error {
	var until condition
	switch s.DependsOn[dependency].Condition {
	case types.ServiceConditionHealthy:
		until = isHealthy
	case types.ServiceConditionCompletedSuccessfully:
		until = isCompleted
	default:
		return nil // it was started
	}
	return u.awaitService(ctx, dependency, until)
}

// awaitService waits until all containers of a service meet a condition.
func (u *up) awaitService(ctx context.Context, service string, until condition) error {
	found, err := look(ctx, u.e, u.p.Name)
	if err != nil {
		return err
	}
	for _, c := range found.containers[service] {
		if err := u.await(ctx, c.ID, nameOf(c), until); err != nil {
			return err
		}
	}
	return nil
}

// waitAll waits for all services, as docker compose up --wait does.
func (u *up) waitAll(ctx context.Context) error {
	if limit, err := time.ParseDuration(u.m.WaitTimeout.ValueString()); err == nil && limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("was not up after %s (wait_timeout): %w", limit, errs.ErrUnavailable))
		defer cancel()
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for _, name := range sorted(u.p.Services) {
		if s := u.p.Services[name]; s.GetScale() == 0 {
			continue
		}
		until := isUp
		if composefile.MayEnd(u.p, name) {
			until = isUpOrDone
		}
		all.Go(func() error { return u.awaitService(ctx, name, until) })
	}
	return all.Wait()
}

// await waits until a container meets a condition. It listens before it looks, so nothing is missed, and looks again at
// every event.
func (u *up) await(ctx context.Context, id, name string, until condition) error {
	listening, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := eventstream.Listen(listening, u.e, moby.Filters{}.
		Add("type", string(events.ContainerEventType)).Add("container", id).Add("event", lifeEvents...))
	healthy := false
	for {
		found, err := u.e.ContainerInspect(ctx, id, moby.ContainerInspectOptions{})
		if err == nil {
			var done bool
			if done, err = until(found.Container, healthy); done {
				return nil
			}
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if err != nil {
			return u.withOutput(ctx, id, name, found.Container, err)
		}
		select {
		case event := <-heard:
			healthy = event != nil && (event.Action == "health_status: healthy" || event.Actor.Attributes["health_status"] == "healthy")
		case <-ctx.Done():
		}
	}
}

// isUp: it runs, and is healthy where it has a health check.
func isUp(c container.InspectResponse, healthy bool) (bool, error) {
	s := c.State
	switch {
	case s == nil:
		return true, nil
	case !s.Running && !s.Restarting:
		return false, ended(s)
	case s.Health == nil || s.Health.Status == "" || s.Health.Status == container.NoHealthcheck:
		return s.Running && !s.Restarting, nil
	}
	return isHealthy(c, healthy)
}

// isUpOrDone is the same for a container that may end.
func isUpOrDone(c container.InspectResponse, healthy bool) (bool, error) {
	if s := c.State; s != nil && !s.Running && !s.Restarting && s.ExitCode == 0 {
		return true, nil
	}
	return isUp(c, healthy)
}

func isHealthy(c container.InspectResponse, healthy bool) (bool, error) {
	s := c.State
	switch {
	case s == nil:
		return false, fmt.Errorf("has no state: %w", errs.ErrInternal)
	case !s.Running && !s.Restarting:
		return false, ended(s)
	case s.Health == nil || s.Health.Status == "" || s.Health.Status == container.NoHealthcheck:
		return false, fmt.Errorf("has no health check, neither its service nor its image declares one: %w", errs.ErrInvalid)
	case s.Health.Status == container.Unhealthy && !healthy:
		return false, fmt.Errorf("is unhealthy: %w", errs.ErrUnavailable)
	}
	return healthy || s.Health.Status == container.Healthy, nil
}

func isCompleted(c container.InspectResponse, _ bool) (bool, error) {
	s := c.State
	switch {
	case s == nil || s.Running || s.Restarting || s.Status == container.StateCreated:
		return false, nil
	case s.ExitCode != 0:
		return false, ended(s)
	}
	return true, nil
}

func ended(s *container.State) error {
	return fmt.Errorf("exited with code %d: %w", s.ExitCode, errs.ErrInternal)
}

// withOutput adds the last lines of a container to an error about it.
func (u *up) withOutput(ctx context.Context, id, name string, c container.InspectResponse, cause error) error {
	if errors.Is(cause, context.Canceled) {
		return fmt.Errorf("container %q: waiting for it: %w", name, cause)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailTimeout)
	defer cancel()
	logs, err := u.e.ContainerLogs(ctx, id, moby.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: fmt.Sprint(tailLines)})
	if err != nil { // the log driver may not be readable, or the container gone: the cause matters more
		return fmt.Errorf("container %q %w", name, cause)
	}
	defer logs.Close()
	var output bytes.Buffer
	if c.Config != nil && c.Config.Tty {
		_, err = io.Copy(&output, io.LimitReader(logs, 1<<20))
	} else {
		_, err = stdcopy.StdCopy(&output, &output, io.LimitReader(logs, 1<<20))
	}
	text := strings.TrimSpace(output.String())
	if err != nil && text == "" || text == "" {
		return fmt.Errorf("container %q %w; it has written nothing", name, cause)
	}
	return fmt.Errorf("container %q %w; its last output:\n%s", name, cause, text)
}
