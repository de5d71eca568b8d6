//go:build linux

package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/cgroups"

	"github.com/cleat-dev/cleat/api/errs"
)

// maxCPUs bounds the numbers in lists: far more than any kernel has.
const maxCPUs = 8192

// CheckCPUSet refuses lists of processors and memory nodes that are none, or that name what the daemon may not use. The
// error is errs.ErrInvalid.
func (k *Kernel) CheckCPUSet(r container.Resources) error {
	for _, set := range []struct{ asked, has, field, what string }{
		{r.CpusetCpus, k.cpus, "cpuset cpus", "CPUs"}, {r.CpusetMems, k.mems, "cpuset mems", "memory nodes"},
	} {
		asked, err := parseSet(set.asked)
		if err != nil {
			return fmt.Errorf("Invalid value %s for %s: %w: %w", set.asked, set.field, err, errs.ErrInvalid) //nolint:staticcheck // dockerd's text
		}
		has, err := parseSet(set.has)
		if err != nil || len(has) == 0 {
			continue // not known: the kernel says it at the start
		}
		for n := range asked {
			if !has[n] {
				return errs.Errorf(errs.ErrInvalid, "Requested %s are not available - requested %s, available: %s", set.what, set.asked, set.has)
			}
		}
	}
	return nil
}

// parseSet reads the kernel's lists: "0-2,4".
func parseSet(list string) (map[int]bool, error) {
	set := map[int]bool{}
	if list == "" {
		return set, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		low, err := strconv.ParseUint(from, 10, 16)
		high, other := strconv.ParseUint(to, 10, 16)
		if err != nil || other != nil || high < low || high >= maxCPUs {
			return nil, fmt.Errorf("invalid format: %s", list)
		}
		for n := low; n <= high; n++ {
			set[int(n)] = true
		}
	}
	return set, nil
}

// readCPUSet finds out which processors and memory nodes groups below the root may have.
func readCPUSet(unified bool) (cpus, mems string) {
	dir := "/sys/fs/cgroup"
	if !unified {
		var err error
		if dir, err = cgroups.FindCgroupMountpoint("", "cpuset"); err != nil {
			return "", ""
		}
	}
	first := func(names ...string) string {
		for _, name := range names {
			if raw, err := os.ReadFile(filepath.Join(dir, name)); err == nil && len(raw) > 1 {
				return strings.TrimSpace(string(raw))
			}
		}
		return ""
	}
	return first("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"), first("cpuset.mems.effective", "cpuset.effective_mems", "cpuset.mems")
}
