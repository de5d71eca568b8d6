//go:build linux

package system

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/system"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// Config is what a service is made of.
type Config struct {
	// DB keeps the daemon's identity. Required.
	DB *metadata.DB
	// Bus is where events come from. Required.
	Bus *event.Bus
	// Kernel is what this host allows. Required.
	Kernel *spec.Kernel
	// Containers counts containers by state; nil: there are none.
	Containers func() (running, paused, stopped int)
	// Images counts images; nil: there are none.
	Images func(ctx context.Context) (int, error)
	// Storage names the storage driver and what is worth knowing of it; nil: nothing is.
	Storage func() (driver string, status [][2]string)
	// Stores are what [Service.DiskUsage] counts. Required for that alone.
	Stores Stores

	// DataRoot is shown as DockerRootDir.
	DataRoot string
	// Debug says that the log has the level debug.
	Debug bool
	// Labels of the daemon.
	Labels []string
	// Pools are where subnets come from that nobody chose.
	Pools []system.NetworkAddressPool
	// Mirrors of docker.io, and registries that may be insecure: HOST[:PORT] or CIDR.
	Mirrors, InsecureRegistries []string
	// Version and Commit of the product.
	Version, Commit string
	// APIVersion and MinAPIVersion are those the server speaks.
	APIVersion, MinAPIVersion string
	// Log hears what of the host cannot be found out.
	Log hclog.Logger
}

// Service answers. Its methods may be called from any goroutine.
type Service struct {
	cfg  Config
	id   string
	host host
}

// New finds out what does not change while the daemon runs. The first time it gives the daemon an identity.
func New(cfg Config) (*Service, error) {
	table, err := metadata.NewTable[string](cfg.DB, "daemon")
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	id, err := table.Get("id")
	if errors.Is(err, errs.ErrNotFound) {
		id = newID()
		err = table.Put("id", id)
	}
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	return &Service{cfg: cfg, id: id, host: inspectHost(cfg.Kernel.Controllers, cfg.Log)}, nil
}

// newID is 240 random bits in the form engines have always had: 12 groups of 4 letters.
func newID() string {
	raw := make([]byte, 30)
	_, _ = rand.Read(raw) // never fails
	text := base32.StdEncoding.EncodeToString(raw)
	groups := make([]string, 0, 12)
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:i+4])
	}
	return strings.Join(groups, ":")
}

// Info is the answer of GET /info.
func (s *Service) Info(ctx context.Context) (system.Info, error) {
	info := s.fixed()
	if s.cfg.Containers != nil {
		info.ContainersRunning, info.ContainersPaused, info.ContainersStopped = s.cfg.Containers()
		info.Containers = info.ContainersRunning + info.ContainersPaused + info.ContainersStopped
	}
	if s.cfg.Images != nil {
		n, err := s.cfg.Images(ctx)
		if err != nil {
			return info, fmt.Errorf("count images: %w", err)
		}
		info.Images = n
	}
	if s.cfg.Storage != nil {
		info.Driver, info.DriverStatus = s.cfg.Storage()
	}
	if info.DriverStatus == nil {
		info.DriverStatus = [][2]string{}
	}
	forward, _ := os.ReadFile("/proc/sys/net/ipv4/ip_forward") // unreadable: off
	info.IPv4Forwarding = strings.TrimSpace(string(forward)) == "1"
	if !info.IPv4Forwarding {
		info.Warnings = append(info.Warnings, "WARNING: IPv4 forwarding is disabled")
	}
	if name, err := os.Hostname(); err == nil {
		info.Name = name
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		info.NFd = len(open) - 1 // less the one that reads the folder
	}
	info.NGoroutines = runtime.NumGoroutine()
	info.NEventsListener = s.cfg.Bus.Subscribers()
	info.SystemTime = time.Now().Format(time.RFC3339Nano)
	return info, nil
}

