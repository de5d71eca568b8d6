//go:build linux

package spec

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// full is a kernel with everything, and a daemon that lacks what is named.
func full(lacks ...string) *Kernel {
	k := &Kernel{
		Seccomp: true, bounding: map[string]bool{}, raise: !slices.Contains(lacks, "CAP_SYS_RESOURCE"),
		limit: func(int) (uint64, bool) { return 4096, true },
		Controllers: Controllers{Memory: true, Swap: true, Swappiness: true, OOMKillDisable: true, CPUShares: true, CPUQuota: true, Cpuset: true, Pids: true,
			BlkioWeight: true, BlkioThrottle: true, Devices: true},
	}
	for _, c := range knownCapabilities() {
		k.bounding[c] = !slices.Contains(lacks, c)
	}
	return k
}

// image is a root file system with the users given.
func image(t *testing.T, passwd, group string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"passwd": passwd, "group": group} {
		if content == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func options(rootfs string) Options {
	return Options{
		Rootfs: rootfs, CgroupsPath: "/cleat-1/abc", Config: &container.Config{}, Host: &container.HostConfig{}, Args: []string{"true"}, Hostname: "box",
		Network: Namespace{Path: "/run/netns/abc"},
	}
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	all := knownCapabilities()
	tests := map[string]struct {
		add, drop  []string
		privileged bool
		want       []string
		fails      bool
	}{
		"defaults":                {want: defaultCapabilities},
		"one more, any spelling":  {add: []string{"net_admin", "CAP_CHOWN"}, want: append([]string{"CAP_NET_ADMIN"}, defaultCapabilities...)},
		"one less":                {drop: []string{"MKNOD"}, want: without(defaultCapabilities, []string{"CAP_MKNOD"})},
		"all":                     {add: []string{"ALL"}, want: all},
		"all but one":             {add: []string{"all"}, drop: []string{"SYS_ADMIN"}, want: without(all, []string{"CAP_SYS_ADMIN"})},
		"none but one":            {add: []string{"KILL"}, drop: []string{"ALL"}, want: []string{"CAP_KILL"}},
		"none":                    {drop: []string{"ALL"}},
		"privileged ignores drop": {drop: []string{"ALL"}, privileged: true, want: all},
		"unknown":                 {add: []string{"FLY"}, fails: true},
		"unknown to drop":         {drop: []string{"FLY"}, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := capabilities(test.add, test.drop, test.privileged)
			if errors.Is(err, errs.ErrInvalid) != test.fails {
				t.Fatalf("error %v, want one: %v", err, test.fails)
			}
			want := slices.Clone(test.want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

func TestCheckWarnsOfWhatTheDaemonCannotGive(t *testing.T) {
	t.Parallel()
	soft := func(n int64) *container.HostConfig {
		return &container.HostConfig{Resources: container.Resources{Ulimits: []*container.Ulimit{{Name: "nofile", Soft: n, Hard: n}}}}
	}
	tests := map[string]struct {
		kernel *Kernel
		host   *container.HostConfig
		want   string // part of the only warning; "" is none
	}{
		"nothing asked":         {full("CAP_SYS_RESOURCE"), &container.HostConfig{}, ""},
		"a missing capability":  {full("CAP_SYS_RESOURCE"), &container.HostConfig{CapAdd: []string{"SYS_RESOURCE"}}, "CAP_SYS_RESOURCE"},
		"privileged":            {full("CAP_SYS_RESOURCE"), &container.HostConfig{Privileged: true}, "CAP_SYS_RESOURCE"},
		"a limit too high":      {full("CAP_SYS_RESOURCE"), soft(8192), "nofile"},
		"a limit it may raise":  {full(), soft(8192), ""},
		"a limit low enough":    {full("CAP_SYS_RESOURCE"), soft(100), ""},
		"a lower oom score":     {full("CAP_SYS_RESOURCE"), &container.HostConfig{OomScoreAdj: -500}, "oom score"},
		"a controller not here": {&Kernel{limit: full().limit, bounding: full().bounding}, &container.HostConfig{Resources: container.Resources{CPUShares: 2}}, "CPU shares"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.kernel.Check(&container.Config{}, test.host)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
				t.Errorf("warnings %q, want %q", got, test.want)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]*container.HostConfig{
		"capability":            {CapAdd: []string{"FLY"}},
		"limit":                 {Resources: container.Resources{Ulimits: []*container.Ulimit{{Name: "nofiles"}}}},
		"soft above hard":       {Resources: container.Resources{Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 2, Hard: 1}}}},
		"device that is not":    {Resources: container.Resources{Devices: []container.DeviceMapping{{PathOnHost: "/dev/cleat-nothing"}}}},
		"a file as device":      {Resources: container.Resources{Devices: []container.DeviceMapping{{PathOnHost: "/etc/passwd"}}}},
		"relative device":       {Resources: container.Resources{Devices: []container.DeviceMapping{{PathOnHost: "dev/null"}}}},
		"device access":         {Resources: container.Resources{Devices: []container.DeviceMapping{{PathOnHost: "/dev/null", CgroupPermissions: "rwx"}}}},
		"device rule":           {Resources: container.Resources{DeviceCgroupRules: []string{"x 1:3 rwm"}}},
		"security key":          {SecurityOpt: []string{"magic=1"}},
		"security form":         {SecurityOpt: []string{"apparmor"}},
		"apparmor not here":     {SecurityOpt: []string{"apparmor=docker-default"}},
		"selinux not here":      {SecurityOpt: []string{"label=type:svirt_t"}},
		"seccomp profile":       {SecurityOpt: []string{"seccomp={"}},
		"seccomp profile empty": {SecurityOpt: []string{"seccomp={}"}},
		"sysctl of the host":    {Sysctls: map[string]string{"vm.swappiness": "1"}},
		"net sysctl, host net":  {Sysctls: map[string]string{"net.core.somaxconn": "1"}, NetworkMode: "host"},
		"ipc sysctl, host ipc":  {Sysctls: map[string]string{"kernel.shmmax": "1"}, IpcMode: "host"},
		"oom score":             {OomScoreAdj: 2000},
	}
	for name, host := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := full().Check(&container.Config{}, host); !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("got %v, want it refused as invalid", err)
			}
		})
	}
}

