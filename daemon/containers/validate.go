//go:build linux

package containers

import (
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/sys/signal"
)

// maxHostname is the kernel's limit.
const maxHostname = 64

// validConfig checks what a client says of the program. The image's part was checked when it became an image.
func validConfig(c *container.Config) error {
	if c.WorkingDir != "" && !path.IsAbs(c.WorkingDir) {
		return invalid("the working directory '%s' is invalid, it needs to be an absolute path", c.WorkingDir)
	}
	for _, v := range c.Env {
		if name, _, _ := strings.Cut(v, "="); name == "" || strings.ContainsRune(v, 0) {
			return invalid("invalid environment variable: %q: want NAME=VALUE", v)
		}
	}
	for _, word := range slices.Concat(c.Entrypoint, c.Cmd) {
		if strings.ContainsRune(word, 0) {
			return invalid("invalid Cmd: %q holds a NUL byte", word)
		}
	}
	for field, name := range map[string]string{"Hostname": c.Hostname, "Domainname": c.Domainname} {
		if len(name) > maxHostname || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' }) {
			return invalid("invalid %s: %q: want at most %d characters, and no blanks or slashes", field, name, maxHostname)
		}
	}
	if c.StopSignal != "" {
		if _, err := signal.ParseSignal(c.StopSignal); err != nil {
			return invalid("Invalid StopSignal: %v", err)
		}
	}
	for destination := range c.Volumes {
		if !path.IsAbs(destination) || path.Clean(destination) == "/" {
			return invalid("invalid volume specification: '%s': want an absolute path that is not '/'", destination)
		}
	}
	return validHealth(c.Healthcheck)
}

func validHealth(h *container.HealthConfig) error {
	if h == nil {
		return nil
	}
	for field, d := range map[string]time.Duration{"Interval": h.Interval, "Timeout": h.Timeout, "StartPeriod": h.StartPeriod, "StartInterval": h.StartInterval} {
		if d != 0 && d < container.MinimumDuration {
			return invalid("%s in Healthcheck cannot be less than %s", field, container.MinimumDuration)
		}
	}
	if h.Retries < 0 {
		return invalid("Retries in Healthcheck cannot be negative")
	}
	return nil
}

