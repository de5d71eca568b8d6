//go:build linux

package containers

import (
	"math"
	"runtime"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
)

// minMemory is the least a container gets: below it even the runtime's own start is killed.
const minMemory = 6 << 20

// cpuRange bounds CpuPeriod, in microseconds.
const minPeriod, maxPeriod, minQuota = 1000, 1_000_000, 1000

// The kernel's bounds of cpu.shares. Before 1.19 the codec forces what clients send into them.
const minShares, maxShares = 2, 262144

// validResources checks limits for being limits; what the kernel lacks is warned of elsewhere.
func validResources(r *container.Resources) error {
	if err := validMemory(r); err != nil {
		return err
	}
	if err := validCPU(r); err != nil {
		return err
	}
	if w := r.BlkioWeight; w != 0 && (w < 10 || w > 1000) {
		return invalid("Range of blkio weight is from 10 to 1000")
	}
	for _, d := range r.BlkioWeightDevice {
		if d == nil || d.Weight < 10 || d.Weight > 1000 {
			return invalid("Range of blkio weight of a device is from 10 to 1000")
		}
	}
	if strings.ContainsRune(r.CgroupParent, 0) || strings.Contains("/"+r.CgroupParent+"/", "/../") {
		return invalid("invalid CgroupParent: %q", r.CgroupParent)
	}
	for _, u := range r.Ulimits {
		if u == nil || *u == (units.Ulimit{}) {
			continue // the document's own example
		}
		if u.Hard >= 0 && (u.Soft > u.Hard || u.Soft < 0) {
			return invalid("ulimit %s: soft limit must be less than or equal to hard limit: %d > %d", u.Name, u.Soft, u.Hard)
		}
	}
	return nil
}

func validMemory(r *container.Resources) error {
	switch {
	case r.Memory < 0 || (r.Memory > 0 && r.Memory < minMemory):
		return invalid("Minimum memory limit allowed is 6MB")
	case r.MemorySwap < -1:
		return invalid("Invalid MemorySwap: %d: want bytes, or -1 for no limit", r.MemorySwap)
	case r.Memory > 0 && r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
	case r.Memory == 0 && r.MemorySwap > 0:
		return invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
	case r.MemorySwappiness != nil && (*r.MemorySwappiness < -1 || *r.MemorySwappiness > 100):
		return invalid("Invalid value: %d, valid memory swappiness range is 0-100", *r.MemorySwappiness)
	case r.MemoryReservation < 0 || (r.MemoryReservation > 0 && r.MemoryReservation < minMemory):
		return invalid("Minimum memory reservation allowed is 6MB")
	case r.Memory > 0 && r.MemoryReservation > r.Memory:
		return invalid("Minimum memory limit can not be less than memory reservation limit, see usage")
	}
	return nil
}

func validCPU(r *container.Resources) error {
	cpus := runtime.NumCPU()
	switch {
	case r.CPUShares < 0:
		return invalid("invalid CPU shares (%d): value must be a positive integer", r.CPUShares)
	case r.CPUShares != 0 && r.CPUShares < minShares:
		return invalid("invalid CPU shares (%d): the minimum allowed cpu-shares is %d", r.CPUShares, minShares)
	case r.CPUShares > maxShares:
		return invalid("invalid CPU shares (%d): the maximum allowed cpu-shares is %d", r.CPUShares, maxShares)
	case r.NanoCPUs > 0 && r.CPUPeriod > 0:
		return invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case r.NanoCPUs > 0 && r.CPUQuota > 0:
		return invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	case r.NanoCPUs < 0 || r.NanoCPUs > int64(cpus)*1e9:
		return invalid("Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", cpus, cpus)
	case r.CPUPeriod != 0 && (r.CPUPeriod < minPeriod || r.CPUPeriod > maxPeriod):
		return invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case r.CPUQuota > 0 && r.CPUQuota < minQuota:
		return invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	case r.PidsLimit != nil && *r.PidsLimit > math.MaxInt32:
		return invalid("invalid PidsLimit: %d", *r.PidsLimit)
	}
	return nil
}
