//go:build linux

package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/containerd/containerd/v2/contrib/apparmor"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/sys/capability"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/selinux/go-selinux"
	"golang.org/x/sys/unix"
)

// Kernel is what this host and this daemon's own process allow. It is looked at once, at the daemon's start.
type Kernel struct {
	// Unified: cgroup v2 alone. Hybrid hosts count as v1, where the controllers are.
	Unified bool
	// Seccomp, AppArmor and SELinux say which of them the kernel has switched on.
	Seccomp, AppArmor, SELinux bool
	// DefaultAppArmor is the profile of containers that name none, "" when there is none; see LoadAppArmor.
	DefaultAppArmor string
	// Controllers are the limits the cgroup hierarchies have.
	Controllers Controllers
	// RecursiveReadOnly: a bind can be read-only with all that is mounted below it.
	RecursiveReadOnly bool

	bounding map[string]bool
	raise    bool // limits may be raised and oom scores lowered: CAP_SYS_RESOURCE
	oomScore int

	cpus, mems string // that there are, as lists
	limit      func(name int) (hard uint64, ok bool)
}

// Controllers are the limits cgroups can set on this host.
type Controllers struct {
	Memory, Swap, Swappiness, OOMKillDisable, CPUShares, CPUQuota, CPURealtime, Cpuset, Pids, BlkioWeight, BlkioThrottle, Devices bool
}

// ReadKernel looks at the host.
func ReadKernel() (*Kernel, error) {
	k := &Kernel{
		Unified:  cgroups.IsCgroup2UnifiedMode(),
		Seccomp:  unix.Prctl(unix.PR_GET_SECCOMP, 0, 0, 0, 0) != unix.EINVAL,
		AppArmor: enabled("/sys/module/apparmor/parameters/enabled"),
		SELinux:  selinux.GetEnabled(),
		limit:    hardLimit,

		RecursiveReadOnly: recursiveReadOnly(),
	}
	if err := k.readCapabilities(); err != nil {
		return nil, err
	}
	k.cpus, k.mems = readCPUSet(k.Unified)
	k.oomScore = readInt("/proc/self/oom_score_adj")
	if k.Unified {
		k.Controllers = unifiedControllers()
	} else {
		k.Controllers = legacyControllers()
	}
	return k, nil
}

// appArmorProfile is the name of the profile containers get that name none. Its rules are containerd's.
const appArmorProfile = "cleat-default"

// LoadAppArmor gives the kernel the default profile, where it has AppArmor. It needs apparmor_parser; without it containers
// run unconfined, as they would without AppArmor, and the error says so.
func (k *Kernel) LoadAppArmor() error {
	if !k.AppArmor {
		return nil
	}
	if err := apparmor.LoadDefaultProfile(appArmorProfile); err != nil {
		return fmt.Errorf("no AppArmor profile protects containers (is apparmor_parser, package apparmor, installed?): %w", err)
	}
	k.DefaultAppArmor = appArmorProfile
	return nil
}

// CgroupNamespace is what containers have that name no mode: of their own where version 2 is all there is.
func (k *Kernel) CgroupNamespace(privileged bool) container.CgroupnsMode {
	if k.Unified && !privileged {
		return container.CgroupnsModePrivate
	}
	return container.CgroupnsModeHost
}

func (k *Kernel) readCapabilities() error {
	caps, err := capability.NewPid2(0)
	if err != nil {
		return err
	}
	if err := caps.Load(); err != nil {
		return err
	}
	k.bounding = map[string]bool{}
	for _, c := range capability.ListKnown() {
		if caps.Get(capability.BOUNDING, c) && caps.Get(capability.PERMITTED, c) {
			k.bounding["CAP_"+strings.ToUpper(c.String())] = true
		}
	}
	k.raise = k.bounding["CAP_SYS_RESOURCE"]
	return nil
}

func hardLimit(name int) (uint64, bool) {
	var own syscall.Rlimit
	if err := syscall.Getrlimit(name, &own); err != nil {
		return 0, false
	}
	return own.Max, true
}

func unifiedControllers() Controllers {
	raw, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers") // unreadable: none
	has := map[string]bool{}
	for _, name := range strings.Fields(string(raw)) {
		has[name] = true
	}
	return Controllers{
		Memory: has["memory"], Swap: has["memory"] && anyExists("/sys/fs/cgroup/*/memory.swap.max"), CPUShares: has["cpu"], CPUQuota: has["cpu"],
		Cpuset: has["cpuset"], Pids: has["pids"], BlkioWeight: has["io"], BlkioThrottle: has["io"], Devices: true,
	}
}

func legacyControllers() Controllers {
	in := func(controller, file string) bool {
		dir, err := cgroups.FindCgroupMountpoint("", controller)
		if err != nil {
			return false
		}
		_, err = os.Stat(filepath.Join(dir, file))
		return err == nil
	}
	// The root group has no weight; that of BFQ is known by what it counts.
	weight := in("blkio", "blkio.weight") || in("blkio", "blkio.bfq.io_serviced")
	return Controllers{
		Memory: in("memory", "memory.limit_in_bytes"), Swap: in("memory", "memory.memsw.limit_in_bytes"), Swappiness: in("memory", "memory.swappiness"),
		OOMKillDisable: in("memory", "memory.oom_control"), CPUShares: in("cpu", "cpu.shares"), CPUQuota: in("cpu", "cpu.cfs_quota_us"),
		CPURealtime: in("cpu", "cpu.rt_runtime_us"), Cpuset: in("cpuset", "cpuset.cpus"), Pids: in("pids", "cgroup.procs"), BlkioWeight: weight,
		BlkioThrottle: in("blkio", "blkio.throttle.read_bps_device"), Devices: in("devices", "devices.allow") || in("devices", "cgroup.procs"),
	}
}

func anyExists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

func enabled(path string) bool {
	raw, err := os.ReadFile(path)
	return err == nil && strings.HasPrefix(string(raw), "Y")
}

// readInt is a file's number, 0 when there is none.
func readInt(path string) int {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0
	}
	return n
}
