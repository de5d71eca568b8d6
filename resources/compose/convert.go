package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
)

// replica is one container a service is to have.
type replica struct {
	p      *types.Project
	s      types.ServiceConfig
	number int
	// shared are the ids of the first containers of the services whose namespaces or volumes it takes.
	shared map[string]string
	// inherited are the anonymous volumes of the container it replaces: their names by path.
	inherited map[string]string
	// several: the engine takes all networks at creation (API 1.44).
	several bool
}

// later is a network a container is connected to after it was created.
type later struct {
	network  string
	endpoint *network.EndpointSettings
}

// options returns the create call for a container, and the networks it leaves out.
func (r replica) options() (moby.ContainerCreateOptions, []later, error) {
	config, err := r.config()
	if err != nil {
		return moby.ContainerCreateOptions{}, nil, err
	}
	host, err := r.host()
	if err != nil {
		return moby.ContainerCreateOptions{}, nil, err
	}
	o := moby.ContainerCreateOptions{Name: composefile.ContainerName(r.p, r.s, r.number), Config: config, HostConfig: host}
	if r.s.Platform != "" {
		parts := append(strings.SplitN(r.s.Platform, "/", 3), "", "")
		o.Platform = &ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
	}
	endpoints, rest, err := r.attach(host)
	if err != nil {
		return o, nil, err
	}
	if len(endpoints) > 0 {
		o.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: endpoints}
	}
	return o, rest, nil
}

func (r replica) config() (*container.Config, error) {
	s := r.s
	c := &container.Config{
		Hostname: s.Hostname, Domainname: s.DomainName, User: s.User, WorkingDir: s.WorkingDir, Tty: s.Tty, OpenStdin: s.StdinOpen,
		Cmd: s.Command, Entrypoint: s.Entrypoint, Image: composefile.ImageName(r.p, s), StopSignal: s.StopSignal,
		NetworkDisabled: s.NetworkMode == "disabled", Healthcheck: healthcheck(s.HealthCheck),
	}
	for _, name := range sorted(s.Environment) {
		if value := s.Environment[name]; value != nil {
			c.Env = append(c.Env, name+"="+*value)
		} else {
			c.Env = append(c.Env, name) // without a value it is taken away from what the image has
		}
	}
	if s.StopGracePeriod != nil {
		c.StopTimeout = new(int(time.Duration(*s.StopGracePeriod).Seconds()))
	}
	var err error
	if c.ExposedPorts, err = exposed(s); err != nil {
		return nil, err
	}
	c.Labels, err = r.labels()
	return c, err
}

// labels are the service's own and those of docker compose.
func (r replica) labels() (map[string]string, error) {
	mark, err := composefile.MarkOf(r.p, r.s)
	if err != nil {
		return nil, err
	}
	var needs []string
	for _, name := range sorted(r.s.DependsOn) {
		d := r.s.DependsOn[name]
		needs = append(needs, fmt.Sprintf("%s:%s:%t", name, d.Condition, d.Restart))
	}
	all := map[string]string{}
	for name, value := range r.s.Labels {
		all[name] = value
	}
	for name, value := range map[string]string{
		labelProject: r.p.Name, labelService: r.s.Name, labelNumber: strconv.Itoa(r.number), labelOneoff: "False",
		labelHash: mark.Config, labelDirectory: r.p.WorkingDir, labelFiles: strings.Join(r.p.ComposeFiles, ","),
		labelDependsOn: strings.Join(needs, ","), labelVersion: labelVersionText,
	} {
		all[name] = value
	}
	if mark.Content != "" {
		all[labelContent] = mark.Content
	}
	if composefile.MayEnd(r.p, r.s.Name) {
		all[labelMayEnd] = "true"
	}
	return all, nil
}

func healthcheck(h *types.HealthCheckConfig) *container.HealthConfig {
	if h == nil {
		return nil
	}
	if h.Disable {
		return &container.HealthConfig{Test: []string{"NONE"}}
	}
	c := &container.HealthConfig{Test: h.Test}
	for _, d := range []struct {
		from *types.Duration
		to   *time.Duration
	}{{h.Interval, &c.Interval}, {h.Timeout, &c.Timeout}, {h.StartPeriod, &c.StartPeriod}, {h.StartInterval, &c.StartInterval}} {
		if d.from != nil {
			*d.to = time.Duration(*d.from)
		}
	}
	if h.Retries != nil {
		c.Retries = int(*h.Retries)
	}
	return c
}

