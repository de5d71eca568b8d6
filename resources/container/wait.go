package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/eventstream"
	"github.com/cleat-dev/cleat/resources/contract"
)

const (
	// tailLines is how much of a container's output an error shows.
	tailLines = 20
	// tailTimeout bounds fetching it: an error must not hang.
	tailTimeout = 10 * time.Second
	// outputLimit bounds the output kept in container_logs and shown in errors.
	outputLimit = 1 << 20
)

// failure is what went wrong with a container, to be put behind its name, and the class of it.
type failure struct {
	text  string
	class error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.class }

// lifeEvents are what tells of a container's health and end. Podman reports the end as "die" as others do, and filters by
// its own name for it.
var lifeEvents = []string{"health_status", "die", "died"}

var errUnhealthy = &failure{"is unhealthy", errs.ErrUnavailable}

func exited(code string) error { return &failure{"exited with code " + code, errs.ErrInternal} }

// startAndWait starts the container and waits until it is healthy.
func startAndWait(ctx context.Context, e API, m Model) error {
	return awaitHealth(ctx, e, m, false, func() error { return startOnly(ctx, e, m) })
}

// awaitHealth calls start and waits until the container is healthy. It listens to the engine's events from before
// that, so nothing is missed, and looks at the container once: one without a health check has none to wait for. When
// trusting, neither has one whose first test comes too late: it runs.
func awaitHealth(ctx context.Context, e API, m Model, trusting bool, start func() error) error {
	id := m.ID.ValueString()
	limit := time.Duration(m.WaitTimeout.ValueInt64()) * time.Second
	waiting, cancel := context.WithTimeoutCause(ctx, limit, &failure{fmt.Sprintf("was not healthy after %s", limit), errs.ErrUnavailable})
	defer cancel()
	heard := eventstream.Listen(waiting, e, moby.Filters{}.
		Add("type", string(events.ContainerEventType)).Add("container", id).Add("event", lifeEvents...))
	if err := start(); err != nil {
		return err
	}
	patience := time.Duration(0)
	if trusting {
		patience = limit
	}
	done, err := inspectHealth(ctx, e, id, patience)
	for !done && err == nil {
		select {
		case event := <-heard:
			if event == nil {
				done, err = inspectHealth(ctx, e, id, patience)
			} else {
				done, err = judge(*event, m.Restart.ValueString())
			}
		case <-waiting.Done():
			untested := time.Duration(0)
			if trusting && ctx.Err() == nil {
				untested = untestedIsUp // no test at all is no failure: podman has none where systemd does not run
			}
			if done, err = inspectHealth(context.WithoutCancel(ctx), e, id, untested); !done && err == nil {
				err = context.Cause(waiting)
			}
		}
	}
	if err != nil {
		return withOutput(ctx, e, m, err)
	}
	return nil
}

// untestedIsUp, as patience, takes a container whose health was never tested for one that is up.
const untestedIsUp time.Duration = 1

// inspectHealth reports whether there is nothing to wait for any more, or that waiting is in vain. With patience, a
// health check whose first test comes later than that is nothing to wait for.
func inspectHealth(ctx context.Context, e API, id string, patience time.Duration) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	r, err := e.ContainerInspect(ctx, id, moby.ContainerInspectOptions{})
	if err != nil {
		return false, err
	}
	state := r.Container.State
	switch {
	case state == nil:
		return true, nil
	case !state.Running && !state.Restarting:
		return false, exited(strconv.Itoa(state.ExitCode))
	case state.Health == nil || state.Health.Status == container.NoHealthcheck || state.Health.Status == "":
		return true, nil
	case state.Health.Status == container.Unhealthy:
		return false, errUnhealthy
	case patience == untestedIsUp && len(state.Health.Log) == 0:
		return true, nil
	case patience > untestedIsUp && r.Container.Config != nil && r.Container.Config.Healthcheck != nil && r.Container.Config.Healthcheck.Interval >= patience:
		return true, nil
	}
	return state.Health.Status == container.Healthy, nil
}

