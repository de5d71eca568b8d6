//go:build linux

package spec

import (
	"fmt"
	"math"

	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// cpuPeriod is the period, in microseconds, that NanoCpus is made a quota of.
const cpuPeriod = 100_000

// Resources returns the cgroup limits of r without devices. What the host's cgroups cannot do is left out: Check has
// warned of it.
func (k *Kernel) Resources(r container.Resources) (*specs.LinuxResources, error) {
	out := &specs.LinuxResources{Memory: k.memory(r), CPU: k.cpu(r)}
	if r.PidsLimit != nil && k.Controllers.Pids {
		limit := *r.PidsLimit
		if limit <= 0 {
			limit = -1
		}
		out.Pids = &specs.LinuxPids{Limit: &limit}
	}
	block, err := k.blockIO(r)
	if err != nil {
		return nil, err
	}
	out.BlockIO = block
	return out, nil
}

func (k *Kernel) memory(r container.Resources) *specs.LinuxMemory {
	if !k.Controllers.Memory {
		return nil
	}
	m := &specs.LinuxMemory{}
	if r.Memory > 0 {
		m.Limit = &r.Memory
	}
	if r.MemoryReservation > 0 {
		m.Reservation = &r.MemoryReservation
	}
	if k.Controllers.Swap {
		switch {
		case r.MemorySwap != 0:
			m.Swap = &r.MemorySwap
		case r.Memory > 0: // as much swap as memory, unless it is said
			twice := 2 * r.Memory
			m.Swap = &twice
		}
	}
	if r.MemorySwappiness != nil && *r.MemorySwappiness >= 0 && k.Controllers.Swappiness {
		n := uint64(*r.MemorySwappiness)
		m.Swappiness = &n
	}
	if k.Controllers.OOMKillDisable {
		m.DisableOOMKiller = r.OomKillDisable
	}
	return m
}

func (k *Kernel) cpu(r container.Resources) *specs.LinuxCPU {
	c := &specs.LinuxCPU{}
	if r.CPUShares > 0 && k.Controllers.CPUShares {
		n := uint64(r.CPUShares)
		c.Shares = &n
	}
	if k.Controllers.CPUQuota {
		if r.NanoCPUs > 0 {
			period, quota := uint64(cpuPeriod), r.NanoCPUs*cpuPeriod/1e9
			c.Period, c.Quota = &period, &quota
		}
		if r.CPUPeriod > 0 {
			n := uint64(r.CPUPeriod)
			c.Period = &n
		}
		if r.CPUQuota != 0 {
			c.Quota = &r.CPUQuota
		}
	}
	if k.Controllers.CPURealtime {
		if r.CPURealtimePeriod > 0 {
			n := uint64(r.CPURealtimePeriod)
			c.RealtimePeriod = &n
		}
		if r.CPURealtimeRuntime != 0 {
			c.RealtimeRuntime = &r.CPURealtimeRuntime
		}
	}
	if k.Controllers.Cpuset {
		c.Cpus, c.Mems = r.CpusetCpus, r.CpusetMems
	}
	return c
}

func (k *Kernel) blockIO(r container.Resources) (*specs.LinuxBlockIO, error) {
	out := &specs.LinuxBlockIO{}
	if k.Controllers.BlkioWeight {
		if r.BlkioWeight > 0 {
			out.Weight = &r.BlkioWeight
		}
		for _, d := range r.BlkioWeightDevice {
			major, minor, err := deviceNumber("BlkioWeightDevice", d.Path)
			if err != nil {
				return nil, err
			}
			weight := d.Weight
			one := specs.LinuxWeightDevice{Weight: &weight}
			one.Major, one.Minor = major, minor
			out.WeightDevice = append(out.WeightDevice, one)
		}
	}
	if !k.Controllers.BlkioThrottle {
		return out, nil
	}
	for _, t := range []struct {
		field string
		in    []*blkiodev.ThrottleDevice
		out   *[]specs.LinuxThrottleDevice
	}{
		{"BlkioDeviceReadBps", r.BlkioDeviceReadBps, &out.ThrottleReadBpsDevice},
		{"BlkioDeviceWriteBps", r.BlkioDeviceWriteBps, &out.ThrottleWriteBpsDevice},
		{"BlkioDeviceReadIOps", r.BlkioDeviceReadIOps, &out.ThrottleReadIOPSDevice},
		{"BlkioDeviceWriteIOps", r.BlkioDeviceWriteIOps, &out.ThrottleWriteIOPSDevice},
	} {
		for _, d := range t.in {
			major, minor, err := deviceNumber(t.field, d.Path)
			if err != nil {
				return nil, err
			}
			one := specs.LinuxThrottleDevice{Rate: d.Rate}
			one.Major, one.Minor = major, minor
			*t.out = append(*t.out, one)
		}
	}
	return out, nil
}

func deviceNumber(field, path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("%s: %s: %w: %w", field, path, err, errs.ErrInvalid)
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil
}

// rlimits are the limits by the names of the API.
var rlimits = map[string]int{
	"core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS,
	"memlock": unix.RLIMIT_MEMLOCK, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE,
	"nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
	"sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// rlimitNames are how the runtime specification spells them.
var rlimitNames = map[string]string{
	"core": "RLIMIT_CORE", "cpu": "RLIMIT_CPU", "data": "RLIMIT_DATA", "fsize": "RLIMIT_FSIZE", "locks": "RLIMIT_LOCKS",
	"memlock": "RLIMIT_MEMLOCK", "msgqueue": "RLIMIT_MSGQUEUE", "nice": "RLIMIT_NICE", "nofile": "RLIMIT_NOFILE",
	"nproc": "RLIMIT_NPROC", "rss": "RLIMIT_RSS", "rtprio": "RLIMIT_RTPRIO", "rttime": "RLIMIT_RTTIME",
	"sigpending": "RLIMIT_SIGPENDING", "stack": "RLIMIT_STACK",
}

// ulimits returns the limits to set, and those this daemon may not raise that far: they get what it has itself.
func (k *Kernel) ulimits(in []*container.Ulimit) (set []specs.POSIXRlimit, lowered []string, err error) {
	for _, u := range in {
		if u == nil || (u.Name == "" && u.Soft == 0 && u.Hard == 0) { // the document's own example sends [{}]
			continue
		}
		number, known := rlimits[u.Name]
		if !known {
			return nil, nil, fmt.Errorf("invalid ulimit type: %q: %w", u.Name, errs.ErrInvalid)
		}
		soft, hard := rlimitValue(u.Soft), rlimitValue(u.Hard)
		if soft > hard {
			return nil, nil, fmt.Errorf("ulimit %s: soft limit must be less than or equal to hard limit: %d > %d: %w", u.Name, u.Soft, u.Hard, errs.ErrInvalid)
		}
		if own, ok := k.limit(number); ok && hard > own && !k.raise {
			hard, soft = own, min(soft, own)
			lowered = append(lowered, u.Name)
		}
		set = append(set, specs.POSIXRlimit{Type: rlimitNames[u.Name], Soft: soft, Hard: hard})
	}
	return set, lowered, nil
}

// rlimitValue turns -1, unlimited, into the kernel's word for it.
func rlimitValue(n int64) uint64 {
	if n < 0 {
		return math.MaxUint64
	}
	return uint64(n)
}
