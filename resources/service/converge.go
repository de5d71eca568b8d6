package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	mobyswarm "github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// goal is what a service is waited for.
type goal struct {
	// update says that tasks of an older specification may still run.
	update bool
	// endpoint says that the update changed how the service is reached, which tasks do not tell.
	endpoint bool
	// since is when the specification before was made, on the swarm's clock: tasks made later are new ones.
	since time.Time
}

// defaultMonitor is how long new tasks are watched where nothing is declared, as a swarm does in an update.
const defaultMonitor = 5 * time.Second

// Bounds of what an error tells.
const (
	tailLines   = 10
	tailBytes   = 64 << 10
	tailTimeout = 10 * time.Second
	taskLines   = 5
)

var errLate = errors.New("not all of its tasks run")

// converge waits until the service runs as planned, when that is declared. Its error goes on from "service … was made
// and".
func converge(ctx context.Context, e API, m Model, g goal) error {
	c, ok := m.ConvergeConfig.One()
	if !ok {
		return nil
	}
	id, timeout := m.ID.ValueString(), durationOf(c.Timeout)
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, errLate)
	defer cancel()
	var service mobyswarm.Service
	var tasks []mobyswarm.Task
	var steady time.Time // since when all is as planned
	err := watch(bounded, e, id, durationOf(c.Delay), func() (time.Duration, bool, error) {
		found, err := e.ServiceInspect(bounded, id, moby.ServiceInspectOptions{})
		if err != nil {
			return 0, false, err
		}
		listed, err := e.TaskList(bounded, moby.TaskListOptions{Filters: moby.Filters{}.Add("service", id)})
		if err != nil {
			return 0, false, err
		}
		service, tasks = found.Service, listed.Items
		done, err := judge(service, tasks, g)
		if !done || err != nil {
			steady = time.Time{}
			return 0, false, err
		}
		if steady.IsZero() {
			steady = time.Now()
		}
		left := unproven(service, tasks, g) - time.Since(steady)
		return max(left, 0), left <= 0, nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("was still converging: %w", context.Cause(ctx))
	case errors.Is(context.Cause(bounded), errLate) && !isFailure(err):
		err = errs.Errorf(errs.ErrUnavailable, "did not converge within %s: %d of %s run", timeout, running(tasks), wanted(service.Spec.Mode))
	case !isFailure(err):
		return fmt.Errorf("cannot be watched: %w", err)
	}
	return explained(ctx, e, m, service, tasks, err)
}

// failure is a service that will not come to run as planned.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return errs.ErrConflict }

func isFailure(err error) bool {
	var f *failure
	return errors.As(err, &f)
}

func failed(format string, args ...any) error { return &failure{fmt.Sprintf(format, args...)} }

// judge says whether a service has converged, or why it never will.
func judge(s mobyswarm.Service, tasks []mobyswarm.Task, g goal) (done bool, err error) {
	status := s.UpdateStatus
	if status != nil {
		switch status.State {
		case mobyswarm.UpdateStateUpdating, mobyswarm.UpdateStateRollbackStarted:
			return false, nil
		case mobyswarm.UpdateStatePaused:
			return false, failed("the update came to a halt: %s", status.Message)
		case mobyswarm.UpdateStateRollbackCompleted:
			return false, failed("the update failed and was rolled back: %s", status.Message)
		case mobyswarm.UpdateStateRollbackPaused:
			return false, failed("the update failed and so did its rollback: %s", status.Message)
		}
	}
	count := countTasks(s, tasks, g.update && status == nil)
	want := 1 // of a global service, at least
	if r := s.Spec.Mode.Replicated; r != nil && r.Replicas != nil {
		want = int(*r.Replicas)
	}
	if g.endpoint && status == nil && want > 0 {
		return false, nil // not begun
	}
	if follows(s) == mobyswarm.RestartPolicyConditionNone && count.pending == 0 && count.failed > 0 {
		return false, failed("%d of its tasks failed, and none follows them", count.failed)
	}
	enough := count.running+count.complete >= want
	if s.Spec.Mode.Global == nil {
		enough = enough && count.running <= want
	}
	return enough && count.pending == 0, nil
}

// unproven is how long a service has to stay as planned to be believed: a task that dies of its configuration runs for a
// moment. What did not change needs no proof, and of an update the swarm has seen it.
func unproven(s mobyswarm.Service, tasks []mobyswarm.Task, g goal) time.Duration {
	fresh := slices.ContainsFunc(tasks, func(t mobyswarm.Task) bool { return live(t) && t.CreatedAt.After(g.since) })
	if !fresh || s.UpdateStatus != nil {
		return 0
	}
	if u := s.Spec.UpdateConfig; u != nil && u.Monitor > 0 {
		return u.Monitor
	}
	return defaultMonitor
}

// counts are the tasks of a service by what they do; complete and failed ones by their place, of which only the last one
// counts.
type counts struct{ running, pending, complete, failed int }