// judge draws the conclusion from one event. With a restart policy an exit is not the end.
func judge(event events.Message, restart string) (done bool, err error) {
	action := string(event.Action)
	switch {
	case event.Action == events.ActionDie && (restart == "" || restart == "no"):
		return false, exited(event.Actor.Attributes["exitCode"])
	case strings.HasSuffix(action, ": unhealthy"):
		return false, errUnhealthy
	case strings.HasSuffix(action, ": healthy"):
		return true, nil
	case event.Action == events.ActionHealthStatus: // podman says which in an attribute
		switch event.Actor.Attributes["health_status"] {
		case "healthy":
			return true, nil
		case "unhealthy":
			return false, errUnhealthy
		}
	}
	return false, nil
}

// Explain tells of a container that has ended where must_run wants it to go on.
func (Type) Explain(ctx context.Context, e API, planned, result Model) error {
	ended := given(result.ExitCode) && result.Start.ValueBool() && !result.MustRun.ValueBool()
	if !ended || !planned.Start.ValueBool() || !planned.MustRun.ValueBool() {
		return nil
	}
	cause := &failure{fmt.Sprintf("exited with code %d, but must_run wants it to go on running: mend what it runs, or let it end with must_run = false", result.ExitCode.ValueInt64()), errs.ErrInternal}
	return contract.At("must_run", "%w", withOutput(ctx, e, result, cause))
}

// runAttached starts the container, reads its output and waits for its exit.
func runAttached(ctx context.Context, e API, m *Model) error {
	id, name := m.ID.ValueString(), m.Name.ValueString()
	var output bytes.Buffer
	copied := make(chan error, 1)
	copied <- nil
	if m.Logs.ValueBool() {
		attached, err := e.ContainerAttach(ctx, id, moby.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
		if err != nil {
			return fmt.Errorf("container %q: attaching: %w", name, err)
		}
		defer attached.Close()
		defer context.AfterFunc(ctx, attached.Close)()
		<-copied
		go func() {
			copied <- copyOutput(&limited{w: &output, left: outputLimit}, attached.Reader, m.TTY.ValueBool())
		}()
	}
	// The condition makes the engine answer for this start, and not at once for a container that does not run yet.
	exit := e.ContainerWait(ctx, id, moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if err := startOnly(ctx, e, *m); err != nil {
		return err
	}
	var result container.WaitResponse
	select {
	case result = <-exit.Result:
	case err := <-exit.Error:
		return fmt.Errorf("container %q: waiting for its exit: %w", name, err)
	case <-ctx.Done():
		return fmt.Errorf("container %q: waiting for its exit: %w", name, context.Cause(ctx))
	}
	if err := <-copied; err != nil {
		return fmt.Errorf("container %q: reading its output: %w", name, err)
	}
	if m.Logs.ValueBool() {
		m.ContainerLogs = types.StringValue(output.String())
	}
	m.ExitCode = types.Int64Value(result.StatusCode)
	if m.MustRun.ValueBool() && result.StatusCode != 0 {
		err := exited(strconv.FormatInt(result.StatusCode, 10))
		if m.Logs.ValueBool() {
			return fmt.Errorf("container %q %w; its last output:\n%s", name, err, lastLines(output.String(), tailLines))
		}
		return withOutput(ctx, e, *m, err)
	}
	return nil
}

// withOutput adds the container's last lines to an error about it.
func withOutput(ctx context.Context, e API, m Model, cause error) error {
	name := m.Name.ValueString()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailTimeout)
	defer cancel()
	logs, err := e.ContainerLogs(ctx, m.ID.ValueString(), moby.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(tailLines)})
	if err != nil { // the log driver may not be readable, or the container gone: the cause matters more
		return fmt.Errorf("container %q %w", name, cause)
	}
	defer logs.Close()
	var output bytes.Buffer
	if err := copyOutput(&limited{w: &output, left: outputLimit}, logs, m.TTY.ValueBool()); err != nil && output.Len() == 0 || output.Len() == 0 {
		return fmt.Errorf("container %q %w; it has written nothing", name, cause)
	}
	return fmt.Errorf("container %q %w; its last output:\n%s", name, cause, lastLines(output.String(), tailLines))
}

// copyOutput copies a container's output; without a terminal standard output and error are multiplexed.
func copyOutput(to io.Writer, from io.Reader, tty bool) error {
	var err error
	if tty {
		_, err = io.Copy(to, from)
	} else {
		_, err = stdcopy.StdCopy(to, to, from)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// limited passes the first bytes on and swallows the rest, so that reading goes on to the end.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// lastLines returns the last n lines of a text.
func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\r\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
