//go:build linux

package execs

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// Containers is what is asked of the containers service.
type Containers interface {
	// Status resolves a name or id and tells the state; errs.ErrNotFound "No such container: x".
	Status(ref string) (id string, state container.ContainerState, err error)
	// Labels are those of a container, with its name and image, for events.
	Labels(id string) (name, image string, labels map[string]string, ok bool)
	// Inspect describes a container.
	Inspect(ctx context.Context, ref string, size bool) (container.InspectResponse, error)
	// ExecProcess makes the process of an exec in a container; see spec.Kernel.ExecProcess.
	ExecProcess(ctx context.Context, id string, e spec.Exec) (*specs.Process, error)
}

// Process is a running container: *runtime.Process.
type Process interface {
	Exec(ctx context.Context, e runtime.ExecSpec, conn net.Conn, buffered []byte, o runtime.AttachOptions) (pid int, done <-chan struct{}, err error)
	ExecResize(ctx context.Context, id string, h, w uint) error
	ExecSignal(ctx context.Context, id string, signal unix.Signal) error
	Sync(ctx context.Context) error
}

// Config is what a Service is made of. All fields but Keep are required.
type Config struct {
	DB         *metadata.DB
	Events     *event.Bus
	Containers Containers
	// Process finds a running container; see [Processes].
	Process func(containerID string) (Process, bool)
	Log     hclog.Logger
	// Keep bounds how many ended execs are remembered, and how many that nobody starts; 0 is 1,000.
	Keep int
}

// Processes finds running containers in a runtime.
func Processes(r *runtime.Runtime) func(containerID string) (Process, bool) {
	return func(id string) (Process, bool) {
		p, ok := r.Process(id)
		return p, ok
	}
}

// Service runs execs. Its methods may be called from any goroutine.
type Service struct {
	db         *metadata.DB
	table      *metadata.Table[record]
	events     *event.Bus
	containers Containers
	process    func(string) (Process, bool)
	log        hclog.Logger
	keep       int

	mu   sync.Mutex
	all  map[string]*entry
	of   map[string]map[string]*entry // by container
	idle queue                        // created, not started yet
	past queue                        // ended
}

// entry is an exec in memory; guarded by the service's lock.
type entry struct {
	record
	begun chan struct{} // closed when it has been started, or has failed
	over  chan struct{} // of our own: closed when it is forgotten, which is when clients have been told of its end
}

// New loads the records.
func New(c Config) (*Service, error) {
	table, err := metadata.NewTable[record](c.DB, "execs")
	if err != nil {
		return nil, fmt.Errorf("execs: %w", err)
	}
	records, err := table.All()
	if err != nil {
		return nil, fmt.Errorf("execs: %w", err)
	}
	s := &Service{
		db: c.DB, table: table, events: c.Events, containers: c.Containers, process: c.Process, log: c.Log, keep: cmp.Or(c.Keep, keepCount),
		all: map[string]*entry{}, of: map[string]map[string]*entry{},
	}
	for _, r := range slices.SortedFunc(maps.Values(records), func(a, b record) int {
		return cmp.Or(a.Changed.Compare(b.Changed), cmp.Compare(a.ID, b.ID))
	}) {
		s.add(r)
	}
	return s, nil
}

// add puts a record into the index. The caller has the lock, or is alone.
func (s *Service) add(r record) *entry {
	e := &entry{record: r, begun: make(chan struct{})}
	if r.Own {
		e.over = make(chan struct{})
	}
	s.all[r.ID] = e
	if s.of[r.ContainerID] == nil {
		s.of[r.ContainerID] = map[string]*entry{}
	}
	s.of[r.ContainerID][r.ID] = e
	switch r.State {
	case created:
		s.idle = append(s.idle, queued{r.ID, r.Changed})
	case ended:
		s.past = append(s.past, queued{r.ID, r.Changed})
		close(e.begun)
	default:
		close(e.begun)
	}
	return e
}

// forget takes an exec out of the index. The caller has the lock.
func (s *Service) forget(id string) {
	e := s.all[id]
	if e == nil {
		return
	}
	if e.Own {
		close(e.over)
	}
	delete(s.all, id)
	delete(s.of[e.ContainerID], id)
	if len(s.of[e.ContainerID]) == 0 {
		delete(s.of, e.ContainerID)
	}
}

// sweep forgets what has been kept long enough, and returns what is to be deleted.
func (s *Service) sweep() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var drop []string
	for _, id := range s.idle.due(now, keepCreated, s.keep) {
		if e := s.all[id]; e != nil && e.State == created {
			drop = append(drop, id)
		}
	}
	drop = append(drop, s.past.due(now, keepTime, s.keep)...)
	for _, id := range drop {
		s.forget(id)
	}
	return drop
}

// words makes an error of a class that begins with dockerd's own words, which clients look for.
func words(class error, format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), class)
}

func conflict(format string, args ...any) error { return words(errs.ErrConflict, format, args...) }

func noExec(id string) error {
	return words(errs.ErrNotFound, "No such exec instance: %s", id)
}

// get returns a copy of a record.
func (s *Service) get(id string) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all[id]
	if e == nil {
		return record{}, noExec(id)
	}
	return e.record, nil
}

// happened is an event of an exec, which is one of its container.
func (s *Service) happened(r *record, action events.Action, pairs ...string) events.Message {
	name, image, labels, _ := s.containers.Labels(r.ContainerID)
	attributes := maps.Clone(labels)
	if attributes == nil {
		attributes = map[string]string{}
	}
	attributes["name"], attributes["image"], attributes["execID"] = name, image, r.ID
	for i := 0; i+1 < len(pairs); i += 2 {
		attributes[pairs[i]] = pairs[i+1]
	}
	return events.Message{Type: events.ContainerEventType, Action: action, Actor: events.Actor{ID: r.ContainerID, Attributes: attributes}}
}

