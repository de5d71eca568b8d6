//go:build linux

package runtime

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// Stats reads the container's counters: of version 1 the very numbers of the API's stats document, of version 2 what
// corresponds to them. Name, networks and the sample before are the caller's. [ErrNotRunning] when nothing runs.
func (p *Process) Stats(context.Context) (container.StatsResponse, error) {
	if err := p.running(); err != nil {
		return container.StatsResponse{}, err
	}
	manager, err := p.groups()
	if err != nil {
		return container.StatsResponse{}, fmt.Errorf("container %s: %w", short(p.id), err)
	}
	stats, err := manager.GetStats()
	if err != nil {
		if p.running() != nil || !manager.Exists() { // it has ended meanwhile
			return container.StatsResponse{}, fmt.Errorf("container %s: %w", short(p.id), ErrNotRunning)
		}
		return container.StatsResponse{}, fmt.Errorf("container %s: statistics: %w", short(p.id), err)
	}
	system, err := systemCPU()
	if err != nil {
		return container.StatsResponse{}, err
	}
	out := document(stats)
	out.ID, out.OSType, out.Read = p.id, "linux", time.Now().UTC()
	out.CPUStats.SystemUsage, out.CPUStats.OnlineCPUs = system, uint32(goruntime.NumCPU()) //nolint:gosec // few
	if memory := hostMemory(); out.MemoryStats.Limit > memory && memory > 0 {
		out.MemoryStats.Limit = memory // no limit is the host's memory
	}
	return out, nil
}

// document brings the library's numbers into the API's form.
func document(s *cgroups.Stats) container.StatsResponse {
	cpu, memory, io := s.CpuStats, s.MemoryStats, s.BlkioStats
	return container.StatsResponse{
		CPUStats: container.CPUStats{
			CPUUsage: container.CPUUsage{
				TotalUsage: cpu.CpuUsage.TotalUsage, PercpuUsage: cpu.CpuUsage.PercpuUsage,
				UsageInKernelmode: cpu.CpuUsage.UsageInKernelmode, UsageInUsermode: cpu.CpuUsage.UsageInUsermode,
			},
			ThrottlingData: container.ThrottlingData{
				Periods: cpu.ThrottlingData.Periods, ThrottledPeriods: cpu.ThrottlingData.ThrottledPeriods,
				ThrottledTime: cpu.ThrottlingData.ThrottledTime,
			},
		},
		MemoryStats: container.MemoryStats{
			Usage: memory.Usage.Usage, MaxUsage: memory.Usage.MaxUsage, Failcnt: memory.Usage.Failcnt, Limit: memory.Usage.Limit,
			Stats: memory.Stats,
		},
		PidsStats: container.PidsStats{Current: s.PidsStats.Current, Limit: s.PidsStats.Limit},
		BlkioStats: container.BlkioStats{
			IoServiceBytesRecursive: entries(io.IoServiceBytesRecursive), IoServicedRecursive: entries(io.IoServicedRecursive),
			IoQueuedRecursive: entries(io.IoQueuedRecursive), IoServiceTimeRecursive: entries(io.IoServiceTimeRecursive),
			IoWaitTimeRecursive: entries(io.IoWaitTimeRecursive), IoMergedRecursive: entries(io.IoMergedRecursive),
			IoTimeRecursive: entries(io.IoTimeRecursive), SectorsRecursive: entries(io.SectorsRecursive),
		},
	}
}

func entries(from []cgroups.BlkioStatEntry) []container.BlkioStatEntry {
	to := make([]container.BlkioStatEntry, len(from))
	for i, e := range from {
		to[i] = container.BlkioStatEntry{Major: e.Major, Minor: e.Minor, Op: e.Op, Value: e.Value}
	}
	return to
}

// systemCPU is the time all processors have spent, nanoseconds: the first seven columns of /proc/stat, which are counted
// in hundredths of a second.
func systemCPU() (uint64, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("statistics: %w", err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, fmt.Errorf("statistics: /proc/stat begins with %q", line)
	}
	var ticks uint64
	for _, field := range fields[1:8] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("statistics: /proc/stat: %w", err)
		}
		ticks += n
	}
	return ticks * uint64(time.Second/100), nil
}

// hostMemory is the host's memory, bytes; 0 when unknown.
func hostMemory() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return info.Totalram * uint64(info.Unit)
}
