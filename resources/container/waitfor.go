package container

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/eventstream"
	"github.com/cleat-dev/cleat/resources/contract"
)

// States a wait_for block can ask for.
const (
	stateHealthy = "healthy"
	stateRunning = "running"
	stateExited  = "exited"
)

// standardWait is how long a wait_for block waits that does not say.
const standardWait = time.Minute

// condition is one wait_for block.
type condition struct {
	// at is the attribute that names the condition, what the condition in words.
	at, what string
	WaitFor
	pattern  *regexp.Regexp
	limit    time.Duration
	deadline time.Time
	held     bool
	// read: the output of this run of the container was read to its end, without a match.
	read bool
}

// vigil is the wait for all conditions of one start. Only its own goroutine touches it; followers report to it.
type vigil struct {
	e          API
	m          Model
	conditions []*condition
	heard      <-chan *events.Message
	reports    chan report
	// c is the container as last looked at; gone when it is no more, which one that removes itself soon is.
	c    container.InspectResponse
	gone bool
	// died: an event told of the end of the container's process, with this code.
	died bool
	code int
	// unfollow ends what follows the present run of the container.
	unfollow context.CancelFunc
}

// report is what the follower of a condition found out: that it holds, or what stands in the way for good. Neither:
// the output ended.
type report struct {
	condition *condition
	held      bool
	err       error
}

// awaitConditions calls start and waits until every wait_for block holds, or one cannot any more. It follows the
// container's events from before the start, and looks at the container after each.
func awaitConditions(ctx context.Context, e API, m Model, start func() error) error {
	conditions, err := conditionsOf(m.WaitFor)
	if err != nil {
		return err
	}
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	id := m.ID.ValueString()
	v := &vigil{e: e, m: m, conditions: conditions, reports: make(chan report), unfollow: func() {}}
	if err := v.look(ctx); err != nil {
		return err
	}
	since := finishedAt(v.c) // what an earlier run has written says nothing of this one
	v.died, v.code = false, 0
	v.heard = eventstream.Listen(following, e,
		moby.Filters{}.Add("type", string(events.ContainerEventType)).Add("container", id).Add("event", lifeEvents...).Add("event", "start"))
	if err := start(); err != nil {
		return err
	}
	began := time.Now()
	for _, c := range conditions {
		c.deadline = began.Add(c.limit)
	}
	if err := v.look(ctx); err != nil {
		return err
	}
	v.follow(following, since)
	if failed, err := v.wait(ctx, following); err != nil {
		return v.explain(ctx, failed, err)
	}
	return nil
}

// conditionsOf prepares the declared conditions.
func conditionsOf(blocks contract.Blocks[WaitFor]) ([]*condition, error) {
	all := make([]*condition, len(blocks.Items))
	for i, w := range blocks.Items {
		c := &condition{WaitFor: w, limit: standardWait, at: fmt.Sprintf("wait_for[%d].", i)}
		var err error
		if given(w.Timeout) {
			if c.limit, err = time.ParseDuration(w.Timeout.ValueString()); err != nil {
				return nil, contract.At(c.at+"timeout", "%w", err)
			}
		}
		switch {
		case given(w.Log):
			c.what = fmt.Sprintf("write a line that matches %q", w.Log.ValueString())
			c.at += "log"
			if c.pattern, err = regexp.Compile(w.Log.ValueString()); err != nil {
				return nil, contract.At(c.at, "%w", err)
			}
		case given(w.Port):
			c.what, c.at = fmt.Sprintf("listen on TCP port %d", w.Port.ValueInt64()), c.at+"port"
		case w.State.ValueString() == stateExited:
			c.what, c.at = fmt.Sprintf("exit with code %d", w.ExitCode.ValueInt64()), c.at+"state"
		case w.State.ValueString() == stateHealthy:
			c.what, c.at = "become healthy", c.at+"state"
		default:
			c.what, c.at = "run", c.at+"state"
		}
		all[i] = c
	}
	return all, nil
}

