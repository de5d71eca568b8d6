package event

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/daemon/metadata"
)

// memory is how many messages slow subscribers may be behind, at least. A message takes about 0.5 KB.
const memory = 8192

// ActionOverrun is the action of the message, of type "daemon", that ends a subscription which fell too far behind.
const ActionOverrun events.Action = "overrun"

// Bus takes messages and hands them out. Its methods may be called from any goroutine.
type Bus struct {
	db    *metadata.DB
	table *metadata.Table[events.Message]
	keep  int

	// Guarded by the transactions of db, which run one after the other.
	saved    uint64 // number of messages ever stored, and the key of the last
	lastTime int64

	mu          sync.Mutex
	ring        []events.Message // message n is at n % cap; grows up to its bound, then wraps
	bound       uint64
	next        uint64        // number of the next message
	changed     chan struct{} // closed when next grows; nil while nobody waits
	subscribers int
}

// Open returns a bus that remembers the last keep messages (at least one) across restarts, in table "events" of db.
func Open(db *metadata.DB, keep int) (*Bus, error) {
	table, err := metadata.NewTable[events.Message](db, "events")
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	stored, err := table.All()
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	b := &Bus{db: db, table: table, keep: max(keep, 1), bound: uint64(max(keep, memory))}
	keys := slices.Sorted(maps.Keys(stored))
	for _, k := range keys {
		b.append(stored[k])
		b.lastTime = max(b.lastTime, stored[k].TimeNano)
	}
	if len(keys) > 0 {
		if _, err := fmt.Sscanf(keys[len(keys)-1], "%x", &b.saved); err != nil {
			return nil, fmt.Errorf("events: key %q: %w", keys[len(keys)-1], err)
		}
	}
	return b, b.trim(keys)
}

// trim removes what an earlier start with a larger keep has left.
func (b *Bus) trim(keys []string) error {
	if len(keys) <= b.keep {
		return nil
	}
	return b.db.Update(func(tx *metadata.Tx) error {
		for _, k := range keys[:len(keys)-b.keep] {
			if err := b.table.DeleteIn(tx, k); err != nil {
				return fmt.Errorf("events: %w", err)
			}
		}
		return nil
	})
}

// Publish stamps the message (Time and TimeNano when zero, Scope "local" when empty), stores it and hands it to the
// subscribers. It waits for the disk but for no subscriber. When the disk takes nothing, subscribers get the message
// all the same and only the replay after a restart lacks it.
func (b *Bus) Publish(m events.Message) {
	var announce func()
	if err := b.db.Update(func(tx *metadata.Tx) (err error) {
		announce, err = b.PublishIn(tx, m)
		return err
	}); err != nil {
		b.append(stamp(m, time.Now()))
		return
	}
	announce()
}

// PublishIn stores the message as part of the caller's transaction: both happen or none. When the transaction has
// succeeded, and whatever the message tells of can be seen, the caller calls announce, which hands the message to the
// subscribers; after a failed transaction, and the second time, announce does nothing.
func (b *Bus) PublishIn(tx *metadata.Tx, m events.Message) (announce func(), err error) {
	m = stamp(m, time.Unix(0, max(time.Now().UnixNano(), b.lastTime+1)))
	b.saved++ // a number lost by a failed transaction does no harm
	if err := b.table.PutIn(tx, key(b.saved), m); err != nil {
		return nil, fmt.Errorf("event %s %s: %w", m.Type, m.Action, err)
	}
	if b.saved > uint64(b.keep) {
		if err := b.table.DeleteIn(tx, key(b.saved-uint64(b.keep))); err != nil {
			return nil, fmt.Errorf("event %s %s: %w", m.Type, m.Action, err)
		}
	}
	b.lastTime = max(b.lastTime, m.TimeNano)
	var committed atomic.Bool
	tx.OnCommit(func() { committed.Store(true) })
	var once sync.Once
	return func() {
		once.Do(func() {
			if committed.Load() {
				b.append(m)
			}
		})
	}, nil
}

// Subscribers is the number of subscriptions being read now, NEventsListener of GET /info.
func (b *Bus) Subscribers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.subscribers
}

// append makes a message visible to subscribers.
func (b *Bus) append(m events.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if uint64(len(b.ring)) < b.bound {
		b.ring = append(b.ring, m)
	} else {
		b.ring[b.next%b.bound] = m
	}
	b.next++
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// key sorts as the number does.
func key(n uint64) string { return fmt.Sprintf("%016x", n) }

// stamp fills in what the publisher left empty, and takes a copy of the attributes.
func stamp(m events.Message, now time.Time) events.Message {
	m.Actor.Attributes = maps.Clone(m.Actor.Attributes)
	switch {
	case m.TimeNano == 0 && m.Time == 0:
		m.Time, m.TimeNano = now.Unix(), now.UnixNano()
	case m.TimeNano == 0:
		m.TimeNano = time.Unix(m.Time, 0).UnixNano()
	case m.Time == 0:
		m.Time = time.Unix(0, m.TimeNano).Unix()
	}
	if m.Scope == "" {
		m.Scope = "local"
	}
	return m
}
