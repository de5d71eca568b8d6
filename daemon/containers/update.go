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
	if text := updateConflict(&host.Resources, &u.Resources); text != "" {
		return answer, conflict("Cannot update container %s: %s", c.id, text)
	}
	overlay(&host.Resources, &u.Resources)
	policy := u.RestartPolicy
	if policy.Name != "" {
		if host.AutoRemove && !policy.IsNone() {
			return answer, conflict("Cannot update container %s: Restart policy cannot be updated because AutoRemove is enabled for the container", c.id)
		}
		if err := restartPolicy(policy); err != nil {
			return answer, err
		}
		host.RestartPolicy = policy
	}
	if err := validResources(&host.Resources); err != nil {
		return answer, err
	}
	asked := container.HostConfig{Resources: u.Resources} // what was said before has been warned of
	warnings, err := s.kernel.Check(r.Config, &asked)
	if err == nil {
		err = s.kernel.CheckCPUSet(u.Resources)
	}
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

// updateConflict says what of u cannot go with what a container has, in dockerd's words; "" when all can.
func updateConflict(has, u *container.Resources) string {
	switch {
	case u.NanoCPUs > 0 && has.CPUPeriod > 0:
		return "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set"
	case u.NanoCPUs > 0 && has.CPUQuota > 0:
		return "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set"
	case u.CPUPeriod > 0 && has.NanoCPUs > 0:
		return "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set"
	case u.CPUQuota > 0 && has.NanoCPUs > 0:
		return "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set"
	case u.MemorySwap == 0 && has.MemorySwap > 0 && u.Memory > has.MemorySwap:
		return "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
	default:
		return ""
	}
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
	set(&r.NanoCPUs, u.NanoCPUs)
	if u.PidsLimit != nil {
		limit := max(*u.PidsLimit, 0) // 0 and less are no limit
		r.PidsLimit = &limit
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
