//go:build linux

package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// Config is what a Service is made of. All fields are required.
type Config struct {
	// Root is the folder of all volumes, <data-root>/volumes.
	Root   string
	DB     *metadata.DB
	Events *event.Bus
	Log    hclog.Logger
}

// Service keeps volumes. Its methods may be called from any goroutine.
type Service struct {
	root   string
	db     *metadata.DB
	table  *metadata.Table[record]
	events *event.Bus
	log    hclog.Logger
	base   context.Context //nolint:containedctx // for work that belongs to no call; never cancelled

	mu  sync.Mutex
	all map[string]*entry
	// of is the names of the volumes a container uses, so that its end need not look at all volumes.
	of map[string][]string
}

// New loads the records. Call [Service.Reconcile] before anything else.
func New(ctx context.Context, c Config) (*Service, error) {
	table, err := metadata.NewTable[record](c.DB, "volumes")
	if err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	records, err := table.All()
	if err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	if err := os.MkdirAll(root, 0o711); err != nil { // containers with user ids of their own have to get through
		return nil, fmt.Errorf("volumes: %w", err)
	}
	s := &Service{
		root: root, db: c.DB, table: table, events: c.Events, log: c.Log, base: context.WithoutCancel(ctx),
		all: map[string]*entry{}, of: map[string][]string{},
	}
	for name, r := range records {
		s.all[name] = newEntry(&r)
		s.all[name].made = true
		for _, id := range r.Users {
			s.of[id] = with(s.of[id], name)
		}
	}
	return s, nil
}

func (s *Service) dir(name string) string  { return filepath.Join(s.root, name) }
func (s *Service) data(name string) string { return filepath.Join(s.root, name, "_data") }

func noVolume(name string) error {
	return fmt.Errorf("get %s: no such volume: %w", name, errs.ErrNotFound)
}

// find returns a volume that is not being removed.
func (s *Service) find(name string) (*entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[name]; e != nil && !e.rec.Load().Removing {
		return e, nil
	}
	return nil, noVolume(name)
}

// work finds a volume and waits for the turn to work on it. The caller gives it back.
func (s *Service) work(ctx context.Context, name string) (*entry, error) {
	e, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if err := e.take(ctx); err != nil {
		return nil, err
	}
	if !e.usable() {
		e.give()
		return nil, noVolume(name)
	}
	return e, nil
}

// change stores a new record, and tells of it, in one transaction. The caller has the turn.
func (s *Service) change(e *entry, r *record, messages ...events.Message) error {
	var announce []func()
	err := s.db.Update(func(tx *metadata.Tx) error {
		announce = nil
		for _, m := range messages {
			tell, err := s.events.PublishIn(tx, m)
			if err != nil {
				return fmt.Errorf("volume %q: %w", r.Name, err)
			}
			announce = append(announce, tell)
		}
		return s.table.PutIn(tx, r.Name, *r)
	})
	if err != nil {
		return fmt.Errorf("volume %q: %w", r.Name, err)
	}
	e.rec.Store(r)
	for _, tell := range announce {
		tell()
	}
	return nil
}

