package service

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"
)

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// task is one of a service, made n seconds after it began.
func task(n int, slot int, state, desired swarm.TaskState, image string) swarm.Task {
	t := swarm.Task{Slot: slot, DesiredState: desired, Status: swarm.TaskStatus{State: state}, Spec: swarm.TaskSpec{ContainerSpec: &swarm.ContainerSpec{Image: image}}}
	t.CreatedAt = began.Add(time.Duration(n) * time.Second)
	return t
}

func replicated(n uint64, state swarm.UpdateState) swarm.Service {
	s := swarm.Service{Spec: swarm.ServiceSpec{
		Mode:         swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &n}},
		TaskTemplate: swarm.TaskSpec{ContainerSpec: &swarm.ContainerSpec{Image: "b"}, Runtime: swarm.RuntimeContainer},
	}}
	if state != "" {
		s.UpdateStatus = &swarm.UpdateStatus{State: state, Message: "told"}
	}
	return s
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const up, down, bad = swarm.TaskStateRunning, swarm.TaskStateShutdown, swarm.TaskStateFailed
	old, now := task(0, 1, up, up, "a"), task(9, 1, up, up, "b")
	once := replicated(1, "")
	once.Spec.TaskTemplate.RestartPolicy = &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone}
	onceTask := func(state swarm.TaskState) swarm.Task {
		x := task(0, 1, state, down, "b")
		x.Spec.RestartPolicy = once.Spec.TaskTemplate.RestartPolicy
		return x
	}
	global := swarm.Service{Spec: swarm.ServiceSpec{Mode: swarm.ServiceMode{Global: &swarm.GlobalService{}}}}
	update := goal{update: true}
	for name, c := range map[string]struct {
		service swarm.Service
		tasks   []swarm.Task
		goal    goal
		done    bool
		fails   string
	}{
		"none yet":             {replicated(1, ""), nil, goal{}, false, ""},
		"runs":                 {replicated(1, ""), []swarm.Task{now}, goal{}, true, ""},
		"starts":               {replicated(1, ""), []swarm.Task{task(0, 1, swarm.TaskStateStarting, up, "b")}, goal{}, false, ""},
		"one of two":           {replicated(2, ""), []swarm.Task{now}, goal{}, false, ""},
		"none wanted":          {replicated(0, ""), nil, goal{}, true, ""},
		"too many":             {replicated(1, ""), []swarm.Task{now, task(9, 2, up, up, "b")}, goal{}, false, ""},
		"one is stopped":       {replicated(1, ""), []swarm.Task{now, task(9, 2, up, down, "b")}, goal{}, true, ""},
		"old one still runs":   {replicated(1, ""), []swarm.Task{old}, update, false, ""},
		"old one was replaced": {replicated(1, ""), []swarm.Task{task(0, 1, up, down, "a"), now}, update, true, ""},
		"updating":             {replicated(1, swarm.UpdateStateUpdating), []swarm.Task{now}, update, false, ""},
		"completed":            {replicated(1, swarm.UpdateStateCompleted), []swarm.Task{now}, update, true, ""},
		"paused":               {replicated(1, swarm.UpdateStatePaused), []swarm.Task{old}, update, false, "came to a halt: told"},
		"rolling back":         {replicated(1, swarm.UpdateStateRollbackStarted), []swarm.Task{old}, update, false, ""},
		"rolled back":          {replicated(1, swarm.UpdateStateRollbackCompleted), []swarm.Task{now}, update, false, "was rolled back: told"},
		"rollback failed":      {replicated(1, swarm.UpdateStateRollbackPaused), nil, update, false, "so did its rollback"},
		"endpoint not begun":   {replicated(1, ""), []swarm.Task{now}, goal{update: true, endpoint: true}, false, ""},
		"endpoint done":        {replicated(1, swarm.UpdateStateCompleted), []swarm.Task{now}, goal{update: true, endpoint: true}, true, ""},
		"restarts":             {replicated(1, ""), []swarm.Task{task(0, 1, bad, down, "b"), task(1, 1, swarm.TaskStateReady, swarm.TaskStateReady, "b")}, goal{}, false, ""},
		"failed once":          {once, []swarm.Task{onceTask(bad)}, goal{}, false, "1 of its tasks failed"},
		"complete once":        {once, []swarm.Task{onceTask(swarm.TaskStateComplete)}, goal{}, true, ""},
		"complete, again":      {replicated(1, ""), []swarm.Task{task(0, 1, swarm.TaskStateComplete, down, "b")}, goal{}, false, ""},
		"global":               {global, []swarm.Task{{NodeID: "a", DesiredState: up, Status: swarm.TaskStatus{State: up}}}, goal{}, true, ""},
		"global, no node":      {global, nil, goal{}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, err := judge(c.service, c.tasks, c.goal)
			if done != c.done || (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("done %t, %v; want %t, %q", done, err, c.done, c.fails)
			}
		})
	}
}

