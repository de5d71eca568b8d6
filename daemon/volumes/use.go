//go:build linux

package volumes

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// Use counts a container as user of a volume, once however often it is said; errs.ErrNotFound.
func (s *Service) Use(name, containerID string) error {
	e, err := s.find(name)
	if err != nil {
		return err
	}
	e.turn <- struct{}{}
	defer e.give()
	if !e.usable() {
		return noVolume(name)
	}
	r := e.rec.Load().clone()
	r.Users = with(r.Users, containerID)
	if err := s.change(e, r); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[containerID] = with(s.of[containerID], name)
	return nil
}

// Release takes a container off all its volumes. Those with options are unmounted when nobody uses them any more.
func (s *Service) Release(containerID string) error {
	return s.leave(containerID, func(r *record) []events.Message {
		r.Users = without(r.Users, containerID)
		return r.stop(containerID)
	}, true)
}

// A Mounting says where a container sees a volume, for the event.
type Mounting struct {
	// ContainerID is the container's, Destination the place in it.
	ContainerID, Destination string
	// ReadWrite is false for a read-only mount; Propagation is that of the mount, or "".
	ReadWrite   bool
	Propagation string
}

// Mount returns the folder with a volume's content for a container that starts, mounts it when the volume has options,
// and tells of it. [Service.Unmount] is its counterpart; a second call for the same container is none more. The
// container is counted as user as well.
func (s *Service) Mount(ctx context.Context, name string, m Mounting) (string, error) {
	e, err := s.work(ctx, name)
	if err != nil {
		return "", err
	}
	defer e.give()
	r := e.rec.Load().clone()
	if err := s.mount(r); err != nil {
		return "", err
	}
	r.Users, r.Running = with(r.Users, m.ContainerID), with(r.Running, m.ContainerID)
	err = s.change(e, r, happened(name, events.ActionMount, "container", m.ContainerID, "destination", m.Destination,
		"read/write", strconv.FormatBool(m.ReadWrite), "propagation", m.Propagation))
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[m.ContainerID] = with(s.of[m.ContainerID], name)
	return s.data(name), nil
}

// Unmount tells that a container has ended; its volumes with options are unmounted when no other runs. It remains a
// user of them.
func (s *Service) Unmount(containerID string) error {
	return s.leave(containerID, func(r *record) []events.Message { return r.stop(containerID) }, false)
}

// stop takes a container off those that have the volume mounted.
func (r *record) stop(containerID string) []events.Message {
	running := without(r.Running, containerID)
	if len(running) == len(r.Running) {
		return nil
	}
	r.Running = running
	return []events.Message{happened(r.Name, events.ActionUnmount, "container", containerID)}
}

// leave changes all volumes of a container. One that cannot be changed does not keep the others.
func (s *Service) leave(containerID string, change func(*record) []events.Message, forget bool) error {
	s.mu.Lock()
	names := s.of[containerID]
	s.mu.Unlock()
	var problems []error
	for _, name := range names {
		if err := s.leaveOne(name, change); err != nil && !errors.Is(err, errs.ErrNotFound) {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil || !forget {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, containerID)
	return nil
}

func (s *Service) leaveOne(name string, change func(*record) []events.Message) error {
	e, err := s.find(name)
	if err != nil {
		return err
	}
	e.turn <- struct{}{}
	defer e.give()
	if !e.usable() {
		return noVolume(name)
	}
	r := e.rec.Load().clone()
	messages := change(r)
	if err := s.change(e, r, messages...); err != nil {
		return err
	}
	if len(r.Running) == 0 && (len(messages) > 0 || len(r.Users) == 0) {
		return s.unmount(r)
	}
	return nil
}

// Remove removes a volume that no container uses. With force one that does not exist is removed already.
//
// Errors: errs.ErrNotFound; errs.ErrConflict "volume is in use - [ids]".
func (s *Service) Remove(ctx context.Context, name string, force bool) error {
	e, err := s.work(ctx, name)
	if err != nil {
		if force && errors.Is(err, errs.ErrNotFound) {
			return nil
		}
		return err
	}
	defer e.give()
	return s.remove(e)
}

// remove removes a volume. The caller has the turn. From the moment the record says Removing there is no way back, and
// a later start of the daemon ends what this one does not.
func (s *Service) remove(e *entry) error {
	r := e.rec.Load().clone()
	if len(r.Users) > 0 {
		return fmt.Errorf("remove %s: volume is in use - %v: %w", r.Name, r.Users, errs.ErrConflict)
	}
	if !r.Removing {
		r.Removing = true
		if err := s.change(e, r); err != nil {
			return err
		}
	}
	if err := s.erase(r); err != nil {
		return fmt.Errorf("remove %s: %w", r.Name, err)
	}
	var announce func()
	if err := s.db.Update(func(tx *metadata.Tx) (err error) {
		if announce, err = s.events.PublishIn(tx, happened(r.Name, events.ActionDestroy)); err != nil {
			return fmt.Errorf("remove %s: %w", r.Name, err)
		}
		return s.table.DeleteIn(tx, r.Name)
	}); err != nil {
		return fmt.Errorf("remove %s: %w", r.Name, err)
	}
	s.drop(e)
	announce()
	return nil
}