// exposed are the ports of expose, which may be ranges, and those that are published.
func exposed(s types.ServiceConfig) (network.PortSet, error) {
	all := network.PortSet{}
	for i, p := range s.Ports {
		port, err := network.ParsePort(fmt.Sprintf("%d/%s", p.Target, p.Protocol))
		if err != nil {
			return nil, at(s, fmt.Sprintf("ports[%d]", i), err)
		}
		all[port] = struct{}{}
	}
	for i, text := range s.Expose {
		ports, err := network.ParsePortRange(text)
		if err != nil {
			return nil, at(s, fmt.Sprintf("expose[%d]", i), err)
		}
		for port := range ports.All() {
			all[port] = struct{}{}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

func (r replica) host() (*container.HostConfig, error) {
	s := r.s
	h := &container.HostConfig{
		Annotations: s.Annotations, CapAdd: s.CapAdd, CapDrop: s.CapDrop, Init: s.Init, ReadonlyRootfs: s.ReadOnly, Privileged: s.Privileged,
		IpcMode: container.IpcMode(r.namespace(s.Ipc)), PidMode: container.PidMode(r.namespace(s.Pid)),
		NetworkMode:  container.NetworkMode(r.namespace(s.NetworkMode)),
		CgroupnsMode: container.CgroupnsMode(s.Cgroup), UsernsMode: container.UsernsMode(s.UserNSMode), UTSMode: container.UTSMode(s.Uts),
		RestartPolicy: restart(s), ShmSize: int64(s.ShmSize), Sysctls: s.Sysctls, VolumeDriver: s.VolumeDriver,
		DNSSearch: s.DNSSearch, DNSOptions: s.DNSOpts, ExtraHosts: s.ExtraHosts.AsList(":"), StorageOpt: s.StorageOpt,
		Isolation: container.Isolation(s.Isolation), Runtime: s.Runtime, GroupAdd: s.GroupAdd, OomScoreAdj: int(s.OomScoreAdj),
	}
	slices.Sort(h.ExtraHosts)
	if s.Logging != nil {
		h.LogConfig = container.LogConfig{Type: s.Logging.Driver, Config: s.Logging.Options}
	}
	for i, text := range s.DNS {
		ip, err := address(text)
		if err != nil {
			return nil, at(s, fmt.Sprintf("dns[%d]", i), err)
		}
		h.DNS = append(h.DNS, ip)
	}
	for _, from := range s.VolumesFrom {
		h.VolumesFrom = append(h.VolumesFrom, r.volumesFrom(from))
	}
	for _, text := range s.Tmpfs {
		if h.Tmpfs == nil {
			h.Tmpfs = map[string]string{}
		}
		path, options, _ := strings.Cut(text, ":")
		h.Tmpfs[path] = options
	}
	var err error
	if h.PortBindings, err = published(s); err != nil {
		return nil, err
	}
	if err := r.security(h); err != nil {
		return nil, err
	}
	h.Resources = resources(s)
	return h, r.storage(h)
}

// namespace resolves service:NAME, of a mode, to the container that has it.
func (r replica) namespace(mode string) string {
	if name, ok := strings.CutPrefix(mode, types.ServicePrefix); ok {
		return types.ContainerPrefix + r.shared[name]
	}
	return mode
}

// volumesFrom resolves [container:]NAME[:ro].
func (r replica) volumesFrom(from string) string {
	if name, ok := strings.CutPrefix(from, types.ContainerPrefix); ok {
		return name
	}
	name, mode, _ := strings.Cut(from, ":")
	id := r.shared[name]
	if mode != "" {
		id += ":" + mode
	}
	return id
}

// shares are the services whose containers one of this service names.
func shares(s types.ServiceConfig) []string {
	var all []string
	for _, mode := range []string{s.NetworkMode, s.Ipc, s.Pid} {
		if name, ok := strings.CutPrefix(mode, types.ServicePrefix); ok {
			all = append(all, name)
		}
	}
	for _, from := range s.VolumesFrom {
		if !strings.HasPrefix(from, types.ContainerPrefix) {
			name, _, _ := strings.Cut(from, ":")
			all = append(all, name)
		}
	}
	return all
}

// security passes a seccomp profile by its content: the engine may be on another host.
func (r replica) security(h *container.HostConfig) error {
	for i, opt := range r.s.SecurityOpt {
		if opt == "systempaths=unconfined" {
			h.MaskedPaths, h.ReadonlyPaths = []string{}, []string{}
			continue
		}
		key, value, found := strings.Cut(opt, "=")
		if !found {
			key, value, _ = strings.Cut(opt, ":")
		}
		if key == "seccomp" && value != "unconfined" && value != "builtin" {
			path := fmt.Sprintf("security_opt[%d]", i)
			raw, err := os.ReadFile(r.p.RelativePath(value))
			if err != nil {
				return at(r.s, path, err)
			}
			var profile json.RawMessage
			if err := json.Unmarshal(raw, &profile); err != nil {
				return at(r.s, path, fmt.Errorf("%s: %w", value, err))
			}
			compact, err := json.Marshal(profile)
			if err != nil {
				return at(r.s, path, err)
			}
			opt = "seccomp=" + string(compact)
		}
		h.SecurityOpt = append(h.SecurityOpt, opt)
	}
	return nil
}

// restart is the policy of a service; deploy comes before restart.
func restart(s types.ServiceConfig) container.RestartPolicy {
	name, attempts, _ := strings.Cut(s.Restart, ":")
	count, _ := strconv.Atoi(attempts)
	if s.Deploy != nil && s.Deploy.RestartPolicy != nil {
		policy := s.Deploy.RestartPolicy
		name, count = policy.Condition, 0
		if policy.MaxAttempts != nil {
			count = int(*policy.MaxAttempts)
		}
	}
	switch name {
	case "none":
		name = types.RestartPolicyNo
	case "any":
		name = types.RestartPolicyAlways
	}
	if name != types.RestartPolicyOnFailure {
		count = 0 // engines refuse it elsewhere
	}
	return container.RestartPolicy{Name: container.RestartPolicyMode(name), MaximumRetryCount: count}
}

func published(s types.ServiceConfig) (network.PortMap, error) {
	if len(s.Ports) == 0 {
		return nil, nil
	}
	all := network.PortMap{}
	for i, p := range s.Ports {
		port, err := network.ParsePort(fmt.Sprintf("%d/%s", p.Target, p.Protocol))
		if err != nil {
			return nil, at(s, fmt.Sprintf("ports[%d]", i), err)
		}
		b := network.PortBinding{HostPort: p.Published}
		if p.HostIP != "" {
			if b.HostIP, err = address(p.HostIP); err != nil {
				return nil, at(s, fmt.Sprintf("ports[%d].host_ip", i), err)
			}
		}
		all[port] = append(all[port], b)
	}
	return all, nil
}

// at is an error about a key of a service.
func at(s types.ServiceConfig, key string, err error) error {
	return errs.Errorf(errs.ErrInvalid, "services.%s.%s: %v", s.Name, key, err)
}