// follow starts what watches for the conditions that no event tells of. since leaves older output out.
func (v *vigil) follow(ctx context.Context, since string) {
	v.unfollow()
	ctx, v.unfollow = context.WithCancel(ctx)
	for _, c := range v.conditions {
		switch {
		case c.held:
		case c.pattern != nil:
			c.read = false
			go v.readLog(ctx, c, since)
		case given(c.Port) && v.running():
			go v.tryPort(ctx, c, v.c)
		}
	}
}

// wait ends when all conditions hold, or with the one that does not and why.
func (v *vigil) wait(ctx, following context.Context) (*condition, error) {
	for {
		if failed, err := v.judge(); err != nil {
			return failed, err
		}
		next := v.next()
		if next == nil {
			return v.confirm(ctx)
		}
		if !time.Now().Before(next.deadline) { // what no event told of counts as well
			if err := v.look(ctx); err != nil {
				return next, err
			}
			if failed, err := v.judge(); err != nil || next.held {
				if err != nil {
					return failed, err
				}
				continue
			}
			return next, &failure{fmt.Sprintf("within %s", next.limit), errs.ErrUnavailable}
		}
		if failed, err := v.step(ctx, following, next); err != nil {
			return failed, err
		}
	}
}

// step takes in one thing that happened, or the end of the time of next.
func (v *vigil) step(ctx, following context.Context, next *condition) (*condition, error) {
	timer := time.NewTimer(time.Until(next.deadline))
	defer timer.Stop()
	select {
	case event := <-v.heard:
		wasUp := v.running() && !v.died
		v.note(event)
		if err := v.look(ctx); err != nil {
			return next, err
		}
		// Its restart policy started it again, or its output ended with the engine and not with it.
		if v.running() && (!wasUp || event == nil && v.readAll()) {
			v.died = false
			v.follow(following, finishedAt(v.c))
		}
	case r := <-v.reports:
		r.condition.held, r.condition.read = r.condition.held || r.held, !r.held
		if r.err != nil {
			return r.condition, r.err
		}
		if !r.held && !v.died { // the output ends with the container
			return next, v.look(ctx)
		}
	case <-timer.C:
	case <-ctx.Done():
		return next, context.Cause(ctx)
	}
	return nil, nil
}

// readAll reports whether output that is waited for was read to its end.
func (v *vigil) readAll() bool {
	return slices.ContainsFunc(v.conditions, func(c *condition) bool { return c.read && !c.held })
}

// note takes the exit code from an event: a container that removes itself cannot be asked for it.
func (v *vigil) note(event *events.Message) {
	if event == nil || event.Action != events.ActionDie {
		return
	}
	v.died = true
	if code, err := strconv.Atoi(event.Actor.Attributes["exitCode"]); err == nil {
		v.code = code
	}
}

// look asks for the container's state.
func (v *vigil) look(ctx context.Context) error {
	r, err := v.e.ContainerInspect(ctx, v.m.ID.ValueString(), moby.ContainerInspectOptions{})
	if errors.Is(err, errs.ErrNotFound) {
		v.gone = true
		return nil
	}
	if err != nil {
		return err
	}
	v.c = r.Container
	if s := v.c.State; s != nil && (s.Status == container.StateExited || s.Status == container.StateDead) {
		v.code = s.ExitCode
	}
	return nil
}

// running reports whether the container's process was alive at the last look.
func (v *vigil) running() bool {
	return !v.gone && v.c.State != nil && v.c.State.Running && !v.c.State.Restarting
}

// over reports whether the container has ended and will not start again by itself.
func (v *vigil) over() bool {
	if v.gone { // the event that tells how it ended is on its way
		return v.died
	}
	ended := v.died || v.c.State != nil && (v.c.State.Status == container.StateExited || v.c.State.Status == container.StateDead)
	switch v.m.Restart.ValueString() {
	case "", "no":
		return ended
	case "on-failure":
		return ended && v.code == 0
	}
	return false
}

