package event

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/events"
)

// Subscribe returns the messages that match accepts (nil accepts all), from now on in the order they were announced.
//
// With since or until not zero, what is remembered comes first: from since on and up to until, both included. At until
// the sequence ends; when that is past already, after what is remembered. It ends with ctx in any case, and when the
// subscriber is too slow (see the package comment).
//
// The subscription begins with this call, not with the first iteration; one that is never iterated costs nothing. The
// attributes of a message are shared with other subscribers: read only.
func (b *Bus) Subscribe(ctx context.Context, since, until time.Time, match func(events.Message) bool) iter.Seq[events.Message] {
	s := subscription{bus: b, since: since, until: until, match: match}
	b.mu.Lock()
	s.cursor = b.next
	if !since.IsZero() || !until.IsZero() {
		s.cursor = b.oldest()
	}
	b.mu.Unlock()
	return func(yield func(events.Message) bool) { s.run(ctx, yield) }
}

// oldest is the number of the first message that is remembered. Called with mu held.
func (b *Bus) oldest() uint64 { return b.next - uint64(len(b.ring)) }

// subscription is one iteration.
type subscription struct {
	bus          *Bus
	since, until time.Time
	match        func(events.Message) bool
	cursor       uint64 // number of the next message to read
}

func (s subscription) run(ctx context.Context, yield func(events.Message) bool) {
	s.bus.mu.Lock()
	s.bus.subscribers++
	s.bus.mu.Unlock()
	defer func() {
		s.bus.mu.Lock()
		s.bus.subscribers--
		s.bus.mu.Unlock()
	}()
	var end <-chan time.Time
	if !s.until.IsZero() {
		timer := time.NewTimer(time.Until(s.until))
		defer timer.Stop()
		end = timer.C
	}
	for ending := false; ; {
		batch, changed, lost := s.read()
		if lost > 0 {
			yield(overrun(lost))
			return
		}
		for _, m := range batch {
			if ctx.Err() != nil || s.wants(m) && !yield(m) {
				return
			}
		}
		if len(batch) > 0 {
			continue
		}
		if ending {
			return
		}
		select {
		case <-changed:
		case <-end:
			ending = true // what came in the last moment is still read
		case <-ctx.Done():
			return
		}
	}
}

// read returns what is new, a bounded part at a time; or what to wait for; or how many messages were missed.
func (s *subscription) read() (batch []events.Message, changed <-chan struct{}, lost uint64) {
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if oldest := b.oldest(); s.cursor < oldest {
		return nil, nil, oldest - s.cursor
	}
	const most = 64
	for ; s.cursor < b.next && len(batch) < most; s.cursor++ {
		batch = append(batch, b.ring[s.cursor%b.bound])
	}
	if len(batch) == 0 && b.changed == nil {
		b.changed = make(chan struct{})
	}
	return batch, b.changed, 0
}

// wants applies times, to the nanosecond as dockerd does, and match.
func (s *subscription) wants(m events.Message) bool {
	at := time.Unix(0, m.TimeNano) // no nanoseconds of theirs: clients say years that have too many
	if !s.since.IsZero() && at.Before(s.since) || !s.until.IsZero() && at.After(s.until) {
		return false
	}
	return s.match == nil || s.match(m)
}

// overrun is the last message of a subscription that was too slow.
func overrun(lost uint64) events.Message {
	return stamp(events.Message{
		Type: events.DaemonEventType, Action: ActionOverrun,
		Actor: events.Actor{Attributes: map[string]string{
			"reason": fmt.Sprintf("the reader was too slow: %d events are lost; ask again with since", lost),
			"lost":   strconv.FormatUint(lost, 10),
		}},
	}, time.Now())
}
