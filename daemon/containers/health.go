//go:build linux

package containers

import (
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/daemon/health"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// Health probes containers: *health.Monitor.
type Health interface {
	Watch(t health.Target)
	Stop(id string)
}

// watchHealth begins to probe a container that runs and has a check, with what is known of its health. While journals
// are settled nothing is probed: Reconcile begins with those that live.
func (s *Service) watchHealth(c *ctr) {
	r := c.record()
	check, ok := health.CheckOf(r.Config)
	if !ok || s.health == nil || s.settling.Load() || r.State.Health == nil || !r.State.Running || r.State.Paused {
		return
	}
	t := health.Target{ID: r.ID, Check: check, Started: r.State.StartedAt, Status: r.State.Health.Status}
	if log := r.State.Health.Log; len(log) > 0 && log[len(log)-1].End.After(t.Started) {
		t.Last = log[len(log)-1].End
	}
	run := r.State.Starts
	t.Report = func(result container.HealthcheckResult) (container.HealthStatus, bool) {
		return s.probed(c, check, run, result)
	}
	s.health.Watch(t)
}

// unwatchHealth ends that.
func (s *Service) unwatchHealth(c *ctr) {
	if s.health != nil {
		s.health.Stop(c.id)
	}
}

// resumeHealth goes on probing where the last daemon left off. A container it did not probe begins like a new one.
func (s *Service) resumeHealth() {
	for _, c := range s.index.all() {
		r := c.record()
		if _, ok := health.CheckOf(r.Config); ok && r.State.Running && r.State.Health == nil {
			s.best(c.id, "health is not recorded", s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
				r.State.Health = health.Begin(nil)
				return nil, nil
			}))
		}
		s.watchHealth(c)
	}
}

// probed records what a probe says, unless the run it was made in is over or the container paused: then false.
func (s *Service) probed(c *ctr, check health.Check, run int64, result container.HealthcheckResult) (status container.HealthStatus, goOn bool) {
	err := s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		st := &r.State
		if goOn = st.Starts == run && st.Running && !st.Paused && st.Health != nil; !goOn {
			return nil, nil
		}
		was := st.Health.Status
		st.Health = check.Judge(st.Health, result, st.StartedAt)
		if status = st.Health.Status; status == was {
			return nil, nil
		}
		return []events.Message{r.happened(events.ActionHealthStatus + ": " + events.Action(status))}, nil
	})
	if err != nil { // the next one may fit on the disk
		s.best(c.id, "result of a health check is not recorded", err)
		return c.record().State.healthStatus(), true
	}
	return status, goOn
}

// healthStatus is "none" when there is no health check, or the container never ran.
func (s *state) healthStatus() container.HealthStatus {
	if s.Health == nil {
		return container.NoHealthcheck
	}
	return s.Health.Status
}

// healthText is what stands behind the uptime in a list.
func (s *state) healthText() string {
	switch status := s.healthStatus(); status {
	case container.NoHealthcheck:
		return ""
	case container.Starting:
		return " (health: starting)"
	default:
		return " (" + string(status) + ")"
	}
}

// healthAPI is the health as inspect has it.
func (s *state) healthAPI() *container.Health {
	if s.Health == nil {
		return nil
	}
	out := *s.Health
	if out.Log == nil {
		out.Log = []*container.HealthcheckResult{}
	}
	return &out
}
