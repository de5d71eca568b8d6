//go:build linux

package system

import (
	"bufio"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/sys/capability"
	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// host is what of this machine cannot change while the daemon runs.
type host struct {
	kernel, machine string
	name, release   string // of the operating system
	memTotal        int64  // bytes
	cgroups         string // "1" or "2"

	memory, swap, cpu, shares, cpuset, pids, oomKillDisable bool

	security []string
	warnings []string
}

// inspectHost never fails: what cannot be found out stays empty and is logged.
func inspectHost(log hclog.Logger) host {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	h := host{name: "Linux"}
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		log.Warn("kernel version", "error", err)
	}
	h.kernel, h.machine = unix.ByteSliceToString(uname.Release[:]), unix.ByteSliceToString(uname.Machine[:])
	release := pairs("/etc/os-release", "=")
	if len(release) == 0 {
		release = pairs("/usr/lib/os-release", "=")
	}
	if name := release["PRETTY_NAME"]; name != "" {
		h.name = name
	}
	h.release = release["VERSION_ID"]
	kib, _, _ := strings.Cut(pairs("/proc/meminfo", ":")["MemTotal"], " ")
	if n, err := strconv.ParseInt(kib, 10, 64); err == nil {
		h.memTotal = n << 10
	} else {
		log.Warn("memory of the host", "error", err)
	}
	h.controllers(log)
	h.securityOptions()
	h.warn()
	return h
}

// controllers finds out which limits the kernel can enforce.
func (h *host) controllers(log hclog.Logger) {
	if cgroups.IsCgroup2UnifiedMode() {
		h.cgroups = "2"
		has := map[string]bool{}
		for name := range strings.FieldsSeq(readFile("/sys/fs/cgroup/cgroup.controllers")) {
			has[name] = true
		}
		h.memory, h.cpu, h.shares, h.cpuset, h.pids = has["memory"], has["cpu"], has["cpu"], has["cpuset"], has["pids"]
		h.swap = h.memory && anyExists("/sys/fs/cgroup/*/memory.swap.max")
		return
	}
	h.cgroups = "1"
	file := func(controller, name string) bool {
		at, err := cgroups.FindCgroupMountpoint("", controller)
		if err != nil {
			if !cgroups.IsNotFound(err) {
				log.Warn("cgroup controller", "name", controller, "error", err)
			}
			return false
		}
		return anyExists(filepath.Join(at, name)) || anyExists(filepath.Join(at, "*", name))
	}
	h.memory, h.swap = file("memory", "memory.limit_in_bytes"), file("memory", "memory.memsw.limit_in_bytes")
	h.oomKillDisable = file("memory", "memory.oom_control")
	h.cpu, h.shares = file("cpu", "cpu.cfs_quota_us"), file("cpu", "cpu.shares")
	h.cpuset, h.pids = file("cpuset", "cpuset.cpus"), file("pids", "pids.max")
}

func (h *host) securityOptions() {
	if readFile("/sys/module/apparmor/parameters/enabled") == "Y" {
		h.security = append(h.security, "name=apparmor")
	}
	if pairs("/proc/self/status", ":")["Seccomp"] != "" {
		h.security = append(h.security, "name=seccomp,profile=builtin")
	}
	if exists("/sys/fs/selinux/enforce") {
		h.security = append(h.security, "name=selinux")
	}
	if h.cgroups == "2" && exists("/proc/self/ns/cgroup") {
		h.security = append(h.security, "name=cgroupns")
	}
}

// needed are capabilities whose lack takes something from containers, and what.
var needed = []struct {
	capability capability.Cap
	without    string
}{
	{capability.CAP_SYS_RESOURCE, "ulimits above the daemon's own cannot be given"},
	{capability.CAP_MKNOD, "device nodes cannot be made"},
	{capability.CAP_NET_ADMIN, "networks cannot be made"},
	{capability.CAP_SYS_ADMIN, "containers cannot be started"},
}

func (h *host) warn() {
	for _, w := range []struct {
		ok   bool
		text string
	}{
		{h.memory, "No memory limit support"}, {h.swap, "No swap limit support"}, {h.cpu, "No cpu cfs quota support"},
		{h.cpu, "No cpu cfs period support"}, {h.shares, "No cpu shares support"}, {h.cpuset, "No cpuset support"},
		{h.pids, "No pids limit support"},
	} {
		if !w.ok {
			h.warnings = append(h.warnings, "WARNING: "+w.text)
		}
	}
	own, err := capability.NewPid2(0)
	if err == nil {
		err = own.Load()
	}
	for _, n := range needed {
		if err == nil && !own.Get(capability.EFFECTIVE, n.capability) {
			h.warnings = append(h.warnings, "WARNING: the daemon has no CAP_"+strings.ToUpper(n.capability.String())+": "+n.without)
		}
	}
}

// pairs reads lines of key and value; quotes around a value are taken off.
func pairs(path, separator string) map[string]string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	found := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), separator); ok {
			found[strings.TrimSpace(key)] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return found
}

// readFile is a small file's text, empty when it cannot be read.
func readFile(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func anyExists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

// environment is a variable in either of the spellings programs know.
func environment(name string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return os.Getenv(strings.ToLower(name))
}

// proxy is the address of a proxy without user and password.
func proxy(name string) string {
	text := environment(name)
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	u.User = url.UserPassword("xxxxx", "xxxxx")
	return u.String()
}

// library is the version of a module this program is built with.
func library(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}

// buildTime is that of the commit, so that equal sources make equal programs.
func buildTime() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			return s.Value
		}
	}
	return ""
}
