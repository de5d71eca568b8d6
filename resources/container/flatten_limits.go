package container

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/resources/contract"
)

func flattenLimits(o observation, last Model, m *Model) {
	r := o.HostConfig.Resources
	m.Memory = followInt(last.Memory, mebibytes(r.Memory, last.Memory))
	m.MemorySwap = flattenSwap(r.Memory, r.MemorySwap, last.MemorySwap, o.noSwapLimit)
	if o.podman && given(last.MemorySwap) && last.MemorySwap.ValueInt64() == -1 && !given(m.MemorySwap) {
		m.MemorySwap = last.MemorySwap // podman takes -1 and does as if nothing was said
	}
	m.MemoryReservation = types.Int64Value(mebibytes(r.MemoryReservation, last.MemoryReservation))
	m.CPUShares = followInt(last.CPUShares, r.CPUShares)
	m.CPUSet = followString(last.CPUSet, r.CpusetCpus, sameCPUList)
	m.CPUs = followString(last.CPUs, formatCPUs(r.NanoCPUs), sameCPUCount)
	period, quota := r.CPUPeriod, r.CPUQuota
	if r.NanoCPUs > 0 && !given(last.CPUPeriod) && !given(last.CPUQuota) {
		period, quota = 0, 0 // podman reports both forms of the one limit
	}
	m.CPUPeriod = followInt(last.CPUPeriod, period)
	m.CPUQuota = followInt(last.CPUQuota, quota, -1)              // -1 is no limit too
	m.ShmSize = types.Int64Value(o.HostConfig.ShmSize / mebibyte) // podman's default is no whole number of them
	if given(last.ShmSize) && last.ShmSize.ValueInt64() == 0 {
		m.ShmSize = last.ShmSize // the engine's choice, whatever that is
	}

	policy := o.HostConfig.RestartPolicy
	m.Restart = types.StringValue("no")
	if policy.Name != "" {
		m.Restart = types.StringValue(string(policy.Name))
	}
	m.MaxRetryCount = followInt(last.MaxRetryCount, int64(policy.MaximumRetryCount))
	if !policy.IsOnFailure() && given(last.MaxRetryCount) && last.Restart.ValueString() != string(container.RestartPolicyOnFailure) {
		m.MaxRetryCount = last.MaxRetryCount // it has no meaning, so no engine keeps it
	}

	m.DeviceReadBps, m.DeviceWriteBps = flattenRates(o, last.DeviceReadBps, r.BlkioDeviceReadBps), flattenRates(o, last.DeviceWriteBps, r.BlkioDeviceWriteBps)
	m.DeviceReadIOps, m.DeviceWriteIOps = flattenRates(o, last.DeviceReadIOps, r.BlkioDeviceReadIOps), flattenRates(o, last.DeviceWriteIOps, r.BlkioDeviceWriteIOps)
	m.Ulimits = flattenUlimits(o, last)
}

// flattenSwap leaves out what engines do without being told: twice the memory, and no limit without a memory limit.
// On a kernel that cannot limit swap the engine says unlimited whatever was asked for.
func flattenSwap(memory, swap int64, last types.Int64, unlimitable bool) types.Int64 {
	switch {
	case swap == -1 && given(last) && (unlimitable || last.ValueInt64() == -1):
		return last
	case swap == -1 && (unlimitable || memory == 0):
		return followInt(last, 0)
	case swap == -1:
		return types.Int64Value(-1)
	case given(last) && expandSwap(last.ValueInt64()) == swap:
		return last
	case swap == 2*memory:
		return followInt(last, 0)
	}
	return types.Int64Value(mebibytes(swap, last))
}

// formatCPUs is the inverse of nanoCPUs.
func formatCPUs(nano int64) string {
	if nano == 0 {
		return ""
	}
	text := strconv.FormatInt(nano+1e9, 10) // one digit before the nine decimals at least
	whole, fraction := nano/1e9, text[len(text)-9:]
	return strings.TrimSuffix(strconv.FormatInt(whole, 10)+"."+strings.TrimRight(fraction, "0"), ".")
}

func sameCPUCount(a, b string) bool {
	x, errA := nanoCPUs(a)
	y, errB := nanoCPUs(b)
	return errA == nil && errB == nil && x == y
}

// sameCPUList compares lists of CPUs: 0-2 is 0,1,2.
func sameCPUList(a, b string) bool {
	x, okA := cpuNumbers(a)
	y, okB := cpuNumbers(b)
	if !okA || !okB || len(x) != len(y) {
		return false
	}
	for n := range x {
		if !y[n] {
			return false
		}
	}
	return true
}

func cpuNumbers(s string) (map[int]bool, bool) {
	out := map[int]bool{}
	for part := range strings.SplitSeq(s, ",") {
		first, lastOf, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(lastOf)
		}
		if err != nil || from < 0 || to > 1<<13 { // the kernel's most
			return nil, false
		}
		for n := from; n <= to; n++ {
			out[n] = true
		}
	}
	return out, true
}

// flattenRates reads what podman says with care: it names the first device file of the number, which may be a terminal.
func flattenRates(o observation, last contract.Blocks[DeviceRate], have []*blkiodev.ThrottleDevice) contract.Blocks[DeviceRate] {
	var out contract.Blocks[DeviceRate]
	used := map[int]bool{}
	for _, d := range have {
		if d == nil {
			continue
		}
		rate := DeviceRate{Path: types.StringValue(d.Path), Rate: types.Int64Value(int64(d.Rate))}
		exact := slices.ContainsFunc(last.Items, func(was DeviceRate) bool { return was.Path.Equal(rate.Path) })
		for i, was := range last.Items {
			if o.podman && !exact && !used[i] && was.Rate.Equal(rate.Rate) {
				rate, used[i] = was, true
				break
			}
		}
		out.Items = append(out.Items, rate)
	}
	return out
}

// flattenUlimits leaves out those podman gives every container. Those of dockerd's default-ulimits look like declared
// ones; see the rule of the block.
func flattenUlimits(o observation, last Model) contract.Blocks[Ulimit] {
	declared := map[string]bool{}
	for _, u := range last.Ulimits.Items {
		declared[u.Name.ValueString()] = true
	}
	var out contract.Blocks[Ulimit]
	for _, u := range o.HostConfig.Ulimits {
		if u == nil {
			continue
		}
		name := u.Name
		if short, ok := strings.CutPrefix(name, "RLIMIT_"); ok {
			name = strings.ToLower(short)
		}
		if o.podman && !declared[name] && (name == "nofile" || name == "nproc") {
			continue
		}
		out.Items = append(out.Items, Ulimit{Name: types.StringValue(name), Soft: types.Int64Value(u.Soft), Hard: types.Int64Value(u.Hard)})
	}
	return out
}
