//go:build linux

package system

import (
	"bufio"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/spec"
)

// host is what of this machine cannot change while the daemon runs.
type host struct {
	kernel, machine string
	name, release   string // of the operating system
	memTotal        int64  // bytes
	warnings        []string
}

// inspectHost never fails: what cannot be found out stays empty and is logged.
func inspectHost(limits spec.Controllers, log hclog.Logger) host {
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
	h.warn(limits)
	return h
}

// securityOptions are the words clients know for what protects containers here.
func securityOptions(k *spec.Kernel) []string {
	var options []string
	for _, o := range []struct {
		on   bool
		name string
	}{
		{k.AppArmor, "name=apparmor"}, {k.Seccomp, "name=seccomp,profile=builtin"}, {k.SELinux, "name=selinux"},
		{k.Unified, "name=cgroupns"}, // by default; on v1 it has to be asked for
	} {
		if o.on {
			options = append(options, o.name)
		}
	}
	return options
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

func (h *host) warn(limits spec.Controllers) {
	for _, w := range []struct {
		ok   bool
		text string
	}{
		{limits.Memory, "No memory limit support"}, {limits.Swap, "No swap limit support"}, {limits.CPUQuota, "No cpu cfs quota support"},
		{limits.CPUQuota, "No cpu cfs period support"}, {limits.CPUShares, "No cpu shares support"}, {limits.Cpuset, "No cpuset support"},
		{limits.Pids, "No pids limit support"},
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
