//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/health"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// starters bounds how many containers come up at a time after a reboot.
const starters = 4

// Reconcile makes records and host agree, once at the daemon's start and before the first call: containers that live are
// taken over, what died meanwhile is settled from its journal, what nobody knows is removed, and containers come up that
// their restart policy wants up and whose monitor is gone with the last boot. It is safe to be killed at any point.
//
// An error means that this daemon cannot serve; what concerns one container only is logged, and recorded in its state.
func (s *Service) Reconcile(ctx context.Context) error {
	offsets := map[string]int64{}
	were := map[string]bool{} // alive by the record
	for _, c := range s.index.all() {
		r := c.record()
		offsets[c.id], were[c.id] = r.Offset, r.State.alive()
		if r.State.alive() {
			c.mounting.Lock()
			c.holders = 1 // the run's, given back when its end is settled
			c.mounting.Unlock()
		}
	}
	// Settles what the journals tell, through OnEntry.
	s.settling.Store(true)
	living, err := s.runtime.Adopt(ctx, offsets)
	s.settling.Store(false)
	if err != nil {
		s.log.Error("some containers could not be taken over", "error", err)
	}
	for id, p := range living {
		if c, ok := s.index.get(id); ok {
			c.setProc(p)
		}
	}
	for _, c := range s.index.all() {
		if _, lives := living[c.id]; !lives && c.record().State.alive() {
			s.lost(c)
		}
	}
	if err := s.sweep(ctx); err != nil {
		return err
	}
	s.rewear(ctx)
	s.resumeHealth()
	s.revive(ctx, were, living)
	return nil
}

// rewear asks the network for what containers have whose start the last daemon did not live to record.
func (s *Service) rewear(ctx context.Context) {
	for _, c := range s.index.all() {
		r := c.record()
		if !r.State.alive() || r.Sandbox != "" || r.Host.NetworkMode.IsHost() {
			continue
		}
		up, err := s.connect(ctx, r) // joining again changes nothing
		if err == nil {
			err = s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
				up.wear(r)
				return up.told, nil
			})
		}
		s.best(c.id, "addresses of a container are not known", err)
	}
}

// lost settles a container of which neither process nor journal is left: the state folder is gone.
func (s *Service) lost(c *ctr) {
	s.teardown(c)
	err := s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		st := &r.State
		st.Running, st.Paused, st.Restarting, st.Pid, st.ExitCode = false, false, false, 0, 255
		st.Error = "the container's process and journal are gone"
		st.Health = health.Suspended(st.Health)
		unset(r)
		return []events.Message{r.happened(events.ActionDie, "exitCode", "255")}, nil
	})
	s.best(c.id, "lost container is not recorded", err)
	c.ended(255, "lost")
}

// sweep removes what no record stands for: state folders and cgroups, endpoints and namespaces, layers, folders.
func (s *Service) sweep(ctx context.Context) error {
	known := func(id string) bool { _, ok := s.index.get(id); return ok }
	live := map[string][]bridge.Endpoint{}
	for _, c := range s.index.all() {
		if r := c.record(); r.State.alive() && ownNetwork(r) {
			live[c.id] = liveEndpoints(r)
		} else if !r.State.alive() { // a start that was cut off, or a read of its files
			s.unmountShm(c.id)
			s.best(c.id, "root file system is left mounted", ignoreNotFound(s.layers.Unmount(ctx, c.id)))
		}
	}
	runs := func(id string) bool { c, ok := s.index.get(id); return ok && c.record().State.alive() }
	if err := errors.Join(s.runtime.GC(ctx, known), s.network.Reconcile(ctx, live), s.volumes.Reconcile(ctx, known, runs)); err != nil {
		return fmt.Errorf("containers: reconcile: %w", err)
	}
	if s.execs != nil {
		if err := s.execs.Reconcile(ctx, known, runs); err != nil {
			return fmt.Errorf("containers: reconcile: %w", err)
		}
	}
	// After the processes are gone: they keep mounts busy.
	if err := s.layers.Reconcile(ctx, known); err != nil {
		return fmt.Errorf("containers: reconcile: %w", err)
	}
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return fmt.Errorf("containers: reconcile: %w", err)
	}
	for _, e := range entries {
		if !known(e.Name()) {
			s.unmountShm(e.Name())
			s.best(e.Name(), "folder of a removed container is left", os.RemoveAll(filepath.Join(s.root, e.Name())))
		}
	}
	return nil
}

// revive starts what restart policies want up, linked containers before those that link to them, and removes what
// AutoRemove wants gone.
func (s *Service) revive(ctx context.Context, were map[string]bool, living map[string]Process) {
	var wanted []*ctr
	for _, c := range s.index.all() {
		r := c.record()
		_, lives := living[c.id]
		switch {
		case lives || r.State.alive():
		case r.Host.AutoRemove:
			if !r.State.StartedAt.IsZero() {
				s.autoRemove(c)
			}
		case wantsUp(r, were[c.id]):
			wanted = append(wanted, c)
		}
	}
	ready := make(map[string]chan struct{}, len(wanted))
	for _, c := range wanted {
		ready[c.id] = make(chan struct{})
	}
	slots := make(chan struct{}, starters)
	var all sync.WaitGroup
	for _, c := range wanted {
		all.Go(func() {
			defer close(ready[c.id])
			for _, need := range needs(c.record()) {
				if other, ok := ready[need]; ok && need != c.id {
					select {
					case <-other:
					case <-ctx.Done():
					}
				}
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			if _, err := s.Start(ctx, c.id, nil); err != nil {
				s.log.Error("container did not come up", "container", short(c.id), "error", err)
			}
		})
	}
	all.Wait()
}

// wantsUp applies a restart policy to a container that does not run when the daemon starts. was says whether it ran, by
// its record, when the last daemon ended.
func wantsUp(r *record, was bool) bool {
	policy := r.policy()
	switch policy.Name {
	case container.RestartPolicyAlways:
		return !r.State.StartedAt.IsZero()
	case container.RestartPolicyUnlessStopped:
		return !r.State.StartedAt.IsZero() && !r.State.ByHand
	case container.RestartPolicyOnFailure:
		left := policy.MaximumRetryCount == 0 || r.Restarts < policy.MaximumRetryCount
		return was && !r.State.ByHand && r.State.ExitCode != 0 && left
	default:
		return false
	}
}

// needs are the containers that have to run before a start.
func needs(r *record) []string {
	out := []string{r.Host.NetworkMode.ConnectedContainer(), r.Host.PidMode.Container(), r.Host.IpcMode.Container()}
	for _, l := range r.Links {
		out = append(out, l.ID)
	}
	return out
}