// judge marks the conditions that hold by now, and finds one that cannot hold any more.
func (v *vigil) judge() (*condition, error) {
	for _, c := range v.conditions {
		switch state := c.State.ValueString(); {
		case c.held:
		case state == stateExited:
			if c.held = v.over() && int64(v.code) == c.ExitCode.ValueInt64(); !c.held && v.over() {
				return c, &failure{"but with code " + strconv.Itoa(v.code), errs.ErrInternal}
			}
		case v.over() && (c.pattern == nil || c.read):
			return c, v.ended()
		case state == stateRunning:
			c.held = v.running()
		case state == stateHealthy && v.running():
			health := v.c.State.Health
			switch {
			case health == nil || health.Status == container.NoHealthcheck || health.Status == "":
				return c, &failure{"because neither it nor its image has a health check that this engine runs: give it one, or wait for something else", errs.ErrInvalid}
			case health.Status == container.Unhealthy:
				return c, &failure{"but unhealthy", errs.ErrUnavailable}
			}
			c.held = health.Status == container.Healthy
		}
	}
	return nil, nil
}

// ended is why nothing more is to come of the container.
func (v *vigil) ended() error {
	return &failure{"before it exited with code " + strconv.Itoa(v.code), errs.ErrInternal}
}

// next is the condition that does not hold yet whose time is up first.
func (v *vigil) next() *condition {
	var next *condition
	for _, c := range v.conditions {
		if !c.held && (next == nil || c.deadline.Before(next.deadline)) {
			next = c
		}
	}
	return next
}

// confirm looks once more where the container was to run: it may have ended while the other conditions came to hold.
func (v *vigil) confirm(ctx context.Context) (*condition, error) {
	for _, c := range v.conditions {
		if c.State.ValueString() != stateRunning || len(v.conditions) == 1 {
			continue
		}
		if err := v.look(ctx); err != nil {
			return c, err
		}
		if v.over() {
			return c, v.ended()
		}
	}
	return nil, nil
}

// explain says what the container did not do, what state it is in, and what it has written last.
func (v *vigil) explain(ctx context.Context, c *condition, why error) error {
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailTimeout)
	defer cancel()
	if v.look(asking) == nil && !v.over() {
		why = fmt.Errorf("%w; it %s", why, v.state())
	}
	space := ": "
	if found := new(failure); errors.As(why, &found) {
		space = " "
	}
	return contract.At(c.at, "%w", withOutput(ctx, v.e, v.m, fmt.Errorf("did not %s%s%w", c.what, space, why)))
}

// state is the container's in words.
func (v *vigil) state() string {
	s := v.c.State
	switch {
	case v.gone || s == nil:
		return "is gone"
	case s.Status == container.StateExited || s.Status == container.StateDead:
		return "has exited with code " + strconv.Itoa(s.ExitCode)
	case s.Health == nil || s.Health.Status == "" || s.Health.Status == container.NoHealthcheck:
		return "is " + string(s.Status)
	}
	text := fmt.Sprintf("is %s and %s", s.Status, s.Health.Status)
	if n := len(s.Health.Log); n > 0 && s.Health.Log[n-1] != nil && s.Health.Log[n-1].ExitCode != 0 {
		text += fmt.Sprintf(" (its last health test ended with code %d: %s)", s.Health.Log[n-1].ExitCode, lastLines(strings.TrimSpace(s.Health.Log[n-1].Output), 3))
	}
	return text
}

// finishedAt is when the container ended last, by the engine's clock; empty when it never did.
func finishedAt(c container.InspectResponse) string {
	if c.State == nil || strings.HasPrefix(c.State.FinishedAt, "0001-") {
		return ""
	}
	return c.State.FinishedAt
}

// waits reports whether a start is waited for in some way.
func waits(m Model) bool {
	return m.Wait.ValueBool() || len(m.WaitFor.Items) > 0
}

// WaitFor is one condition a start waits for.
type WaitFor struct {
	ExitCode types.Int64  `tfsdk:"exit_code"`
	Log      types.String `tfsdk:"log"`
	Port     types.Int64  `tfsdk:"port"`
	State    types.String `tfsdk:"state"`
	Timeout  types.String `tfsdk:"timeout"`
}
