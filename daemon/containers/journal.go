//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/daemon/health"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
)

// teardownLimit bounds what is done about the end of a run.
const teardownLimit = time.Minute

// OnEntry settles one line of a container's journal: the record, the offset behind the line, and the events it stands
// for are one transaction. The runtime calls it in the order of the lines; after an error it has to call again with the
// same line. A container that has no record has been removed: its lines mean nothing any more.
func (s *Service) OnEntry(id string, e runtime.Entry, offset int64) error {
	c, ok := s.index.get(id)
	if !ok {
		return nil
	}
	switch e.Kind {
	case runtime.KindStart:
		return s.onStart(c, e, offset)
	case runtime.KindExit:
		return s.onExit(c, e, offset)
	case runtime.KindStop:
		return s.onStop(c, e, offset)
	case runtime.KindStartFailed:
		return s.onStartFailed(c, e, offset)
	case runtime.KindExecStart, runtime.KindExecFailed, runtime.KindExecExit:
		return s.onExec(c, e, offset)
	default: // adopt, and what a later monitor writes
		if err := s.settle(c, offset, nil); err != nil {
			return err
		}
		if e.Kind == runtime.KindAdopt {
			s.execsEnded(c)
		}
		return nil
	}
}

// settle moves the offset together with whatever fn changes.
func (s *Service) settle(c *ctr, offset int64, fn func(r *record) []events.Message) error {
	return s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		r.Offset = offset
		if fn == nil {
			return nil, nil
		}
		return fn(r), nil
	})
}

func (s *Service) onStart(c *ctr, e runtime.Entry, offset int64) error {
	if !c.isStarting() && !c.record().State.alive() { // the last daemon's start, which has mounted
		c.mounting.Lock()
		c.holders++
		c.mounting.Unlock()
	}
	err := s.settle(c, offset, func(r *record) []events.Message {
		r.Restarts = int(e.Count)
		st := &r.State
		st.Running, st.Paused, st.Restarting, st.Dead, st.OOMKilled = true, false, false, false, false
		st.Pid, st.ExitCode, st.Error, st.StartedAt, st.ByHand = int(e.Pid), 0, "", at(e), false
		st.Starts++
		if _, ok := health.CheckOf(r.Config); ok {
			st.Health = health.Begin(st.Health)
		}
		var told []events.Message
		if up := c.takeSetup(); up != nil {
			up.wear(r)
			told = up.told
		}
		return append(told, stamped(r.happened(events.ActionStart), e))
	})
	if err == nil {
		s.watchHealth(c)
	}
	return err
}

// at is when an entry happened.
func at(e runtime.Entry) time.Time { return time.Unix(0, e.Time).UTC() }

// stamped gives an event the time at which it happened. Those of a time when no daemon ran come late, with true times.
func stamped(m events.Message, e runtime.Entry) events.Message {
	m.Time, m.TimeNano = e.Time/int64(time.Second), e.Time
	return m
}

// onExit settles the end of a run. When the restart policy does not start it again, everything the run had is given
// back before the record says so.
func (s *Service) onExit(c *ctr, e runtime.Entry, offset int64) error {
	s.unwatchHealth(c)
	if !e.Restart {
		s.teardown(c)
	}
	c.telling.Lock()
	sent := c.takeSent()
	err := s.settle(c, offset, func(r *record) []events.Message {
		st := &r.State
		st.Running, st.Paused, st.Restarting, st.Pid = false, false, e.Restart, 0
		st.ExitCode, st.OOMKilled, st.FinishedAt, st.Error = int(e.Code), e.OOM, at(e), e.Message
		st.Health = health.Suspended(st.Health)
		var told []events.Message
		for _, k := range sent {
			action, attributes := k.event()
			told = append(told, stamped(r.happened(action, attributes...), e))
		}
		if e.OOM && c.toldOOM != st.Starts { // not by OnOOM
			c.toldOOM = st.Starts
			told = append(told, stamped(r.happened(events.ActionOOM), e))
		}
		ran := strconv.FormatInt(int64(st.FinishedAt.Sub(st.StartedAt).Seconds()), 10)
		told = append(told, stamped(r.happened(events.ActionDie, "exitCode", strconv.FormatInt(e.Code, 10), "execDuration", ran), e))
		if !e.Restart {
			told = append(told, leftAll(r)...)
			unset(r)
		}
		return told
	})
	c.telling.Unlock()
	if err != nil {
		return err
	}
	s.execsEnded(c)
	if !e.Restart {
		c.setProc(nil)
	}
	c.ended(int(e.Code), e.Message)
	if !e.Restart {
		s.autoRemove(c)
	}
	return nil
}

func (c *ctr) isHeld() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// leftAll tells that a container is on no network any more.
func leftAll(r *record) []events.Message {
	var told []events.Message
	for _, name := range slices.Sorted(maps.Keys(r.Endpoints)) {
		told = append(told, left(r, name)...)
	}
	return told
}

func (s *Service) execsEnded(c *ctr) {
	if s.execs != nil {
		s.execs.Ended(c.id)
	}
}

// onStop settles that a restart which had been announced does not come.
func (s *Service) onStop(c *ctr, e runtime.Entry, offset int64) error {
	if !c.record().State.Restarting {
		return s.settle(c, offset, nil)
	}
	s.teardown(c)
	if err := s.settle(c, offset, func(r *record) []events.Message {
		r.State.Restarting, r.State.Running, r.State.Pid = false, false, 0
		told := leftAll(r)
		unset(r)
		return told
	}); err != nil {
		return err
	}
	c.setProc(nil)
	c.ended(c.record().State.ExitCode, "")
	s.autoRemove(c)
	return nil
}

