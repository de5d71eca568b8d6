//go:build linux

package containers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// setup is what a run has of the network.
type setup struct {
	ns        string // path of the namespace, spec.HostNamespace for the host's
	sandbox   string // the same, "" when it is not this container's own
	endpoints map[string]*network.EndpointSettings
	ports     network.PortMap
	portsOn   string // the network they are published on
	gateway   netip.Addr
	told      []events.Message // that the networks were joined
}

// connect makes the network of a run. An error leaves to the caller what Release of the network undoes.
func (s *Service) connect(ctx context.Context, r *record) (*setup, error) {
	mode := r.Host.NetworkMode
	up := &setup{endpoints: cleared(r)}
	switch {
	case mode.IsHost():
		up.ns = spec.HostNamespace
		return up, nil
	case mode.IsContainer():
		other, err := s.running("network", mode.ConnectedContainer())
		if err != nil {
			return nil, err
		}
		up.ns = first(other.Sandbox, spec.HostNamespace)
		return up, nil
	}
	path, err := s.network.Sandbox(ctx, r.ID)
	if err != nil {
		return nil, fmt.Errorf("network namespace of %s: %w", short(r.ID), err)
	}
	up.ns, up.sandbox = path, path
	if mode.IsNone() || r.Config.NetworkDisabled {
		return up, nil
	}
	up.ports = network.PortMap{}
	for port := range exposedSet(r) {
		up.ports[port] = nil
	}
	// The network of the mode first: it has the published ports, or the first of the others when it is an internal one.
	ports := published(r)
	up.portsOn = primaryOf(r.Host, r.Endpoints)
	for _, name := range inOrder(r.Host, r.Endpoints) {
		joined, err := s.join(ctx, r, name, ports)
		if err != nil {
			return nil, err
		}
		if len(joined.Ports) > 0 {
			up.portsOn, ports = name, nil
		}
		up.take(name, joined)
	}
	return up, nil
}

// primaryOf is the network ports are published on: that of the mode, which may have been given by its id, or the first
// of the others when the container was taken off that one.
func primaryOf(h *container.HostConfig, endpoints map[string]*network.EndpointSettings) string {
	mode := h.NetworkMode.NetworkName()
	if endpoints[mode] != nil {
		return mode
	}
	for name, e := range endpoints {
		if e.NetworkID != "" && strings.HasPrefix(e.NetworkID, mode) {
			return name
		}
	}
	if names := slices.Sorted(maps.Keys(endpoints)); len(names) > 0 {
		return names[0]
	}
	return mode
}

// inOrder are the networks of a container as they are joined: the primary one, then the others by name.
func inOrder(h *container.HostConfig, endpoints map[string]*network.EndpointSettings) []string {
	names, primary := slices.Sorted(maps.Keys(endpoints)), primaryOf(h, endpoints)
	slices.SortStableFunc(names, func(a, b string) int { return btoi(b == primary) - btoi(a == primary) })
	return names
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// join joins one network.
func (s *Service) join(ctx context.Context, r *record, name string, ports []bridge.Port) (bridge.Joined, error) {
	endpoint := bridge.Endpoint{ContainerID: r.ID, ContainerName: r.Name, Network: name, MAC: r.MACs[name], Ports: ports}
	e := r.Endpoints[name]
	endpoint.Priority, endpoint.DNS = e.GwPriority, identity(r, name, e)
	if e.IPAMConfig != nil {
		endpoint.IP, endpoint.IP6, endpoint.LinkLocal = e.IPAMConfig.IPv4Address, e.IPAMConfig.IPv6Address, e.IPAMConfig.LinkLocalIPs
	}
	if name == network.NetworkBridge && len(e.Aliases) > 0 {
		return bridge.Joined{}, invalid("network-scoped alias is supported only for containers in user defined networks")
	}
	return s.network.Join(ctx, endpoint) // its errors name both, and begin as clients know them
}

// take writes what was joined into the setup.
func (up *setup) take(name string, j bridge.Joined) {
	e := up.endpoints[name]
	if j.NetworkName != "" && j.NetworkName != name { // the client gave an id
		delete(up.endpoints, name)
		up.endpoints[j.NetworkName] = e
	}
	up.told = append(up.told, j.Event(events.ActionConnect))
	e.NetworkID, e.EndpointID, e.Gateway, e.IPAddress, e.IPPrefixLen = j.NetworkID, j.EndpointID, j.Gateway, j.IP.Addr(), j.IP.Bits()
	_ = e.MacAddress.UnmarshalText([]byte(j.MAC)) // the driver's own
	if j.IP6.IsValid() {
		e.GlobalIPv6Address, e.GlobalIPv6PrefixLen, e.IPv6Gateway = j.IP6.Addr(), j.IP6.Bits(), j.Gateway6
	}
	if !up.gateway.IsValid() {
		up.gateway = j.Gateway
	}
	for _, p := range j.Ports {
		port, ok := network.PortFrom(p.Port, network.IPProtocol(p.Proto))
		if !ok {
			continue
		}
		ip := p.HostIP
		if !ip.IsValid() {
			ip = netip.IPv4Unspecified()
		}
		up.ports[port] = append(up.ports[port], network.PortBinding{HostIP: ip, HostPort: strconv.Itoa(int(p.HostPort))})
	}
}

// cleared are the endpoints with their configuration alone, as they are while no run has them.
func cleared(r *record) map[string]*network.EndpointSettings {
	out := make(map[string]*network.EndpointSettings, len(r.Endpoints))
	for name, e := range r.Endpoints {
		out[name] = configured(e)
		out[name].NetworkID, out[name].MacAddress = e.NetworkID, nil
		_ = out[name].MacAddress.UnmarshalText([]byte(r.MACs[name])) // it was read from this form
	}
	return out
}

// configured are the settings of an endpoint that a client may choose; the others tell what came of them.
func configured(e *network.EndpointSettings) *network.EndpointSettings {
	if e == nil {
		return &network.EndpointSettings{}
	}
	return &network.EndpointSettings{
		IPAMConfig: e.IPAMConfig.Copy(), Links: slices.Clone(e.Links), Aliases: slices.Clone(e.Aliases), DriverOpts: maps.Clone(e.DriverOpts),
		GwPriority: e.GwPriority, MacAddress: slices.Clone(e.MacAddress),
	}
}

// exposedSet are the ports of image, configuration and bindings.
func exposedSet(r *record) network.PortSet {
	set := maps.Clone(r.Config.ExposedPorts)
	if set == nil {
		set = network.PortSet{}
	}
	for port := range r.Host.PortBindings {
		set[port] = struct{}{}
	}
	return set
}

// published are the ports to publish, sorted, so that the same container gets its ephemeral ports in the same order.
func published(r *record) []bridge.Port {
	var out []bridge.Port
	for port := range exposedSet(r) {
		bindings, bound := r.Host.PortBindings[port]
		if len(bindings) == 0 && (r.Host.PublishAllPorts || bound) {
			bindings = []network.PortBinding{{}}
		}
		for _, b := range bindings {
			host, err := hostPorts(b.HostPort)
			if err != nil {
				continue // create has checked it
			}
			one := bridge.Port{Port: port.Num(), Proto: string(port.Proto()), HostIP: b.HostIP, HostPort: host.Start()}
			if host.End() > host.Start() {
				one.HostEnd = host.End()
			}
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b bridge.Port) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.HostPort, b.HostPort), a.HostIP.Compare(b.HostIP))
	})
	return out
}

