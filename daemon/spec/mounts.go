//go:build linux

package spec

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// shmSize is /dev/shm in bytes when nothing is said.
const shmSize = 64 << 20

// maskedPaths and readonlyPaths are what a container must not see, or not change, of the kernel's files.
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
		"/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// mounts returns every mount of a container, parents before what is mounted below them.
func (o *Options) mounts() ([]specs.Mount, error) {
	all := o.systemMounts()
	for destination, options := range o.Host.Tmpfs {
		if !path.IsAbs(destination) || path.Clean(destination) == "/" {
			return nil, fmt.Errorf("tmpfs %q: want an absolute path that is not /: %w", destination, errs.ErrInvalid)
		}
		m := specs.Mount{Destination: path.Clean(destination), Type: "tmpfs", Source: "tmpfs", Options: []string{"noexec", "nosuid", "nodev"}}
		if options != "" {
			m.Options = append(m.Options, strings.Split(options, ",")...)
		}
		all = replace(all, m)
	}
	for _, m := range o.Mounts {
		all = replace(all, m)
	}
	if o.Init != "" {
		all = replace(all, specs.Mount{Destination: InitPath, Type: "bind", Source: o.Init, Options: []string{"bind", "ro"}})
	}
	slices.SortStableFunc(all, func(a, b specs.Mount) int { return depth(a.Destination) - depth(b.Destination) })
	return all, nil
}

// systemMounts are /proc, /dev, /sys and what belongs to them.
func (o *Options) systemMounts() []specs.Mount {
	sys, cgroup := "ro", "ro"
	if o.Host.Privileged {
		sys, cgroup = "rw", "rw"
	}
	size := o.Host.ShmSize
	if size <= 0 {
		size = shmSize
	}
	all := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", sys}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{cgroup, "nosuid", "noexec", "nodev"}},
	}
	if o.Host.IpcMode.IsNone() {
		return all
	}
	return append(all, o.shm(size))
}

// shm is the container's own, or that of the one whose IPC namespace it joins.
func (o *Options) shm(size int64) specs.Mount {
	source := ""
	switch {
	case o.IPC.host():
		source = "/dev/shm"
	case o.IPC.Path != "":
		source = o.IPC.Shm
	}
	if source != "" {
		return specs.Mount{Destination: "/dev/shm", Type: "bind", Source: source, Options: []string{"rbind", "nosuid", "noexec", "nodev"}}
	}
	return specs.Mount{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=" + strconv.FormatInt(size, 10)}}
}

// replace puts m in place of a mount at the same destination, or behind all.
func replace(all []specs.Mount, m specs.Mount) []specs.Mount {
	m.Destination = path.Clean(m.Destination)
	for i := range all {
		if all[i].Destination == m.Destination {
			all[i] = m
			return all
		}
	}
	return append(all, m)
}

func depth(destination string) int { return strings.Count(strings.TrimSuffix(destination, "/"), "/") }

// propagation is what the root file system needs so that shared or slave mounts below it work.
func propagation(all []specs.Mount) string {
	out := "rprivate"
	for _, m := range all {
		for _, option := range m.Options {
			switch option {
			case "shared", "rshared":
				return "rshared"
			case "slave", "rslave":
				out = "rslave"
			}
		}
	}
	return out
}

// hidden returns the masked and read-only paths: none for a privileged container, the caller's if there are any.
func hidden(h *container.HostConfig) (masked, readonly []string) {
	if h.Privileged {
		return nil, nil
	}
	masked, readonly = maskedPaths, readonlyPaths
	if h.MaskedPaths != nil {
		masked = h.MaskedPaths
	}
	if h.ReadonlyPaths != nil {
		readonly = h.ReadonlyPaths
	}
	return masked, readonly
}