func TestResolveUser(t *testing.T) {
	t.Parallel()
	root := image(t, "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home:/bin/sh\n", "root:x:0:\napp:x:1001:\nwheel:x:10:app\ndata:x:50:\n")
	tests := map[string]struct {
		user   string
		groups []string
		want   specs.User
		fails  bool
	}{
		"nobody named":       {want: specs.User{AdditionalGids: []uint32{0}}},
		"name":               {user: "app", want: specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 10}}},
		"number of a user":   {user: "1000", want: specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 10}}},
		"number of nobody":   {user: "4242", want: specs.User{UID: 4242, AdditionalGids: []uint32{0}}},
		"user and group":     {user: "app:data", want: specs.User{UID: 1000, GID: 50, AdditionalGids: []uint32{50}}},
		"numbers":            {user: "7:8", want: specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{8}}},
		"more groups":        {user: "app:app", groups: []string{"data", "99"}, want: specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 50, 99}}},
		"no such user":       {user: "eve", fails: true},
		"no such group":      {user: "app:eve", fails: true},
		"no such more group": {groups: []string{"eve"}, fails: true},
		"out of range":       {user: "99999999999", fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ResolveUser(root, test.user, test.groups)
			if errors.Is(err, errs.ErrInvalid) != test.fails {
				t.Fatalf("error %v, want one: %v", err, test.fails)
			}
			if !test.fails {
				slices.Sort(got.AdditionalGids)
				slices.Sort(test.want.AdditionalGids)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestResolveUserStaysInTheImage(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(outside, []byte("host:x:77:77::/:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"absolute": outside, "relative": strings.Repeat("../", 30) + outside}
	for name, target := range links {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := image(t, "", "")
			if err := os.Symlink(target, filepath.Join(root, "etc", "passwd")); err != nil {
				t.Fatal(err)
			}
			if u, err := ResolveUser(root, "host", nil); err == nil {
				t.Errorf("found %v in a file of the host", u)
			}
		})
	}
	t.Run("a link inside", func(t *testing.T) {
		t.Parallel()
		root := image(t, "", "")
		if err := os.WriteFile(filepath.Join(root, "users"), []byte("in:x:5:5::/:/bin/sh\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/users", filepath.Join(root, "etc", "passwd")); err != nil {
			t.Fatal(err)
		}
		if u, err := ResolveUser(root, "in", nil); err != nil || u.UID != 5 {
			t.Errorf("got %v, %v", u, err)
		}
	})
}

func TestMergeEnv(t *testing.T) {
	t.Parallel()
	got := MergeEnv([]string{"PATH=/bin", "A=1", "B=2"}, []string{"A=3", "C=4", "B", "NEVER"})
	if want := []string{"PATH=/bin", "A=3", "C=4"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBuildDefaults(t *testing.T) {
	t.Parallel()
	o := options(image(t, "root:x:0:0::/root:/bin/sh\n", ""))
	o.Config.Env = []string{"A=1"}
	s, err := full("CAP_MKNOD").Build(o)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(s.Process.Capabilities.Bounding, "CAP_MKNOD") || !slices.Contains(s.Process.Capabilities.Bounding, "CAP_CHOWN") {
		t.Errorf("capabilities %v: want the defaults without what the daemon lacks", s.Process.Capabilities.Bounding)
	}
	if len(s.Process.Capabilities.Inheritable)+len(s.Process.Capabilities.Ambient) > 0 {
		t.Error("inheritable or ambient capabilities")
	}
	if s.Linux.Seccomp == nil || s.Linux.Seccomp.DefaultAction != specs.ActErrno {
		t.Errorf("seccomp %+v: want the default profile", s.Linux.Seccomp)
	}
	if !slices.Contains(s.Linux.MaskedPaths, "/proc/kcore") || !slices.Contains(s.Linux.ReadonlyPaths, "/proc/sys") {
		t.Errorf("masked %v, read-only %v", s.Linux.MaskedPaths, s.Linux.ReadonlyPaths)
	}
	if want := []string{defaultPath, "HOSTNAME=box", "A=1"}; !slices.Equal(s.Process.Env, want) {
		t.Errorf("env %v, want %v", s.Process.Env, want)
	}
	if first := s.Linux.Resources.Devices[0]; first.Allow || first.Access != "rwm" || first.Type != "" {
		t.Errorf("first device rule %+v: want everything denied", first)
	}
	if m := mountAt(s, "/sys"); !slices.Contains(m.Options, "ro") {
		t.Errorf("/sys %v: want it read-only", m)
	}
	if m := mountAt(s, "/dev/shm"); !slices.Contains(m.Options, "size=67108864") {
		t.Errorf("/dev/shm %v: want 64 MiB", m)
	}
}

func TestBuildPrivileged(t *testing.T) {
	t.Parallel()
	o := options(image(t, "", ""))
	o.Host.Privileged = true
	s, err := full("CAP_SYS_RESOURCE").Build(o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Linux.Seccomp != nil || s.Linux.MaskedPaths != nil || s.Linux.ReadonlyPaths != nil || !slices.Contains(mountAt(s, "/sys").Options, "rw") {
		t.Errorf("a privileged container is confined: %+v", s.Linux)
	}
	if !slices.Contains(s.Process.Capabilities.Effective, "CAP_SYS_ADMIN") || slices.Contains(s.Process.Capabilities.Effective, "CAP_SYS_RESOURCE") {
		t.Errorf("capabilities %v: want all the daemon has", s.Process.Capabilities.Effective)
	}
	if !s.Linux.Resources.Devices[0].Allow {
		t.Errorf("device rules %+v", s.Linux.Resources.Devices)
	}
}

func TestBuildNamespaces(t *testing.T) {
	t.Parallel()
	o := options(image(t, "", ""))
	o.Network, o.PID, o.IPC, o.UTS = Namespace{Path: HostNamespace}, Namespace{Path: "/proc/7/ns/pid"}, Namespace{Path: "/proc/7/ns/ipc", Shm: "/proc/7/root/dev/shm"}, Namespace{Path: HostNamespace}
	s, err := full().Build(o)
	if err != nil {
		t.Fatal(err)
	}
	want := []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.PIDNamespace, Path: "/proc/7/ns/pid"}, {Type: specs.IPCNamespace, Path: "/proc/7/ns/ipc"}}
	if diff := cmp.Diff(want, s.Linux.Namespaces); diff != "" {
		t.Error(diff)
	}
	if s.Hostname != "" {
		t.Errorf("hostname %q set in the host's namespace", s.Hostname)
	}
	if m := mountAt(s, "/dev/shm"); m.Source != "/proc/7/root/dev/shm" {
		t.Errorf("/dev/shm %v: want that of the joined container", m)
	}
	o.IPC, o.Host.IpcMode = Namespace{}, "none"
	if s, err = full().Build(o); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/dev/shm" }) {
		t.Errorf("a container without IPC has /dev/shm: %v", s.Mounts)
	}
}

func TestBuildMounts(t *testing.T) {
	t.Parallel()
	o := options(image(t, "", ""))
	o.Mounts = []specs.Mount{
		{Destination: "/data/deep/er", Type: "bind", Source: "/b"},
		{Destination: "/data/", Type: "bind", Source: "/a", Options: []string{"rbind", "rslave"}},
		{Destination: "/dev/shm", Type: "bind", Source: "/mine"},
	}
	o.Host.Tmpfs = map[string]string{"/run": "size=1m"}
	s, err := full().Build(o)
	if err != nil {
		t.Fatal(err)
	}
	index := func(d string) int {
		return slices.IndexFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == d })
	}
	if index("/data") < 0 || index("/data") > index("/data/deep/er") {
		t.Errorf("a child is mounted before its parent: %v", s.Mounts)
	}
	if m := mountAt(s, "/dev/shm"); m.Source != "/mine" {
		t.Errorf("/dev/shm %v: want the container's own mount", m)
	}
	if s.Linux.RootfsPropagation != "rslave" || !slices.Contains(mountAt(s, "/run").Options, "size=1m") {
		t.Errorf("propagation %q, /run %v", s.Linux.RootfsPropagation, mountAt(s, "/run"))
	}
	o.Host.Tmpfs = map[string]string{"run": ""}
	if _, err := full().Build(o); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("relative tmpfs: %v", err)
	}
}

