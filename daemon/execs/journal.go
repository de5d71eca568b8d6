//go:build linux

package execs

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
)

// JournalIn takes an exec-start, exec-failed or exec-exit entry of a container's journal in, in the transaction that
// moves the journal's offset. announce is called after the commit. Other entries, and those of execs that are not
// known any more, mean nothing here.
func (s *Service) JournalIn(tx *metadata.Tx, containerID string, e runtime.Entry) (announce func(), err error) {
	r, err := s.get(e.ID)
	if err != nil || r.ContainerID != containerID || r.State == ended {
		return func() {}, nil //nolint:nilerr // its record has been dropped
	}
	begin := s.happened(&r, events.ActionExecStart+": "+events.Action(r.command()))
	var messages []events.Message
	switch e.Kind {
	case runtime.KindExecStart:
		r.State, r.Pid = running, int(e.Pid)
		messages = append(messages, begin)
	case runtime.KindExecFailed:
		if r.State == created || r.State == starting {
			messages = append(messages, begin)
		}
		r.end(int(e.Code), time.Unix(0, e.Time))
	case runtime.KindExecExit:
		r.end(int(e.Code), time.Unix(0, e.Time))
		messages = append(messages, s.happened(&r, events.ActionExecDie, "exitCode", strconv.Itoa(r.Code)))
	default:
		return func() {}, nil
	}
	var tells []func()
	for _, m := range messages {
		m.Time, m.TimeNano = e.Time/1e9, e.Time
		tell, err := s.events.PublishIn(tx, m)
		if err != nil {
			return nil, fmt.Errorf("exec %s: %w", r.ID, err)
		}
		tells = append(tells, tell)
	}
	if err := s.save(tx, r); err != nil {
		return nil, err
	}
	tx.OnCommit(func() { s.set(r) })
	return func() {
		for _, tell := range tells {
			tell()
		}
		s.told(r)
	}, nil
}

// save stores a record. One of our own is not kept beyond its end.
func (s *Service) save(tx *metadata.Tx, r record) (err error) {
	if r.Own && r.State == ended {
		err = s.table.DeleteIn(tx, r.ID)
	} else {
		err = s.table.PutIn(tx, r.ID, r)
	}
	if err != nil {
		return fmt.Errorf("exec %s: %w", r.ID, err)
	}
	return nil
}

// told is called when clients have been told of a new state: who waits for the end of one of our own has waited enough.
func (s *Service) told(r record) {
	if r.Own && r.State == ended {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.forget(r.ID)
	}
}

// end makes a record that of a command that has ended.
func (r *record) end(code int, at time.Time) { r.State, r.Code, r.Pid, r.Changed = ended, code, 0, at }

// set puts a new state into memory.
func (s *Service) set(r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all[r.ID]
	if e == nil || e.State >= r.State {
		return // removed, or the journal was faster
	}
	was := e.State
	e.record = r
	if was < running && r.State >= running {
		close(e.begun)
	}
	if r.State == ended && !r.Own {
		s.past = append(s.past, queued{r.ID, r.Changed})
	}
}

// settle stores that an exec has ended without the journal saying so.
func (s *Service) settle(r record, code int, died bool) error {
	r.end(code, time.Now())
	announce := func() {}
	if err := s.db.Update(func(tx *metadata.Tx) (err error) {
		if died {
			if announce, err = s.events.PublishIn(tx, s.happened(&r, events.ActionExecDie, "exitCode", strconv.Itoa(code))); err != nil {
				return fmt.Errorf("exec %s: %w", r.ID, err)
			}
		}
		return s.save(tx, r)
	}); err != nil {
		return fmt.Errorf("exec %s: %w", r.ID, err)
	}
	s.set(r)
	announce()
	s.told(r)
	return nil
}

// Ended settles the execs that a run of a container leaves behind without the journal having said how they ended: those
// of a monitor that died. Their code is 255. The containers service calls it at the end of a run, and when a new monitor
// has taken over (an adopt entry).
func (s *Service) Ended(containerID string) {
	s.mu.Lock()
	var left []record
	for _, e := range s.of[containerID] {
		if e.State == running || e.State == starting {
			left = append(left, e.record)
		}
	}
	s.mu.Unlock()
	for _, r := range left {
		if err := s.settle(r, codeUnknown, true); err != nil {
			s.log.Warn("end of an exec is not stored", "exec", r.ID, "container", containerID, "error", err)
		}
	}
}

// Reconcile is called once at the start of the daemon, when the journals have been read: it drops the execs of
// containers that do not exist, settles those whose container does not run, and ends those an earlier daemon ran for
// itself.
func (s *Service) Reconcile(ctx context.Context, exists, runs func(containerID string) bool) error {
	s.mu.Lock()
	owners := maps.Clone(s.of)
	s.mu.Unlock()
	for id := range owners {
		if ctx.Err() != nil {
			return fmt.Errorf("execs: %w", ctx.Err())
		}
		switch {
		case !exists(id):
			s.Forget(id)
		case !runs(id):
			s.Ended(id)
		default:
			s.endOwn(ctx, id)
		}
	}
	return nil
}
