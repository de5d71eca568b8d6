//go:build linux

package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// Signal sends a signal to the command; 0 sends none. With stop the restart policy does not start the container again, and
// a restart that is pending is cancelled. SIGKILL also ends a paused container, and one that is just being started.
// [ErrNotRunning] when nothing runs.
func (p *Process) Signal(ctx context.Context, sig unix.Signal, stop bool) error {
	flag := "0"
	if stop {
		flag = "1"
	}
	if _, err := p.call(ctx, wire.VerbSignal, wire.Itoa(int64(sig)), flag); err != nil {
		return err
	}
	if sig != unix.SIGKILL {
		return nil
	}
	// A frozen process does not die. Version 2 kills it anyway; thawing what is not frozen does no harm.
	if manager, err := p.groups(); err == nil {
		if state, err := manager.GetFreezerState(); err == nil && state == cgroups.Frozen {
			_ = manager.Freeze(cgroups.Thawed) // gone already: just as well
		}
	}
	return nil
}

// SetPolicy changes the restart policy, also for the restart that is pending.
func (p *Process) SetPolicy(ctx context.Context, policy RestartPolicy) error {
	if err := policy.check(); err != nil {
		return err
	}
	p.mu.Lock()
	p.conf.Policy, p.conf.MaxRetry = policy.name(), int64(policy.MaximumRetryCount)
	conf := p.conf
	p.mu.Unlock()
	if err := p.r.writeConf(conf); err != nil { // for the monitor after this one
		return fmt.Errorf("container %s: %w", short(p.id), err)
	}
	_, err := p.call(ctx, wire.VerbPolicy, conf.Policy, wire.Itoa(conf.MaxRetry))
	return err
}

// Resize sets the size of the container's terminal, in characters.
func (p *Process) Resize(ctx context.Context, h, w uint) error { return p.resize(ctx, h, w) }

func (p *Process) resize(ctx context.Context, h, w uint, exec ...string) error {
	const most = 1<<16 - 1
	if h > most || w > most {
		return fmt.Errorf("terminal size %dx%d: %w", h, w, errs.ErrInvalid)
	}
	_, err := p.call(ctx, append([]string{wire.VerbResize, wire.Itoa(int64(h)), wire.Itoa(int64(w))}, exec...)...)
	return err
}

// groups is a manager of the container's control groups. They exist while it runs.
func (p *Process) groups() (cgroups.Manager, error) {
	p.mu.Lock()
	path := p.conf.CgroupsPath
	p.mu.Unlock()
	return groupManager(path)
}

func (p *Process) running() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.start.Pid == 0 {
		return fmt.Errorf("container %s: %w", short(p.id), ErrNotRunning)
	}
	return nil
}

// Pause freezes all processes of the container.
func (p *Process) Pause(context.Context) error { return p.freeze(cgroups.Frozen) }

// Resume lets them go on.
func (p *Process) Resume(context.Context) error { return p.freeze(cgroups.Thawed) }

func (p *Process) freeze(state cgroups.FreezerState) error {
	if err := p.running(); err != nil {
		return err
	}
	manager, err := p.groups()
	if err == nil {
		err = manager.Freeze(state)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		err = ErrNotRunning // its groups went with it just now
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", short(p.id), err)
	}
	return nil
}

// Paused reports whether the container is frozen. The kernel is asked, so it is right also after the daemon has died.
func (p *Process) Paused() (bool, error) {
	manager, err := p.groups()
	if err != nil {
		return false, fmt.Errorf("container %s: %w", short(p.id), err)
	}
	state, err := manager.GetFreezerState()
	return state == cgroups.Frozen, err
}

// Pids lists the processes of the container, as the host sees them. None when nothing runs.
func (p *Process) Pids(context.Context) ([]int, error) {
	manager, err := p.groups()
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", short(p.id), err)
	}
	pids, err := manager.GetAllPids()
	if err := ignoreMissing(err); err != nil {
		return nil, fmt.Errorf("container %s: %w", short(p.id), err)
	}
	return pids, nil
}

// Pid is that of the command; 0 when nothing runs.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.start.Pid)
}

// Update sets limits, of what runs and of later runs: those fields of memory, CPU, block I/O weight and pids that are not
// nil. Devices cannot be changed.
func (p *Process) Update(_ context.Context, r specs.LinuxResources) error {
	file := filepath.Join(p.r.stateDir(p.id), wire.ConfigFile)
	var spec specs.Spec
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &spec)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", short(p.id), err)
	}
	if spec.Linux.Resources == nil {
		spec.Linux.Resources = &specs.LinuxResources{}
	}
	before := resources(spec.Linux.Resources)
	merge(spec.Linux.Resources, r)
	if p.running() == nil {
		manager, err := p.groups()
		if err == nil {
			err = manager.Set(resources(spec.Linux.Resources))
			if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ERANGE) { // the kernel's bounds are not known beforehand
				err = fmt.Errorf("%w: %w", err, errs.ErrInvalid)
			}
			if err != nil {
				_ = manager.Set(before) // some of it may have been taken
			}
		}
		if err != nil {
			return fmt.Errorf("container %s: %w", short(p.id), err)
		}
	}
	if content, err = json.Marshal(&spec); err == nil {
		err = replaceFile(file, content)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", short(p.id), err)
	}
	return nil
}

// merge takes over what is set.
func merge(to *specs.LinuxResources, from specs.LinuxResources) {
	if m := from.Memory; m != nil {
		to.Memory = or(to.Memory)
		set(&to.Memory.Limit, m.Limit)
		set(&to.Memory.Reservation, m.Reservation)
		set(&to.Memory.Swap, m.Swap)
	}
	if c := from.CPU; c != nil {
		to.CPU = or(to.CPU)
		set(&to.CPU.Shares, c.Shares)
		set(&to.CPU.Quota, c.Quota)
		set(&to.CPU.Period, c.Period)
		set(&to.CPU.RealtimeRuntime, c.RealtimeRuntime)
		set(&to.CPU.RealtimePeriod, c.RealtimePeriod)
		if c.Cpus != "" {
			to.CPU.Cpus = c.Cpus
		}
		if c.Mems != "" {
			to.CPU.Mems = c.Mems
		}
	}
	if b := from.BlockIO; b != nil {
		to.BlockIO = or(to.BlockIO)
		set(&to.BlockIO.Weight, b.Weight)
	}
	if from.Pids != nil {
		to.Pids = or(to.Pids)
		set(&to.Pids.Limit, from.Pids.Limit)
	}
}

func or[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

func set[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// resources are limits in the form of the control group library.
func resources(r *specs.LinuxResources) *cgroups.Resources {
	out := &cgroups.Resources{SkipDevices: true, SkipFreezeOnSet: true}
	if m := r.Memory; m != nil {
		out.Memory, out.MemoryReservation, out.MemorySwap = value(m.Limit), value(m.Reservation), value(m.Swap)
	}
	if c := r.CPU; c != nil {
		out.CpuShares, out.CpuQuota, out.CpuPeriod = value(c.Shares), value(c.Quota), value(c.Period)
		out.CpuRtRuntime, out.CpuRtPeriod = value(c.RealtimeRuntime), value(c.RealtimePeriod)
		out.CpusetCpus, out.CpusetMems = c.Cpus, c.Mems
		if out.CpuShares != 0 {
			out.CpuWeight = cgroups.ConvertCPUSharesToCgroupV2Value(out.CpuShares)
		}
	}
	if b := r.BlockIO; b != nil {
		out.BlkioWeight = value(b.Weight)
	}
	if r.Pids != nil {
		out.PidsLimit = r.Pids.Limit
	}
	return out
}

func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