func TestResources(t *testing.T) {
	t.Parallel()
	pids := int64(0)
	r := container.Resources{Memory: 64 << 20, NanoCPUs: 1_500_000_000, CPUShares: 512, CpusetCpus: "0", PidsLimit: &pids}
	got, err := full().Resources(r)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Memory.Limit != 64<<20 || *got.Memory.Swap != 128<<20 || *got.CPU.Quota != 150_000 || *got.CPU.Period != 100_000 || *got.CPU.Shares != 512 || got.CPU.Cpus != "0" || *got.Pids.Limit != -1 {
		t.Errorf("got %+v %+v %+v", got.Memory, got.CPU, got.Pids)
	}
	none, err := (&Kernel{}).Resources(r)
	if err != nil {
		t.Fatal(err)
	}
	if none.Memory != nil || none.Pids != nil || none.CPU.Shares != nil || none.CPU.Quota != nil || none.CPU.Cpus != "" {
		t.Errorf("limits without controllers: %+v", none)
	}
	if n := rlimitValue(-1); n != math.MaxUint64 {
		t.Errorf("unlimited is %d", n)
	}
}

func TestSeccompProfile(t *testing.T) {
	t.Parallel()
	text := `{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"` + string(nativeArch()) + `","subArchitectures":["SCMP_ARCH_X86"]}],
	"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},{"name":"write","action":"SCMP_ACT_ALLOW"},
	{"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},{"names":["chroot"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]}},
	{"names":["later"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"99.0"}},{"names":["sooner"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"3.0"}}]}`
	p, err := parseProfile(text)
	if err != nil {
		t.Fatal(err)
	}
	names := func(caps ...string) (all []string) {
		for _, call := range p.linux(caps).Syscalls {
			all = append(all, call.Names...)
		}
		return all
	}
	if got, want := names("CAP_SYS_ADMIN"), []string{"read", "write", "mount", "sooner"}; !slices.Equal(got, want) {
		t.Errorf("with the capability %v, want %v", got, want)
	}
	if got, want := names(), []string{"read", "write", "chroot", "sooner"}; !slices.Equal(got, want) {
		t.Errorf("without it %v, want %v", got, want)
	}
	if got := p.linux(nil).Architectures; len(got) != 2 || got[0] != nativeArch() {
		t.Errorf("architectures %v", got)
	}
}