// happened is an event of a volume.
func happened(name string, action events.Action, pairs ...string) events.Message {
	m := events.Message{Type: events.VolumeEventType, Action: action, Actor: events.Actor{ID: name, Attributes: map[string]string{"driver": localDriver}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Actor.Attributes[pairs[i]] = pairs[i+1]
	}
	return m
}

// Create makes a volume, or returns the one that has the name; an empty name is made up. driver "" is "local", the
// only one. Options are type, o and device, of mount(8).
//
// Errors: errs.ErrInvalid for a bad name or option, errs.ErrNotFound for another driver.
func (s *Service) Create(ctx context.Context, name, driver string, options, labels map[string]string) (volume.Volume, error) {
	labels = maps.Clone(labels)
	if name == "" {
		name = newName()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[anonymousLabel] = ""
	}
	if driver != "" && driver != localDriver {
		return volume.Volume{}, fmt.Errorf("create %s: error looking up volume plugin %s: plugin %q not found: %w", name, driver, driver, errs.ErrNotFound)
	}
	if err := checkName(name); err != nil {
		return volume.Volume{}, fmt.Errorf("create %s: %w", name, err)
	}
	if err := checkOptions(options); err != nil {
		return volume.Volume{}, fmt.Errorf("create %s: %w", name, err)
	}
	for {
		e := s.reserve(name, labels, options)
		if err := e.take(ctx); err != nil {
			return volume.Volume{}, err
		}
		gone, err := e.gone, error(nil)
		switch {
		case gone: // removed while this waited: the name is free
		case e.rec.Load().Removing:
			err = fmt.Errorf("volume %q is being removed: %w", name, errs.ErrConflict)
		case !e.made:
			err = s.make(e)
		}
		e.give()
		if !gone {
			return s.api(e.rec.Load()), err
		}
	}
}

// reserve returns the entry of a name, a fresh one when there was none.
func (s *Service) reserve(name string, labels, options map[string]string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[name]; e != nil {
		return e
	}
	e := newEntry(&record{Name: name, Created: time.Now().UTC().Truncate(time.Second), Labels: labels, Options: maps.Clone(options)})
	s.all[name] = e
	return e
}

// make makes folder and record of a fresh entry. The caller has the turn.
func (s *Service) make(e *entry) error {
	r := e.rec.Load()
	err := os.MkdirAll(s.data(r.Name), 0o755)
	if err == nil {
		err = os.Chmod(s.dir(r.Name), 0o701) // passed through by the containers' users
	}
	if err == nil {
		err = s.change(e, r, happened(r.Name, events.ActionCreate))
	}
	if err == nil {
		e.made = true
		return nil
	}
	s.drop(e)
	if removed := os.Remove(s.data(r.Name)); removed == nil { // empty, as it was made
		_ = os.Remove(s.dir(r.Name))
	}
	return fmt.Errorf("create %s: %w", r.Name, err)
}

// drop takes an entry out of the index. The caller has the turn.
func (s *Service) drop(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.gone = true
	delete(s.all, e.rec.Load().Name)
}

// Inspect describes a volume; errs.ErrNotFound.
func (s *Service) Inspect(name string) (volume.Volume, error) {
	e, err := s.find(name)
	if err != nil {
		return volume.Volume{}, err
	}
	return s.api(e.rec.Load()), nil
}

// records returns all volumes that are not being removed, by name.
func (s *Service) records() []*record {
	s.mu.Lock()
	list := make([]*record, 0, len(s.all))
	for _, e := range s.all {
		if r := e.rec.Load(); !r.Removing {
			list = append(list, r)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b *record) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list
}

// List describes the volumes that pass the filters name, label, driver and dangling, by name; errs.ErrInvalid for
// other filters.
func (s *Service) List(filters map[string][]string) (volume.ListResponse, error) {
	match, err := listFilter(filters)
	if err != nil {
		return volume.ListResponse{}, err
	}
	out := volume.ListResponse{Volumes: []volume.Volume{}, Warnings: []string{}}
	for _, r := range s.records() {
		if match(r) {
			out.Volumes = append(out.Volumes, s.api(r))
		}
	}
	return out, nil
}

// Path returns the folder with a volume's content, for a container that is about to start. A volume with options is
// mounted when it is not.
func (s *Service) Path(name string) (string, error) {
	e, err := s.find(name)
	if err != nil {
		return "", err
	}
	e.turn <- struct{}{} // for as long as it is being filled
	defer e.give()
	if !e.usable() {
		return "", noVolume(name)
	}
	return s.data(name), s.mount(e.rec.Load())
}

// Usage returns all volumes with their size and number of users, for GET /system/df. It reads the volumes whole.
func (s *Service) Usage(ctx context.Context) ([]volume.Volume, error) {
	list := []volume.Volume{}
	for _, r := range s.records() {
		size, err := size(ctx, s.data(r.Name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("volume %q: %w", r.Name, err)
		}
		v := s.api(r)
		v.UsageData = &volume.UsageData{RefCount: int64(len(r.Users)), Size: size}
		list = append(list, v)
	}
	return list, nil
}