// onStartFailed settles a start that came to nothing. When a call of Start waits for it, that call reports and cleans
// up; one by the restart policy is settled here.
func (s *Service) onStartFailed(c *ctr, e runtime.Entry, offset int64) error {
	if c.isStarting() {
		return s.settle(c, offset, nil)
	}
	s.teardown(c)
	if err := s.settle(c, offset, func(r *record) []events.Message {
		st := &r.State
		st.Running, st.Paused, st.Restarting, st.Pid = false, false, false, 0
		st.ExitCode, st.Error, st.FinishedAt = int(e.Code), e.Message, at(e)
		unset(r)
		return []events.Message{stamped(r.happened(events.ActionDie, "exitCode", strconv.FormatInt(e.Code, 10)), e)}
	}); err != nil {
		return err
	}
	c.setProc(nil)
	c.ended(int(e.Code), e.Message)
	return nil
}

// onExec hands an entry to the execs service, in the transaction that moves the offset.
func (s *Service) onExec(c *ctr, e runtime.Entry, offset int64) error {
	var announce func()
	if err := s.change(c, func(tx *metadata.Tx, r *record) (_ []events.Message, err error) {
		r.Offset, announce = offset, nil
		if s.execs != nil {
			announce, err = s.execs.JournalIn(tx, c.id, e)
		}
		return nil, err
	}); err != nil {
		return err
	}
	if announce != nil {
		announce()
	}
	return nil
}

// teardown gives back what a run had: network, root file system, shm. All of it may be gone already.
func (s *Service) teardown(c *ctr) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ending), teardownLimit)
	defer cancel()
	if r := c.record(); ownNetwork(r) {
		s.best(c.id, "network is left", ignoreNotFound(s.network.Release(ctx, c.id)))
	}
	s.unmountShm(c.id)
	s.unmountVolumes(c.record())
	s.letGo(ctx, c)
}

// autoRemove removes a container that is to go by itself, in the background. What goes wrong is left to the next start of
// the daemon, and so is what is found while that start settles journals.
func (s *Service) autoRemove(c *ctr) {
	if !c.record().Host.AutoRemove || c.isHeld() || s.settling.Load() {
		return
	}
	s.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ending), startLimit)
		defer cancel()
		unlock, err := c.lock(ctx)
		if err == nil {
			if r := c.record(); !r.State.alive() && !c.isHeld() {
				err = s.remove(ctx, c, true)
			}
			unlock()
		}
		if err != nil && !errors.Is(err, errInProgress) {
			s.log.Warn("container is not removed though AutoRemove asks for it", "container", short(c.id), "error", err)
		}
	})
}

// exitCode is what the container's exit code becomes when it could not be started.
func exitCode(err error) int {
	var failed *runtime.StartError
	if errors.As(err, &failed) && failed.Code != 0 {
		return failed.Code
	}
	return 128
}

// OnOOM tells of a process killed for lack of memory. When it was the container's own, the end of the run has it too, and
// may be known before or after: each is told once.
func (s *Service) OnOOM(id string) {
	c, ok := s.index.get(id)
	if !ok {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	run := c.record().State
	if !run.Running && c.toldOOM == run.Starts {
		return // its end has told
	}
	if c.toldOOM = run.Starts; !run.Running {
		c.toldOOM++ // of a run whose begin is not known yet
	}
	s.tell(c, events.ActionOOM)
}

// Wait begins to wait for a container: what happens after Wait has returned is not missed. The code is that of the run
// that ended, message why a start failed: whoever waits for an end that is still to come hears that from the start, as on
// other engines, and clients print both. The conditions: not running now or ended once (the default); the next end, also
// of a later run; removed. Others are errs.ErrInvalid.
func (s *Service) Wait(ref string, condition container.WaitCondition) (func(ctx context.Context) (code int, message string, err error), error) {
	switch condition {
	case container.WaitConditionNotRunning, container.WaitConditionNextExit, container.WaitConditionRemoved, "":
	default:
		return nil, invalid("invalid condition: %q", condition)
	}
	c, err := s.index.find(ref)
	if err != nil {
		return nil, err
	}
	note := c.note() // before the state: an end in between closes it
	if condition == container.WaitConditionRemoved {
		return func(ctx context.Context) (int, string, error) { return c.waitGone(ctx) }, nil
	}
	if r := c.record(); condition != container.WaitConditionNextExit && !r.State.alive() && !c.isStarting() {
		return func(context.Context) (int, string, error) { return r.State.ExitCode, r.State.Error, nil }, nil
	}
	return func(ctx context.Context) (int, string, error) {
		select {
		case <-note.done:
			if condition == container.WaitConditionNextExit {
				return note.code, "", nil
			}
			return note.code, note.message, nil
		case <-c.gone:
			return c.lastCode()
		case <-ctx.Done():
			return 0, "", fmt.Errorf("wait for container %s: %w", ref, ctx.Err())
		}
	}, nil
}

func (c *ctr) waitGone(ctx context.Context) (int, string, error) {
	select {
	case <-c.gone:
		return c.record().State.ExitCode, "", nil
	case <-ctx.Done():
		return 0, "", fmt.Errorf("wait for container %s: %w", short(c.id), ctx.Err())
	}
}

func (c *ctr) lastCode() (int, string, error) {
	st := c.record().State
	return st.ExitCode, st.Error, nil
}
