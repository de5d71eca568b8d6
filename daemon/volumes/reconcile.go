//go:build linux

package volumes

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// Reconcile is called once at the start of the daemon, when it is known which containers there are, and which of them
// run. It ends removals, removes half of a copied content, drops users that are gone, mounts what running containers
// need and unmounts the rest, and takes in folders without a record.
//
// A volume that cannot be put right is logged and left as it is: it must not keep the daemon from starting.
func (s *Service) Reconcile(ctx context.Context, exists, runs func(containerID string) bool) error {
	s.mu.Lock()
	list := make([]*entry, 0, len(s.all))
	for _, e := range s.all {
		list = append(list, e)
	}
	s.mu.Unlock()
	for _, e := range list {
		if err := e.take(ctx); err != nil {
			return err
		}
		err := s.settle(e, exists, runs)
		e.give()
		if err != nil {
			s.log.Warn("volume could not be put right", "volume", e.rec.Load().Name, "error", err)
		}
	}
	s.mu.Lock()
	for id := range s.of {
		if !exists(id) {
			delete(s.of, id)
		}
	}
	s.mu.Unlock()
	return s.adopt()
}

// settle puts one volume right. The caller has the turn.
func (s *Service) settle(e *entry, exists, runs func(string) bool) error {
	r := e.rec.Load()
	if r.Removing {
		return s.remove(e)
	}
	if err := os.MkdirAll(s.data(r.Name), 0o755); err != nil { // a creation stopped in the middle
		return err //nolint:wrapcheck // names the path
	}
	now := r.clone()
	if r.Filling { // its container has not been made
		if err := empty(s.data(r.Name)); err != nil {
			return err
		}
		now.Filling = false
	}
	now.Users = slices.DeleteFunc(now.Users, func(id string) bool { return !exists(id) })
	now.Running = slices.DeleteFunc(now.Running, func(id string) bool { return !exists(id) || !runs(id) })
	if now.Filling != r.Filling || len(now.Users) != len(r.Users) || len(now.Running) != len(r.Running) {
		if err := s.change(e, now); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(now.Users, runs) {
		return s.mount(now) // after a reboot
	}
	return s.unmount(now)
}

// adopt makes records for folders that have none: of a database that was lost, or volumes restored by hand. What does
// not look like a volume is left alone.
func (s *Service) adopt() error {
	list, err := os.ReadDir(s.root)
	if err != nil {
		return fmt.Errorf("volumes: %w", err)
	}
	for _, one := range list {
		name := one.Name()
		s.mu.Lock()
		known := s.all[name] != nil
		s.mu.Unlock()
		if known || !one.IsDir() || checkName(name) != nil {
			continue
		}
		info, err := os.Stat(s.data(name))
		if err != nil || !info.IsDir() {
			continue
		}
		e := newEntry(&record{Name: name, Created: info.ModTime().UTC().Truncate(time.Second)})
		e.made = true
		if err := s.change(e, e.rec.Load()); err != nil {
			return err
		}
		s.mu.Lock()
		s.all[name] = e
		s.mu.Unlock()
		s.log.Info("took in a volume without a record", "volume", name)
	}
	return nil
}
