//go:build linux

package containers

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/daemon/metadata"
)

// Update changes limits and restart policy of a container, also while it runs. Zero values leave what is.
func (s *Service) Update(ctx context.Context, ref string, u container.UpdateConfig) (container.UpdateResponse, error) {
	answer := container.UpdateResponse{Warnings: []string{}}
	c, unlock, err := s.locked(ctx, ref)
	if err != nil {
		return answer, err
	}
	defer unlock()
	r := c.record()
	if c.isRemoving() {
		return answer, conflict("container is marked for removal and cannot be updated")
	}
	host, err := deepCopy(r.Host)
	if err != nil {
		return answer, fmt.Errorf("container %s: %w", short(c.id), err)
	}
	overlay(&host.Resources, &u.Resources)
	policy := u.RestartPolicy
	if policy.Name != "" {
		if host.AutoRemove && !policy.IsNone() {
			return answer, conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
		}
		if err := restartPolicy(policy); err != nil {
			return answer, err
		}
		host.RestartPolicy = policy
	}
	if err := validResources(&host.Resources); err != nil {
		return answer, err
	}
	warnings, err := s.kernel.Check(r.Config, host)
	if err != nil {
		return answer, err
	}
	answer.Warnings = append(answer.Warnings, warnings...)
	if process := c.proc(); process != nil && r.State.alive() {
		limits, err := s.kernel.Resources(host.Resources)
		if err != nil {
			return answer, err
		}
		if err := process.Update(ctx, *limits); err != nil {
			return answer, fmt.Errorf("cannot update container %s: %w", ref, err)
		}
		if policy.Name != "" {
			if err := process.SetPolicy(ctx, runtimePolicy(policy)); err != nil {
				return answer, fmt.Errorf("cannot update container %s: %w", ref, err)
			}
		}
	}
	return answer, s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		r.Host = host
		return []events.Message{r.happened(events.ActionUpdate)}, nil
	})
}

// overlay writes what is set of u over r.
func overlay(r, u *container.Resources) {
	set(&r.CPUShares, u.CPUShares)
	set(&r.Memory, u.Memory)
	set(&r.MemorySwap, u.MemorySwap)
	set(&r.MemoryReservation, u.MemoryReservation)
	set(&r.CPUPeriod, u.CPUPeriod)
	set(&r.CPUQuota, u.CPUQuota)
	set(&r.CPURealtimePeriod, u.CPURealtimePeriod)
	set(&r.CPURealtimeRuntime, u.CPURealtimeRuntime)
	set(&r.CpusetCpus, u.CpusetCpus)
	set(&r.CpusetMems, u.CpusetMems)
	set(&r.BlkioWeight, u.BlkioWeight)
	if u.NanoCPUs != 0 { // one way to say it replaces the other
		r.NanoCPUs, r.CPUPeriod, r.CPUQuota = u.NanoCPUs, 0, 0
	} else if u.CPUPeriod != 0 || u.CPUQuota != 0 {
		r.NanoCPUs = 0
	}
	if u.Memory != 0 && u.MemorySwap == 0 && r.MemorySwap > 0 && r.MemorySwap < u.Memory {
		r.MemorySwap = 2 * u.Memory
	}
	if u.PidsLimit != nil {
		r.PidsLimit = u.PidsLimit
	}
	if u.MemorySwappiness != nil {
		r.MemorySwappiness = u.MemorySwappiness
	}
	if u.OomKillDisable != nil {
		r.OomKillDisable = u.OomKillDisable
	}
}

func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}
