//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime"
)

// samplePeriod is how far apart the samples of a stream are.
const samplePeriod = time.Second

// StatsOptions choose between a stream and one object.
type StatsOptions = struct {
	// Stream goes on until ctx ends or the container is removed.
	Stream bool
	// OneShot does not wait for a second sample, so PreCPUStats is empty.
	OneShot bool
}

// Stats hands samples of a container's use of resources to send: "Get container stats". One that does not run has
// samples with nothing but id and name.
func (s *Service) Stats(ctx context.Context, ref string, o StatsOptions, send func(container.StatsResponse) error) error {
	c, err := s.index.find(ref)
	if err != nil {
		return err
	}
	last, err := s.sample(ctx, c)
	if err != nil {
		return err
	}
	if !o.Stream && (o.OneShot || !c.record().State.Running) {
		return send(last)
	}
	if o.Stream {
		if err := send(last); err != nil {
			return err
		}
	}
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.gone:
			return nil
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the client's own leaving
		}
		next, err := s.sample(ctx, c)
		if err != nil {
			return err
		}
		if !next.Read.IsZero() {
			next.PreRead, next.PreCPUStats = last.Read, last.CPUStats
		}
		if err := send(next); err != nil || !o.Stream {
			return err
		}
		last = next
	}
}

// sample is one measurement.
func (s *Service) sample(ctx context.Context, c *ctr) (container.StatsResponse, error) {
	r := c.record()
	empty := container.StatsResponse{ID: c.id, Name: "/" + r.Name, OSType: "linux"}
	process := c.proc()
	if process == nil || !r.State.Running {
		return empty, nil
	}
	now, err := process.Stats(ctx)
	if errors.Is(err, runtime.ErrNotRunning) || (err != nil && !c.record().State.Running) { // ended meanwhile
		return empty, nil
	}
	if err != nil {
		return empty, fmt.Errorf("stats of container %s: %w", short(c.id), err)
	}
	now.ID, now.Name, now.OSType = c.id, "/"+r.Name, "linux"
	if now.Read.IsZero() {
		now.Read = time.Now().UTC()
	}
	if !ownNetwork(r) {
		return now, nil
	}
	networks, err := s.network.Statistics(ctx, c.id)
	if err != nil {
		if errors.Is(err, errs.ErrNotFound) {
			return now, nil
		}
		return empty, fmt.Errorf("stats of container %s: %w", short(c.id), err)
	}
	now.Networks = networks
	return now, nil
}
