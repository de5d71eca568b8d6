//go:build linux

package spec

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// defaultPath is the PATH of a container whose image and configuration name none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Namespace is what a container has of one kind: its own (the zero value), the host's, or another's.
type Namespace struct {
	// Path of the namespace to join: [HostNamespace], or a file such as /proc/PID/ns/pid or a pinned one.
	Path string
	// Shm is the /dev/shm of the container whose IPC namespace is joined.
	Shm string
}

// HostNamespace is the path that stands for the host's own.
const HostNamespace = "host"

func (n Namespace) host() bool { return n.Path == HostNamespace }

// Options is all a specification is made of.
type Options struct {
	// Rootfs is the mounted root file system; CgroupsPath where the container's cgroup is on every hierarchy. Both are
	// absolute.
	Rootfs, CgroupsPath string
	// Config and Host are complete: the image's defaults are in Config, nothing is nil.
	Config *container.Config
	Host   *container.HostConfig
	// Args is the program and its arguments.
	Args []string
	// Env comes before Config's own: links, and what the engine adds.
	Env []string
	// Hostname is the name the container knows itself by; not set when it shares a UTS namespace.
	Hostname string
	// Mounts are the container's binds, volumes and the files the engine makes, ready to use.
	Mounts []specs.Mount
	// Network, PID, IPC and UTS say what is shared.
	Network, PID, IPC, UTS Namespace
	// Init is the program on the host that is process 1 and starts Args; "" makes Args process 1.
	Init string
	// Annotations are handed to the runtime.
	Annotations map[string]string
}