// fixed is the part of Info that does not change.
func (s *Service) fixed() system.Info {
	h, limits, cgroupVersion := s.host, s.cfg.Kernel.Controllers, "1"
	if s.cfg.Kernel.Unified {
		cgroupVersion = "2"
	}
	return system.Info{
		ID: s.id,
		Plugins: system.PluginsInfo{
			Volume: []string{"local"}, Network: []string{"bridge", "host", "null"}, Authorization: []string{},
			Log: []string{"journald", "json-file", "none", "syslog"},
		},
		MemoryLimit: limits.Memory, SwapLimit: limits.Swap, CPUCfsPeriod: limits.CPUQuota, CPUCfsQuota: limits.CPUQuota, CPUShares: limits.CPUShares,
		CPUSet: limits.Cpuset, PidsLimit: limits.Pids, OomKillDisable: limits.OOMKillDisable, Debug: s.cfg.Debug,
		LoggingDriver: "json-file", CgroupDriver: "cgroupfs", CgroupVersion: cgroupVersion,
		KernelVersion: h.kernel, OperatingSystem: h.name, OSVersion: h.release, OSType: "linux", Architecture: h.machine,
		IndexServerAddress: "https://index.docker.io/v1/", RegistryConfig: s.registries(),
		NCPU: runtime.NumCPU(), MemTotal: h.memTotal, GenericResources: []swarm.GenericResource{}, DockerRootDir: s.cfg.DataRoot,
		HTTPProxy: proxy("HTTP_PROXY"), HTTPSProxy: proxy("HTTPS_PROXY"), NoProxy: environment("NO_PROXY"),
		Labels: append([]string{}, s.cfg.Labels...), ServerVersion: s.cfg.Version,
		Runtimes: map[string]system.RuntimeWithStatus{"runc": {}}, DefaultRuntime: "runc",
		Swarm:              swarm.Info{LocalNodeState: swarm.LocalNodeStateInactive},
		LiveRestoreEnabled: true, // containers go on without the daemon
		ContainerdCommit:   system.Commit{ID: library("github.com/containerd/containerd/v2")},
		RuncCommit:         system.Commit{ID: library("github.com/opencontainers/runc")},
		InitBinary:         "docker-init", InitCommit: system.Commit{ID: s.cfg.Commit},
		SecurityOptions: append([]string{}, securityOptions(s.cfg.Kernel)...), DefaultAddressPools: s.cfg.Pools, CDISpecDirs: []string{},
		Warnings: append([]string{}, h.warnings...),
	}
}

// registries is what info says of registries: docker.io, and those that may be insecure.
func (s *Service) registries() *registry.ServiceConfig {
	mirrors := append([]string{}, s.cfg.Mirrors...)
	c := &registry.ServiceConfig{
		InsecureRegistryCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		IndexConfigs:          map[string]*registry.IndexInfo{"docker.io": {Name: "docker.io", Mirrors: mirrors, Secure: true, Official: true}},
		Mirrors:               mirrors,
	}
	for _, r := range s.cfg.InsecureRegistries {
		if p, err := netip.ParsePrefix(r); err == nil {
			if slices.Contains(c.InsecureRegistryCIDRs, p) {
				continue
			}
			c.InsecureRegistryCIDRs = append(c.InsecureRegistryCIDRs, p)
		} else {
			c.IndexConfigs[r] = &registry.IndexInfo{Name: r, Mirrors: []string{}}
		}
	}
	return c
}

// Version is the answer of GET /version.
func (s *Service) Version(context.Context) (system.VersionResponse, error) {
	v := system.VersionResponse{
		Platform: system.PlatformInfo{Name: "cleat"},
		Version:  s.cfg.Version, APIVersion: s.cfg.APIVersion, MinAPIVersion: s.cfg.MinAPIVersion,
		Os: runtime.GOOS, Arch: runtime.GOARCH, GitCommit: s.cfg.Commit, GoVersion: runtime.Version(), KernelVersion: s.host.kernel,
		BuildTime: buildTime(),
	}
	components := []system.ComponentVersion{
		{Name: "Engine", Version: v.Version, Details: map[string]string{
			"ApiVersion": v.APIVersion, "MinAPIVersion": v.MinAPIVersion, "Os": v.Os, "Arch": v.Arch, "GitCommit": v.GitCommit,
			"GoVersion": v.GoVersion, "KernelVersion": v.KernelVersion, "BuildTime": v.BuildTime, "Experimental": "false",
		}},
		{Name: "containerd", Version: library("github.com/containerd/containerd/v2"), Details: map[string]string{"Form": "library"}},
		{Name: "runc", Version: library("github.com/opencontainers/runc"), Details: map[string]string{"Form": "library"}},
	}
	// A library only the helpers are built with has no version here.
	v.Components = slices.DeleteFunc(components, func(c system.ComponentVersion) bool { return c.Version == "" })
	return v, nil
}