// validHost checks a host configuration by itself and against the program's. It is called with defaults filled in.
func validHost(c *container.Config, h *container.HostConfig, endpoints map[string]*network.EndpointSettings) error {
	for _, check := range []func() error{
		func() error { return validPolicy(h) },
		func() error { return validModes(c, h) },
		func() error { return validNetwork(c, h, endpoints) },
		func() error { return validPorts(h) },
		func() error { return validResources(&h.Resources) },
		func() error { return validNames(h) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func validPolicy(h *container.HostConfig) error {
	if h.AutoRemove && !h.RestartPolicy.IsNone() {
		return invalid("can't create 'AutoRemove' container with restart policy")
	}
	return restartPolicy(h.RestartPolicy)
}

// restartPolicy checks a policy as create and update take it.
func restartPolicy(p container.RestartPolicy) error {
	if err := container.ValidateRestartPolicy(p); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// validModes checks the namespaces that may be shared.
func validModes(c *container.Config, h *container.HostConfig) error {
	switch {
	case !h.PidMode.Valid():
		return invalid("invalid PID mode: %s", h.PidMode)
	case !h.IpcMode.Valid() || (h.IpcMode.IsContainer() && h.IpcMode.Container() == ""):
		return invalid("invalid IPC mode: %s", h.IpcMode)
	case !h.UTSMode.Valid():
		return invalid("invalid UTS mode: %s", h.UTSMode)
	case !h.UsernsMode.Valid():
		return invalid("invalid user namespace mode: %s", h.UsernsMode)
	case !h.CgroupnsMode.Valid():
		return invalid("invalid cgroup namespace mode: %s", h.CgroupnsMode)
	case !h.Isolation.IsValid():
		return invalid("invalid isolation '%s': only 'default' is supported on Linux", h.Isolation)
	case h.UTSMode.IsHost() && c.Hostname != "":
		return invalid("conflicting options: hostname and the UTS mode")
	case h.ShmSize < 0:
		return invalid("SHM size can not be less than 0")
	case h.Runtime != "" && !slices.Contains([]string{"cleat", runtimeName, "io.containerd.runc.v2"}, h.Runtime): // names of the one there is
		return invalid("unknown or invalid runtime name: %s", h.Runtime)
	case len(h.StorageOpt) > 0: // the text of an engine that cannot either
		return invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
	}
	return nil
}

// validNetwork checks the network mode against what only some modes can have.
func validNetwork(c *container.Config, h *container.HostConfig, endpoints map[string]*network.EndpointSettings) error {
	mode := h.NetworkMode
	if mode.IsContainer() && mode.ConnectedContainer() == "" {
		return invalid("Invalid network mode: %q: invalid container format container:<name|id>", mode)
	}
	hasMAC := slices.ContainsFunc(mapValues(endpoints), func(e *network.EndpointSettings) bool { return e != nil && len(e.MacAddress) > 0 })
	shared := "container type network can't be used with links. This would result in undefined behavior"
	switch {
	case mode.IsHost() && len(h.Links) > 0:
		return invalid("conflicting options: host type networking can't be used with links. This would result in undefined behavior")
	case (mode.IsHost() || mode.IsContainer()) && hasMAC:
		return invalid("conflicting options: mac-address and the network mode")
	case !mode.IsContainer():
		return validEndpoints(mode, endpoints)
	case c.Hostname != "":
		return invalid("conflicting options: hostname and the network mode")
	case len(h.Links) > 0:
		return invalid("conflicting options: %s", shared)
	case len(h.DNS) > 0:
		return invalid("conflicting options: dns and the network mode")
	case len(h.ExtraHosts) > 0:
		return invalid("conflicting options: custom host-to-IP mapping and the network mode")
	case len(h.PortBindings) > 0 || h.PublishAllPorts:
		return invalid("conflicting options: port publishing and the container type network mode")
	case len(c.ExposedPorts) > 0:
		return invalid("conflicting options: port exposing and the container type network mode")
	}
	return validEndpoints(mode, endpoints)
}

func validEndpoints(mode container.NetworkMode, endpoints map[string]*network.EndpointSettings) error {
	for name, e := range endpoints {
		private := name != network.NetworkHost && name != network.NetworkNone && name != "container"
		switch {
		case !private && len(endpoints) > 1:
			return invalid("conflicting options: cannot attach both %s and another network", name)
		case mode.IsContainer():
			return invalid("conflicting options: NetworkingConfig and the network mode")
		case e == nil || e.IPAMConfig == nil:
			continue
		case e.IPAMConfig.IPv4Address.IsValid() && !e.IPAMConfig.IPv4Address.Is4():
			return invalid("invalid IPv4 address of network %s: %s", name, e.IPAMConfig.IPv4Address)
		case e.IPAMConfig.IPv6Address.IsValid() && !e.IPAMConfig.IPv6Address.Is6():
			return invalid("invalid IPv6 address of network %s: %s", name, e.IPAMConfig.IPv6Address)
		}
	}
	return nil
}

// validPorts checks published ports. Numbers of container ports were checked when the body was read.
func validPorts(h *container.HostConfig) error {
	for port, bindings := range h.PortBindings {
		if !port.IsValid() || port.Num() == 0 {
			return invalid("invalid port specification: %q", port)
		}
		if p := port.Proto(); p != network.TCP && p != network.UDP && p != network.SCTP {
			return invalid("invalid port specification: %q: protocol %s cannot be published, only tcp, udp and sctp", port, p)
		}
		for _, b := range bindings {
			if _, err := hostPorts(b.HostPort); err != nil {
				return invalid("invalid port specification: %q: host port %q: want a number or a range", port, b.HostPort)
			}
			if b.HostIP.IsValid() && b.HostIP.Zone() != "" {
				return invalid("invalid port specification: %q: host address %s has a zone", port, b.HostIP)
			}
		}
	}
	return nil
}

// hostPorts reads a host port: "" and "0" are any, "8000-8010" the first free one.
func hostPorts(text string) (network.PortRange, error) {
	if text == "" {
		text = "0"
	}
	return network.ParsePortRange(text)
}

// validNames checks what ends up in files of the container.
func validNames(h *container.HostConfig) error {
	for _, entry := range h.ExtraHosts {
		name, address, ok := cutHost(entry)
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' }) {
			return invalid("bad format for add-host: %q", entry)
		}
		if _, err := netip.ParseAddr(address); err != nil && address != hostGateway {
			return invalid("invalid IP address in add-host: %q", address)
		}
	}
	for field, list := range map[string][]string{"DnsSearch": h.DNSSearch, "DnsOptions": h.DNSOptions} {
		for _, word := range list {
			if strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' }) {
				return invalid("invalid %s: %q holds blanks", field, word)
			}
		}
	}
	for _, d := range h.Devices {
		if !path.IsAbs(d.PathOnHost) || (d.PathInContainer != "" && !path.IsAbs(d.PathInContainer)) {
			return invalid("invalid device: %q to %q: want absolute paths", d.PathOnHost, d.PathInContainer)
		}
		if strings.Trim(d.CgroupPermissions, "rwm") != "" {
			return invalid("invalid device permissions: %q of %s: want letters of rwm", d.CgroupPermissions, d.PathOnHost)
		}
	}
	return nil
}

// hostGateway stands for the host's address in ExtraHosts.
const hostGateway = "host-gateway"

// cutHost splits "name:address", or "name=address" as later clients write it.
func cutHost(entry string) (name, address string, ok bool) {
	at := strings.IndexAny(entry, ":=")
	if at < 0 {
		return "", "", false
	}
	return entry[:at], strings.Trim(entry[at+1:], "[]"), true
}

func mapValues[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
