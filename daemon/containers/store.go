//go:build linux

package containers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// ctr is a container in memory.
type ctr struct {
	id  string
	now atomic.Pointer[record]

	// op is held by whoever starts, renames, pauses, updates or removes the container: one at a time, across I/O. The
	// exit path never takes it, so its holder may wait for an exit.
	op chan struct{}
	// unpacking is held by whoever unpacks an archive into the container: two of them would take each other's files away.
	unpacking chan struct{}

	// commit serialises transactions of this container; erased is set by the last one.
	commit sync.Mutex
	erased bool

	// telling orders the events of signals and of the ends they lead to. Nothing waits for the journal with it.
	telling sync.Mutex
	// toldOOM is the run, by its number, whose lack of memory has been told; guarded by telling.
	toldOOM int64

	mu       sync.Mutex
	process  Process
	exit     *exitNote     // of the run that is going on, or of the next
	gone     chan struct{} // closed when the container is removed
	removing bool
	changed  chan struct{} // closed and replaced after each commit
	pending  []*session    // attached before the start
	setup    *setup        // of the run that is being started
	starting bool          // a call of Start is going to report what becomes of the run
	held     bool          // not to be removed by AutoRemove: it is about to be started again
	sent     []*kill       // signals on their way, whose events are not out

	mounting sync.Mutex
	holders  int // users of the mounted root file system
}

// exitNote is filled in and closed when a run ends.
type exitNote struct {
	done    chan struct{}
	code    int
	message string
}

func newCtr(r *record) *ctr {
	c := &ctr{id: r.ID, op: make(chan struct{}, 1), unpacking: make(chan struct{}, 1), gone: make(chan struct{}), changed: make(chan struct{}), exit: &exitNote{done: make(chan struct{})}}
	c.now.Store(r)
	return c
}

// record is the container as it is now. Read only.
func (c *ctr) record() *record { return c.now.Load() }

// lock takes the operation lock.
func (c *ctr) lock(ctx context.Context) (unlock func(), err error) { return c.take(ctx, c.op) }

// take takes one of the container's locks.
func (c *ctr) take(ctx context.Context, lock chan struct{}) (unlock func(), err error) {
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("container %s is busy: %w", short(c.id), ctx.Err())
	}
}

// proc is the process behind the container, nil when there is none.
func (c *ctr) proc() Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process
}

func (c *ctr) setProc(p Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process = p
}

// watch returns the record and a channel that is closed when there is a newer one.
func (c *ctr) watch() (*record, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record(), c.changed
}

// note is the exit that is to come.
func (c *ctr) note() *exitNote {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exit
}

// ended wakes whoever waits for the end of the run.
func (c *ctr) ended(code int, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exit.code, c.exit.message = code, message
	close(c.exit.done)
	c.exit = &exitNote{done: make(chan struct{})}
}

// until waits for the record to be as cond wants it, or for the container to go.
func (c *ctr) until(ctx context.Context, cond func(*record) bool) error {
	for {
		r, changed := c.watch()
		if cond(r) {
			return nil
		}
		select {
		case <-changed:
		case <-c.gone:
			return notFound(c.id)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change applies fn to a copy of the record, stores it together with the events fn returns and makes it visible. When
// anything fails nothing has changed.
func (s *Service) change(c *ctr, fn func(tx *metadata.Tx, r *record) ([]events.Message, error)) error {
	c.commit.Lock()
	defer c.commit.Unlock()
	if c.erased { // a late line of the journal must not bring the record back
		return nil
	}
	next := c.record().clone()
	var announce []func()
	err := s.db.Update(func(tx *metadata.Tx) error {
		announce = announce[:0]
		messages, err := fn(tx, next)
		if err != nil {
			return err
		}
		for _, m := range messages {
			tell, err := s.events.PublishIn(tx, m)
			if err != nil {
				return err
			}
			announce = append(announce, tell)
		}
		return s.table.PutIn(tx, c.id, *next)
	})
	if err != nil {
		return fmt.Errorf("container %s: %w", short(c.id), err)
	}
	c.show(next)
	for _, tell := range announce {
		tell()
	}
	return nil
}

// show makes a record the visible one.
func (c *ctr) show(r *record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Store(r)
	close(c.changed)
	c.changed = make(chan struct{})
}

// index finds containers. Its lock is never held across I/O.
type index struct {
	mu    sync.RWMutex
	byID  map[string]*ctr
	names map[string]string // name to id, also of containers that are being made
	ids   []string          // sorted, for prefixes
	order []*ctr            // by time of creation, oldest first
}

func newIndex() *index {
	return &index{byID: map[string]*ctr{}, names: map[string]string{}}
}

// reserve takes a name, or returns the id of who has it.
func (x *index) reserve(name, id string) (holder string, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if holder, taken := x.names[name]; taken && holder != id {
		return holder, false
	}
	x.names[name] = id
	return id, true
}

// release gives a name back if id has it.
func (x *index) release(name, id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.names[name] == id {
		delete(x.names, name)
	}
}

func (x *index) add(c *ctr) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := c.record()
	x.byID[c.id], x.names[r.Name] = c, c.id
	at, _ := slices.BinarySearch(x.ids, c.id)
	x.ids = slices.Insert(x.ids, at, c.id)
	// Nearly always the newest: the loop ends at once.
	i := len(x.order)
	for i > 0 && x.order[i-1].record().Created.After(r.Created) {
		i--
	}
	x.order = slices.Insert(x.order, i, c)
}

func (x *index) remove(c *ctr) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.byID, c.id)
	if name := c.record().Name; x.names[name] == c.id {
		delete(x.names, name)
	}
	if at, found := slices.BinarySearch(x.ids, c.id); found {
		x.ids = slices.Delete(x.ids, at, at+1)
	}
	x.order = slices.DeleteFunc(x.order, func(other *ctr) bool { return other == c })
}

// all returns the containers, oldest first.
func (x *index) all() []*ctr {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.order)
}

func (x *index) get(id string) (*ctr, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c, ok := x.byID[id]
	return c, ok
}

// find resolves a full id, a name with or without slash, or the beginning of one id; in this order.
func (x *index) find(ref string) (*ctr, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if ref == "" {
		return nil, fmt.Errorf("bad parameter: a container's name or id is missing: %w", errs.ErrInvalid)
	}
	if c, ok := x.byID[ref]; ok {
		return c, nil
	}
	if id, ok := x.names[strings.TrimPrefix(ref, "/")]; ok {
		if c, ok := x.byID[id]; ok {
			return c, nil
		}
		return nil, notFound(ref) // its creation is under way
	}
	at, _ := slices.BinarySearch(x.ids, ref)
	if at == len(x.ids) || !strings.HasPrefix(x.ids[at], ref) {
		return nil, notFound(ref)
	}
	if at+1 < len(x.ids) && strings.HasPrefix(x.ids[at+1], ref) {
		return nil, fmt.Errorf("multiple IDs found with provided prefix: %s: %w", ref, errs.ErrInvalid)
	}
	return x.byID[x.ids[at]], nil
}

// notFound is dockerd's text, which clients look for.
func notFound(ref string) error {
	return errs.Errorf(errs.ErrNotFound, "No such container: %s", ref)
}

func invalid(format string, args ...any) error {
	return errs.Errorf(errs.ErrInvalid, format, args...)
}

func conflict(format string, args ...any) error {
	return errs.Errorf(errs.ErrConflict, format, args...)
}

// short is the id as people write it.
func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