// running returns the container whose namespace is to be joined.
func (s *Service) running(what, id string) (*record, error) {
	c, ok := s.index.get(id)
	if !ok {
		return nil, invalid("cannot join the %s namespace of container %s: %v", what, short(id), notFound(id))
	}
	r := c.record()
	if !r.State.Running {
		return nil, conflict("cannot join %s of a non running container: %s", what, id)
	}
	return r, nil
}

// liveEndpoints is what the network has to have of a running container.
func liveEndpoints(r *record) []bridge.Endpoint {
	out := []bridge.Endpoint{}
	mode := r.Host.NetworkMode
	if mode.IsHost() || mode.IsNone() || mode.IsContainer() || r.Config.NetworkDisabled {
		return out
	}
	for i, name := range inOrder(r.Host, r.Endpoints) {
		e := r.Endpoints[name]
		if !e.IPAddress.IsValid() {
			continue
		}
		endpoint := bridge.Endpoint{ContainerID: r.ID, Network: name, Interface: "eth" + strconv.Itoa(i), MAC: e.MacAddress.String(), IP: e.IPAddress}
		endpoint.IP6, endpoint.Priority, endpoint.DNS = e.GlobalIPv6Address, e.GwPriority, identity(r, name, e)
		if name == r.PortsOn {
			endpoint.Ports = boundPorts(r.Ports)
		}
		out = append(out, endpoint)
	}
	return out
}

func boundPorts(ports network.PortMap) []bridge.Port {
	var out []bridge.Port
	for port, bindings := range ports {
		for _, b := range bindings {
			n, err := strconv.ParseUint(b.HostPort, 10, 16)
			if err != nil {
				continue
			}
			out = append(out, bridge.Port{Port: port.Num(), Proto: string(port.Proto()), HostIP: b.HostIP, HostPort: uint16(n)})
		}
	}
	return out
}

// namespaces are those of other containers that this one shares.
func (s *Service) namespaces(h *container.HostConfig) (pid, ipc, uts spec.Namespace, err error) {
	pid, ipc, uts = hostIf(h.PidMode.IsHost()), hostIf(h.IpcMode.IsHost()), hostIf(h.UTSMode.IsHost())
	if id := h.PidMode.Container(); id != "" {
		other, err := s.running("PID", id)
		if err != nil {
			return pid, ipc, uts, err
		}
		pid.Path = fmt.Sprintf("/proc/%d/ns/pid", other.State.Pid)
	}
	if id := h.IpcMode.Container(); id != "" {
		other, err := s.running("IPC", id)
		if err != nil {
			return pid, ipc, uts, err
		}
		if !other.Host.IpcMode.IsShareable() && !other.Host.IpcMode.IsHost() {
			return pid, ipc, uts, invalid("cannot join IPC of a container whose IpcMode is not shareable: %s", id)
		}
		ipc.Path, ipc.Shm = fmt.Sprintf("/proc/%d/ns/ipc", other.State.Pid), s.shm(id)
		if other.Host.IpcMode.IsHost() {
			ipc.Path, ipc.Shm = spec.HostNamespace, ""
		}
	}
	return pid, ipc, uts, nil
}

func hostIf(yes bool) spec.Namespace {
	if yes {
		return spec.Namespace{Path: spec.HostNamespace}
	}
	return spec.Namespace{}
}

// ownNetwork reports whether a container has a network namespace of its own.
func ownNetwork(r *record) bool {
	return !r.Host.NetworkMode.IsHost() && !r.Host.NetworkMode.IsContainer()
}
