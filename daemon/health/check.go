package health

import (
	"cmp"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
)

// What holds where a check says nothing.
const (
	defaultInterval      = 30 * time.Second
	defaultTimeout       = 30 * time.Second
	defaultStartInterval = 5 * time.Second
	defaultRetries       = 3
)

// kept is how many results are remembered.
const kept = 5

// Check is a health check with nothing left open.
type Check struct {
	// Command is the program and its arguments.
	Command []string
	// Interval is between two probes, StartInterval as long as the container is starting; Timeout is what a probe may
	// take; within StartPeriod of the start failures do not count.
	Interval, StartInterval, Timeout, StartPeriod time.Duration
	// Retries is how many failures in a row make a container unhealthy.
	Retries int
}

// CheckOf is the check of a container's configuration; false when it has none, or one that says nothing to run.
func CheckOf(c *container.Config) (Check, bool) {
	h := c.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return Check{}, false
	}
	command := h.Test[1:]
	switch h.Test[0] {
	case "CMD":
	case "CMD-SHELL":
		shell := c.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		command = slices.Concat(shell, command)
	default: // NONE, and what nobody knows
		return Check{}, false
	}
	retries := h.Retries
	if retries <= 0 {
		retries = defaultRetries
	}
	return Check{
		Command: command, Interval: cmp.Or(h.Interval, defaultInterval), StartInterval: cmp.Or(h.StartInterval, defaultStartInterval),
		Timeout: cmp.Or(h.Timeout, defaultTimeout), StartPeriod: h.StartPeriod, Retries: retries,
	}, true
}

// delay is the time between a probe and the next.
func (c Check) delay(status container.HealthStatus, started, now time.Time) time.Duration {
	if status == container.Starting && now.Sub(started) < c.StartPeriod {
		return c.StartInterval
	}
	return c.Interval
}

// Begin is the health at the start of a run; last is that of the run before, nil for none. The results stay.
func Begin(last *container.Health) *container.Health {
	out := &container.Health{Status: container.Starting}
	if last != nil {
		out.Log = last.Log
	}
	return out
}

// Suspended is the health of a container that is not probed any more, because it is paused or has ended: engines call
// it unhealthy, without an event. nil stays nil.
func Suspended(h *container.Health) *container.Health {
	if h == nil {
		return nil
	}
	out := *h
	out.Status = container.Unhealthy
	return &out
}

// Judge is the health after a probe; h is not changed. started is when the run began.
func (c Check) Judge(h *container.Health, r container.HealthcheckResult, started time.Time) *container.Health {
	out := *h
	out.Log = append(slices.Clone(h.Log[max(0, len(h.Log)+1-kept):]), &r)
	switch {
	case r.ExitCode == 0:
		out.Status, out.FailingStreak = container.Healthy, 0
	case h.Status == container.Starting && r.Start.Sub(started) < c.StartPeriod: // it may still come up
	default:
		if out.FailingStreak++; out.FailingStreak >= c.Retries {
			out.Status = container.Unhealthy
		}
	}
	return &out
}