// TestUnproven: only what is new has to prove itself, and not what the swarm has watched.
func TestUnproven(t *testing.T) {
	t.Parallel()
	tasks := []swarm.Task{task(5, 1, swarm.TaskStateRunning, swarm.TaskStateRunning, "b")}
	declared := replicated(1, "")
	declared.Spec.UpdateConfig = &swarm.UpdateConfig{Monitor: time.Second}
	for name, c := range map[string]struct {
		service swarm.Service
		since   time.Time
		want    time.Duration
	}{
		"new":      {replicated(1, ""), began, defaultMonitor},
		"declared": {declared, began, time.Second},
		"old":      {replicated(1, ""), began.Add(time.Minute), 0},
		"watched":  {replicated(1, swarm.UpdateStateCompleted), began, 0},
	} {
		if got := unproven(c.service, tasks, goal{since: c.since}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestTroubles: the newest errors come first, each once.
func TestTroubles(t *testing.T) {
	t.Parallel()
	at := func(n int, text string) swarm.Task {
		x := task(n, n, swarm.TaskStateFailed, swarm.TaskStateShutdown, "b")
		x.Status.Timestamp, x.Status.Err = began.Add(time.Duration(n)*time.Second), text
		return x
	}
	got := strings.Join(troubles("web", []swarm.Task{at(1, "one"), at(3, "two"), at(2, "two"), at(4, "")}), "|")
	if want := "task web.3 is failed: two|task web.1 is failed: one"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// told is an engine that says what it is given.
type told struct {
	watching
	messages chan events.Message
	errs     chan error
}

func (f told) Events(context.Context, moby.EventsListOptions) moby.EventsResult {
	return moby.EventsResult{Messages: f.messages, Err: f.errs}
}

// TestWatch: looks come at ever longer pauses, up to the longest, whatever a look asks for; soon after an event, of which a
// swarm may know later than those who listen; and when a look asks for one sooner. What ends the wait is returned.
func TestWatch(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	times := func(t *testing.T, next time.Duration, looks int, happens func(f told)) []time.Duration {
		f := told{messages: make(chan events.Message), errs: make(chan error, 1)}
		go happens(f)
		start := time.Now()
		var at []time.Duration
		if err := watch(t.Context(), f, "id", 3*time.Second, func() (time.Duration, bool, error) {
			at = append(at, time.Since(start))
			return next, len(at) == looks, nil
		}); err != nil {
			t.Error(err)
		}
		return at
	}
	event := func(f told) {
		<-time.After(2 * time.Second)
		f.messages <- events.Message{Actor: events.Actor{ID: "other"}}
		f.messages <- events.Message{Actor: events.Actor{ID: "c", Attributes: map[string]string{serviceLabel: "id"}}}
	}
	for name, c := range map[string]struct {
		next    time.Duration
		happens func(told)
		want    []time.Duration
	}{
		"nothing happens": {time.Hour, func(told) {}, []time.Duration{0, 50 * ms, 150 * ms, 350 * ms, 750 * ms, 1550 * ms, 3150 * ms, 6150 * ms, 9150 * ms}},
		"an event":        {time.Hour, event, []time.Duration{0, 50 * ms, 150 * ms, 350 * ms, 750 * ms, 1550 * ms, 2050 * ms, 2100 * ms, 2200 * ms}},
		"no events":       {0, func(f told) { f.errs <- errors.New("none") }, []time.Duration{0, 50 * ms, 150 * ms, 350 * ms}},
		"asked for":       {10 * ms, func(told) {}, []time.Duration{0, 10 * ms, 20 * ms, 30 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(c.want, times(t, c.next, len(c.want), c.happens)); diff != "" {
					t.Errorf("looks (-want +got):\n%s", diff)
				}
			})
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLate)
	if err := watch(ctx, told{}, "id", time.Hour, func() (time.Duration, bool, error) { return time.Hour, false, nil }); !errors.Is(err, errLate) {
		t.Errorf("ended: %v", err)
	}
}