// Check returns what is wrong with a configuration on this host as an errs.ErrInvalid, and warnings for what cannot
// be given in full. It needs no root file system.
func (k *Kernel) Check(config *container.Config, h *container.HostConfig) (warnings []string, err error) {
	set, err := capabilities(h.CapAdd, h.CapDrop, h.Privileged)
	if err != nil {
		return nil, err
	}
	if _, missing := k.grant(set); len(missing) > 0 && (h.Privileged || len(h.CapAdd) > 0) {
		warnings = append(warnings, "The daemon itself lacks "+strings.Join(missing, ", ")+"; the container does not get it.")
	}
	_, lowered, err := k.ulimits(h.Ulimits)
	if err != nil {
		return nil, err
	}
	for _, name := range lowered {
		warnings = append(warnings, "The daemon may not raise the limit "+name+" that far; the container gets the daemon's own.")
	}
	if _, _, err := devicesOf(h); err != nil {
		return nil, err
	}
	s, err := parseSecurity(h.SecurityOpt)
	if err == nil {
		err = s.check(k)
	}
	if err == nil {
		err = checkSysctls(h)
	}
	if err == nil && (h.OomScoreAdj < -1000 || h.OomScoreAdj > 1000) {
		err = fmt.Errorf("invalid value %d, range for oom score adj is [-1000, 1000]: %w", h.OomScoreAdj, errs.ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	if h.OomScoreAdj < k.oomScore && h.OomScoreAdj != 0 && !k.raise {
		warnings = append(warnings, "The daemon may not lower the oom score; OomScoreAdj is ignored.")
	}
	return append(warnings, k.missingControllers(h.Resources)...), nil
}

// missingControllers names each limit that is asked for and that the host's cgroups do not have.
func (k *Kernel) missingControllers(r container.Resources) []string {
	var warnings []string
	c := k.Controllers
	for _, limit := range []struct {
		asked, has bool
		what       string
	}{
		{r.Memory > 0, c.Memory, "memory limit capabilities"},
		{r.MemorySwap > 0, c.Swap, "swap limit capabilities"},
		{r.MemoryReservation > 0, c.Memory, "memory soft limit capabilities"},
		{r.MemorySwappiness != nil && *r.MemorySwappiness >= 0, c.Swappiness, "memory swappiness capabilities"},
		{r.OomKillDisable != nil && *r.OomKillDisable, c.OOMKillDisable, "OomKillDisable capabilities"},
		{r.CPUShares > 0, c.CPUShares, "CPU shares"},
		{r.CPUQuota > 0 || r.CPUPeriod > 0 || r.NanoCPUs > 0, c.CPUQuota, "CPU CFS scheduler"},
		{r.CpusetCpus != "" || r.CpusetMems != "", c.Cpuset, "cpuset"},
		{r.PidsLimit != nil && *r.PidsLimit > 0, c.Pids, "pids limit capabilities"},
		{r.BlkioWeight > 0 || len(r.BlkioWeightDevice) > 0, c.BlkioWeight, "Block I/O weight"},
	} {
		if limit.asked && !limit.has {
			warnings = append(warnings, "Your kernel does not support "+limit.what+" or the cgroup is not mounted. Limitation discarded.")
		}
	}
	return warnings
}

// Build makes the specification. Errors that are the caller's are errs.ErrInvalid.
func (k *Kernel) Build(o Options) (*specs.Spec, error) {
	set, err := capabilities(o.Host.CapAdd, o.Host.CapDrop, o.Host.Privileged)
	if err != nil {
		return nil, err
	}
	granted, _ := k.grant(set)
	process, err := k.process(&o, granted)
	if err != nil {
		return nil, err
	}
	mounts, err := o.mounts()
	if err != nil {
		return nil, err
	}
	resources, err := k.Resources(o.Host.Resources)
	if err != nil {
		return nil, err
	}
	nodes, rules, err := devicesOf(o.Host)
	if err != nil {
		return nil, err
	}
	resources.Devices = rules
	masked, readonly := hidden(o.Host)
	out := &specs.Spec{
		Version: specs.Version, Process: process, Root: &specs.Root{Path: o.Rootfs, Readonly: o.Host.ReadonlyRootfs}, Mounts: mounts, Annotations: o.Annotations,
		Linux: &specs.Linux{
			CgroupsPath: o.cgroup(), Devices: nodes, Resources: resources, Namespaces: k.namespaces(&o), MaskedPaths: masked, ReadonlyPaths: readonly,
			RootfsPropagation: propagation(mounts), Sysctl: maps.Clone(o.Host.Sysctls),
		},
	}
	if o.UTS.Path == "" {
		out.Hostname, out.Domainname = o.Hostname, o.Config.Domainname
	}
	s, err := parseSecurity(o.Host.SecurityOpt)
	if err != nil {
		return nil, err
	}
	return out, s.apply(out, k, o.Host)
}

func (k *Kernel) process(o *Options, caps []string) (*specs.Process, error) {
	user, err := ResolveUser(o.Rootfs, o.Config.User, o.Host.GroupAdd)
	if err != nil {
		return nil, err
	}
	user.Umask = o.Host.Umask
	limits, _, err := k.ulimits(o.Host.Ulimits)
	if err != nil {
		return nil, err
	}
	p := &specs.Process{
		Terminal: o.Config.Tty, User: user, Args: o.args(), Env: o.environment(), Cwd: workingDir(o.Config.WorkingDir), Capabilities: linuxCapabilities(caps), Rlimits: limits,
	}
	if size := o.Host.ConsoleSize; o.Config.Tty && size[0] > 0 && size[1] > 0 {
		p.ConsoleSize = &specs.Box{Height: size[0], Width: size[1]}
	}
	if score := o.Host.OomScoreAdj; score != 0 && (score >= k.oomScore || k.raise) {
		p.OOMScoreAdj = &score
	}
	return p, nil
}

// InitPath is where a container has the program that is its process 1, when the engine gives it one.
const InitPath = "/sbin/docker-init"

// args is the command line of process 1.
func (o *Options) args() []string {
	if o.Init == "" {
		return o.Args
	}
	return append([]string{InitPath, "--"}, o.Args...)
}

// environment is PATH, HOSTNAME, TERM on a terminal, the links' and then the container's own, which win.
func (o *Options) environment() []string {
	env := []string{defaultPath}
	if o.Hostname != "" {
		env = append(env, "HOSTNAME="+o.Hostname)
	}
	if o.Config.Tty {
		env = append(env, "TERM=xterm")
	}
	return MergeEnv(MergeEnv(env, o.Env), o.Config.Env)
}

// MergeEnv returns base with over's variables, each name once. A word without "=" takes the variable away.
func MergeEnv(base, over []string) []string {
	out := slices.Clone(base)
	at := make(map[string]int, len(base)+len(over))
	for i, v := range out {
		name, _, _ := strings.Cut(v, "=")
		at[name] = i
	}
	for _, v := range over {
		name, _, set := strings.Cut(v, "=")
		i, known := at[name]
		switch {
		case !set && known:
			out[i] = ""
			delete(at, name)
		case !set:
		case known:
			out[i] = v
		default:
			at[name] = len(out)
			out = append(out, v)
		}
	}
	return slices.DeleteFunc(out, func(v string) bool { return v == "" })
}

func workingDir(dir string) string {
	if dir == "" {
		return "/"
	}
	return path.Join("/", dir)
}

// cgroup is the container's own, or one of the same name, its id, below CgroupParent.
func (o *Options) cgroup() string {
	if o.Host.CgroupParent == "" {
		return o.CgroupsPath
	}
	return path.Join("/", o.Host.CgroupParent, path.Base(o.CgroupsPath))
}

func (k *Kernel) namespaces(o *Options) []specs.LinuxNamespace {
	out := []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	for _, ns := range []struct {
		kind specs.LinuxNamespaceType
		is   Namespace
	}{{specs.NetworkNamespace, o.Network}, {specs.PIDNamespace, o.PID}, {specs.IPCNamespace, o.IPC}, {specs.UTSNamespace, o.UTS}} {
		if !ns.is.host() {
			out = append(out, specs.LinuxNamespace{Type: ns.kind, Path: ns.is.Path})
		}
	}
	mode := o.Host.CgroupnsMode
	if mode == container.CgroupnsModePrivate || (mode == container.CgroupnsModeEmpty && k.Unified && !o.Host.Privileged) {
		out = append(out, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	}
	return out
}

// checkSysctls accepts those that are the container's own: of its network and IPC namespaces.
func checkSysctls(h *container.HostConfig) error {
	ipc := []string{"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"}
	for _, name := range slices.Sorted(maps.Keys(h.Sysctls)) {
		network := strings.HasPrefix(name, "net.")
		switch {
		case network && h.NetworkMode.IsHost():
			return fmt.Errorf("sysctl %q not allowed in host network namespace: %w", name, errs.ErrInvalid)
		case network, strings.HasPrefix(name, "fs.mqueue."), slices.Contains(ipc, name):
			if !network && h.IpcMode.IsHost() {
				return fmt.Errorf("sysctl %q not allowed in host ipc namespace: %w", name, errs.ErrInvalid)
			}
		default:
			return fmt.Errorf("sysctl %q is not separate per namespace, so it cannot be set for a container: %w", name, errs.ErrInvalid)
		}
	}
	return nil
}