// runs checks that a container can take a command.
func (s *Service) runs(ref string) (id string, err error) {
	id, state, err := s.containers.Status(ref)
	switch {
	case err != nil:
		return "", err
	case state == container.StatePaused:
		return "", conflict("Container %s is paused, unpause the container before exec", ref)
	case state == container.StateRestarting:
		return "", conflict("Container %s is restarting, wait until the container is running", ref)
	case state != container.StateRunning:
		return "", conflict("Container %s is not running", ref)
	}
	return id, nil
}

// Create makes an exec in a running container and returns its id. Nothing runs yet.
//
// Errors: errs.ErrNotFound "No such container: x", errs.ErrConflict when it is stopped or paused, errs.ErrInvalid for
// no command or bad detach keys.
func (s *Service) Create(_ context.Context, ref string, q container.ExecCreateRequest) (string, error) {
	id, _, err := s.create(ref, q, false)
	return id, err
}

func (s *Service) create(ref string, q container.ExecCreateRequest, own bool) (id string, e *entry, err error) {
	containerID, err := s.runs(ref)
	if err != nil {
		return "", nil, err
	}
	if len(q.Cmd) == 0 || q.Cmd[0] == "" {
		return "", nil, words(errs.ErrInvalid, "No exec command specified")
	}
	if _, err := detachKeys(q.DetachKeys); err != nil {
		return "", nil, err
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	r := record{ID: hex.EncodeToString(b[:]), ContainerID: containerID, Request: q, Changed: time.Now(), Own: own}
	drop := s.sweep()
	var announce func()
	if err := s.db.Update(func(tx *metadata.Tx) (err error) {
		for _, old := range drop {
			if err := s.table.DeleteIn(tx, old); err != nil {
				return fmt.Errorf("exec: %w", err)
			}
		}
		if announce, err = s.events.PublishIn(tx, s.happened(&r, events.ActionExecCreate+": "+events.Action(r.command()))); err != nil {
			return fmt.Errorf("exec: %w", err)
		}
		return s.table.PutIn(tx, r.ID, r)
	}); err != nil {
		return "", nil, fmt.Errorf("exec in container %s: %w", ref, err)
	}
	s.mu.Lock()
	e = s.add(r)
	s.mu.Unlock()
	announce()
	return r.ID, e, nil
}

// Inspect describes an exec. ExitCode is nil until it has ended. errs.ErrNotFound "No such exec instance: x".
func (s *Service) Inspect(ctx context.Context, id string) (container.ExecInspectResponse, error) {
	r, err := s.get(id)
	if err != nil {
		return container.ExecInspectResponse{}, err
	}
	if r.State == running || r.State == starting { // a client asks when its session has ended: the journal has the code
		if err := s.catchUp(ctx, &r); err != nil {
			return container.ExecInspectResponse{}, err
		}
	}
	out := container.ExecInspectResponse{
		ID: r.ID, Running: r.State == running, ContainerID: r.ContainerID, Pid: r.Pid, CanRemove: r.State == ended,
		OpenStdin: r.Request.AttachStdin, OpenStdout: r.Request.AttachStdout, OpenStderr: r.Request.AttachStderr,
		ProcessConfig: &container.ExecProcessConfig{
			Tty: r.Request.Tty, Entrypoint: r.Request.Cmd[0], Arguments: append([]string{}, r.Request.Cmd[1:]...),
			Privileged: &r.Request.Privileged, User: r.Request.User,
		},
	}
	if out.DetachKeys = []byte{}; r.Request.DetachKeys != "" {
		out.DetachKeys, _ = detachKeys(r.Request.DetachKeys) // create has read them
	}
	if r.State == ended {
		out.ExitCode = &r.Code
	}
	return out, nil
}

// catchUp makes the record of an exec agree with the journal. An exec cannot outlive its container's run.
func (s *Service) catchUp(ctx context.Context, r *record) error {
	p, ok := s.process(r.ContainerID)
	if ok {
		if err := p.Sync(ctx); err != nil && ctx.Err() != nil {
			return fmt.Errorf("exec %s: %w", r.ID, err)
		}
	} else {
		s.Ended(r.ContainerID)
	}
	now, err := s.get(r.ID)
	if err == nil {
		*r = now
	}
	return err
}

// Container describes the container of an exec, for clients of old versions, which get it with the exec.
func (s *Service) Container(ctx context.Context, id string) (container.InspectResponse, error) {
	r, err := s.get(id)
	if err != nil {
		return container.InspectResponse{}, err
	}
	return s.containers.Inspect(ctx, r.ContainerID, false)
}

// Of lists the execs of a container that have not ended, for its inspect: those not started yet are among them, except
// our own.
func (s *Service) Of(containerID string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id, e := range s.of[containerID] {
		if e.State != ended && (!e.Own || e.State != created) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Forget drops the execs of a removed container.
func (s *Service) Forget(containerID string) {
	s.mu.Lock()
	ids := slices.Collect(maps.Keys(s.of[containerID]))
	for _, id := range ids {
		s.forget(id)
	}
	s.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	if err := s.db.Update(func(tx *metadata.Tx) error {
		var err error
		for _, id := range ids {
			err = errors.Join(err, s.table.DeleteIn(tx, id))
		}
		return err
	}); err != nil {
		s.log.Warn("execs of a removed container are left in the database", "container", containerID, "error", err)
	}
}