func TestExecProcess(t *testing.T) {
	t.Parallel()
	root := image(t, "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n", "")
	o := options(root)
	o.Config.Env, o.Config.WorkingDir = []string{"A=1"}, "/srv"
	s, err := full().Build(o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := full().ExecProcess(s, root, Exec{Args: []string{"id"}, Env: []string{"A=2"}, User: "app", Tty: true, Privileged: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.User.UID != 1000 || p.Cwd != "/srv" || !slices.Contains(p.Env, "A=2") || !slices.Contains(p.Env, "TERM=xterm") || !p.Terminal || !slices.Contains(p.Capabilities.Effective, "CAP_SYS_ADMIN") {
		t.Errorf("got %+v", p)
	}
	if s.Process.User.UID != 0 || s.Process.Terminal || slices.Contains(s.Process.Env, "A=2") {
		t.Errorf("the container's own process was changed: %+v", s.Process)
	}
}

func mountAt(s *specs.Spec, destination string) specs.Mount {
	for _, m := range s.Mounts {
		if m.Destination == destination {
			return m
		}
	}
	return specs.Mount{}
}

func FuzzParseProfile(f *testing.F) {
	f.Add(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"x","includes":{"minKernel":"4.8"}}]}`)
	f.Add(`{"defaultAction":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseProfile(text)
		if err != nil {
			if !errors.Is(err, errs.ErrInvalid) {
				t.Fatalf("%v is not invalid", err)
			}
			return
		}
		p.linux([]string{"CAP_SYS_ADMIN"})
	})
}

func FuzzParseSecurity(f *testing.F) {
	f.Add("label:disable")
	f.Add("no-new-privileges=false")
	f.Fuzz(func(t *testing.T, option string) {
		if _, err := parseSecurity([]string{option}); err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Fatalf("%v is not invalid", err)
		}
	})
}