// countTasks counts; with current those of another specification are taken to be pending.
func countTasks(s mobyswarm.Service, tasks []mobyswarm.Task, current bool) counts {
	var c counts
	newest := map[string]mobyswarm.Task{}
	again := follows(s) == mobyswarm.RestartPolicyConditionAny
	for _, t := range tasks {
		place := t.NodeID
		if t.Slot != 0 {
			place = strconv.Itoa(t.Slot)
		}
		if was, ok := newest[place]; !ok || t.CreatedAt.After(was.CreatedAt) {
			newest[place] = t
		}
		if !live(t) || ended(t) {
			continue
		}
		if t.Status.State == mobyswarm.TaskStateRunning && !(current && !alike(t.Spec, s.Spec.TaskTemplate)) {
			c.running++
		} else {
			c.pending++
		}
	}
	for _, t := range newest {
		switch {
		case t.DesiredState == mobyswarm.TaskStateRemove || current && !alike(t.Spec, s.Spec.TaskTemplate):
		case t.Status.State == mobyswarm.TaskStateComplete && !again:
			c.complete++
		case t.Status.State == mobyswarm.TaskStateFailed, t.Status.State == mobyswarm.TaskStateRejected:
			c.failed++
		}
	}
	return c
}

// follows is when a task that ended is followed by another.
func follows(s mobyswarm.Service) mobyswarm.RestartPolicyCondition {
	if policy := s.Spec.TaskTemplate.RestartPolicy; policy != nil && policy.Condition != "" {
		return policy.Condition
	}
	return mobyswarm.RestartPolicyConditionAny
}

// live reports whether a task is meant to run.
func live(t mobyswarm.Task) bool {
	return !slices.Contains([]mobyswarm.TaskState{mobyswarm.TaskStateShutdown, mobyswarm.TaskStateRemove, mobyswarm.TaskStateComplete}, t.DesiredState)
}

// ended reports whether a task has come to its end.
func ended(t mobyswarm.Task) bool {
	return slices.Contains([]mobyswarm.TaskState{
		mobyswarm.TaskStateComplete, mobyswarm.TaskStateShutdown, mobyswarm.TaskStateFailed, mobyswarm.TaskStateRejected, mobyswarm.TaskStateRemove, mobyswarm.TaskStateOrphaned,
	}, t.Status.State)
}

// alike compares what tasks are made from. A swarm leaves tasks alone that already are where a new placement wants them,
// and names the runtime of a service only.
func alike(a, b mobyswarm.TaskSpec) bool {
	a.Placement, b.Placement = nil, nil
	a.Runtime, b.Runtime = "", ""
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}

func running(tasks []mobyswarm.Task) int {
	n := 0
	for _, t := range tasks {
		if live(t) && t.Status.State == mobyswarm.TaskStateRunning {
			n++
		}
	}
	return n
}

func wanted(mode mobyswarm.ServiceMode) string {
	if mode.Replicated != nil && mode.Replicated.Replicas != nil {
		return fmt.Sprintf("%d tasks", *mode.Replicated.Replicas)
	}
	return "the tasks of all nodes"
}

// explained adds what the tasks say to an error: their own errors and their last output.
func explained(ctx context.Context, e API, m Model, s mobyswarm.Service, tasks []mobyswarm.Task, cause error) error {
	var text strings.Builder
	lines := troubles(s.Spec.Name, tasks)
	if strings.Contains(strings.Join(lines, "\n"), "No such image") {
		lines = append(lines, unpulled(ctx, e, m))
	}
	for _, line := range lines {
		text.WriteString("\n  " + line)
	}
	tty := s.Spec.TaskTemplate.ContainerSpec != nil && s.Spec.TaskTemplate.ContainerSpec.TTY
	if output := lastOutput(ctx, e, s.ID, tty); output != "" {
		text.WriteString("\nlast output of its tasks:\n" + output)
	}
	return fmt.Errorf("%w%s", cause, text.String())
}

// troubles are the errors of tasks, the newest first, each once.
func troubles(service string, tasks []mobyswarm.Task) []string {
	tasks = slices.Clone(tasks)
	slices.SortStableFunc(tasks, func(a, b mobyswarm.Task) int { return b.Status.Timestamp.Compare(a.Status.Timestamp) })
	var lines []string
	seen := map[string]bool{}
	for _, t := range tasks {
		if t.Status.Err == "" || seen[t.Status.Err] || len(lines) == taskLines {
			continue
		}
		seen[t.Status.Err] = true
		name := service
		if t.Slot != 0 {
			name = fmt.Sprintf("%s.%d", service, t.Slot)
		}
		lines = append(lines, fmt.Sprintf("task %s is %s: %s", name, t.Status.State, t.Status.Err))
	}
	return lines
}

// lastOutput is the last lines tasks wrote; "" when there are none or they cannot be had: the cause matters more.
func lastOutput(ctx context.Context, e watching, id string, tty bool) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailTimeout)
	defer cancel()
	logs, err := e.ServiceLogs(ctx, id, moby.ServiceLogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(tailLines)})
	if err != nil {
		return ""
	}
	defer logs.Close()
	var output bytes.Buffer
	from := io.LimitReader(logs, tailBytes)
	if tty {
		_, _ = io.Copy(&output, from)
	} else {
		_, _ = stdcopy.StdCopy(&output, &output, from)
	}
	lines := strings.Split(strings.TrimRight(output.String(), "\r\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
