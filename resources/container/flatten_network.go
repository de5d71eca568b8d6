package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/endpoint"
	"github.com/cleat-dev/cleat/resources/contract"
)

// attached are a container's endpoints by name of the network.
type attached map[string]*network.EndpointSettings

func endpoints(r container.InspectResponse) attached {
	if r.NetworkSettings == nil {
		return nil
	}
	return r.NetworkSettings.Networks
}

// names are in order.
func (a attached) names() []string { return slices.Sorted(maps.Keys(a)) }

// find returns the name of the network that has this name or id.
func (a attached) find(nameOrID string) (string, bool) { return endpoint.Find(a, nameOrID) }

// own are the endpoints that no docker_network_attachment declares.
func (a attached) own() attached {
	own := maps.Clone(a)
	maps.DeleteFunc(own, func(_ string, e *network.EndpointSettings) bool { return endpoint.Marked(e) })
	return own
}

// giveIDs completes what podman says of a container's networks: it gives their names for their ids. Only those are asked
// for that are declared by id.
func giveIDs(ctx context.Context, e API, c container.InspectResponse, declared contract.Blocks[Network]) error {
	have := endpoints(c)
	for _, n := range declared.Items {
		id := n.Name.ValueString()
		if _, known := have.find(id); known || !isID(id) {
			continue
		}
		r, err := e.NetworkInspect(ctx, id, moby.NetworkInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("network %q: %w", id, err)
		}
		if at := have[r.Network.Name]; at != nil && at.NetworkID == r.Network.Name {
			at.NetworkID = id
		}
	}
	return nil
}

// isEngineNetwork reports whether a network is one that engines attach by themselves.
func isEngineNetwork(name string) bool {
	return slices.Contains([]string{"bridge", "default", "podman", "host", "none", "nat"}, name)
}

// declares reports whether a network is among those declared, by name or id.
func declares(b contract.Blocks[Network], have attached, name string) bool {
	return slices.ContainsFunc(b.Items, func(n Network) bool {
		found, ok := have.find(n.Name.ValueString())
		return ok && found == name
	})
}

func flattenNetworks(o observation, last Model, m *Model) {
	have := endpoints(o.InspectResponse)
	var byMode string
	m.NetworkMode, byMode = flattenMode(o, last, have)
	m.NetworkData = flattenData(have)
	// The default bridge is what is there when nothing else is; beside declared networks nobody asked for it.
	own := have.own()
	alone := !slices.ContainsFunc(own.names(), func(name string) bool { return !isEngineNetwork(name) })
	for _, name := range have.names() {
		undeclared := own[name] != nil && name != byMode && !(alone && isEngineNetwork(name))
		if have[name] != nil && (undeclared || declares(last.Networks, have, name)) {
			m.Networks.Items = append(m.Networks.Items, flattenNetwork(o, last.Networks, have, name))
		}
	}
}

// flattenMode returns the network mode, and the network it attaches where that is not one of networks_advanced. A mode
// that names a network is what a container made with networks_advanced has: it says nothing that was declared, unless
// it was declared.
func flattenMode(o observation, last Model, have attached) (types.String, string) {
	mode := string(o.HostConfig.NetworkMode)
	byDefault := types.StringValue("bridge")
	if given(last.NetworkMode) && isDefaultMode(last.NetworkMode.ValueString()) {
		byDefault = last.NetworkMode
	}
	// Before API 1.21 engines say nothing of networks, which is nil.
	none := have != nil && len(have.own()) == 0 && o.State.Running && len(last.Networks.Items) == 0
	switch {
	case o.HostConfig.NetworkMode.IsHost(), o.HostConfig.NetworkMode.IsNone(), o.HostConfig.NetworkMode.IsContainer():
		return followString(last.NetworkMode, mode, o.sameMode), ""
	case given(last.NetworkMode) && !isDefaultMode(last.NetworkMode.ValueString()):
		wanted := last.NetworkMode.ValueString()
		if name, ok := have.find(wanted); ok && (mode == wanted || mode == name || mode == have[name].NetworkID || o.podman) {
			return last.NetworkMode, name
		}
		if none {
			return types.StringValue(disconnected), ""
		}
		// The network was left behind its mode: without it the mode does not hold.
		return byDefault, ""
	case none:
		return types.StringValue(disconnected), ""
	}
	return byDefault, ""
}

// disconnected is observed in place of a network mode when the container runs and somebody took away the network of
// its mode.
const disconnected = "disconnected"

func flattenNetwork(o observation, last contract.Blocks[Network], have attached, name string) Network {
	e := have[name]
	var was Network
	if i := slices.IndexFunc(last.Items, func(n Network) bool { found, ok := have.find(n.Name.ValueString()); return ok && found == name }); i >= 0 {
		was = last.Items[i]
	}
	n := Network(endpoint.Flatten(endpoint.Endpoint(was), e, endpoint.Source{
		Engine: []string{o.ID[:min(12, len(o.ID))], strings.TrimPrefix(o.Name, "/"), o.Config.Hostname}, Silent: o.podman,
	}))
	n.Name = followString(was.Name, name, func(string, string) bool { return true })
	return n
}

// addressText is "" for no address.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func sameMAC(a, b string) bool { return endpoint.SameMAC(a, b) }

// endpointChanges reports whether a network that stays is declared with other settings than it was observed with.
func endpointChanges(observed Model, planned Network, have attached, name string) bool {
	for _, was := range observed.Networks.Items {
		if found, ok := have.find(was.Name.ValueString()); !ok || found != name {
			continue
		}
		a, errA := expandEndpoint(was, "networks_advanced")
		b, errB := expandEndpoint(planned, "networks_advanced")
		return errA != nil || errB != nil || !sameEndpoint(a, b)
	}
	return true
}

func sameEndpoint(a, b *network.EndpointSettings) bool {
	x, y := orZero(a.IPAMConfig), orZero(b.IPAMConfig)
	return slices.Equal(a.Aliases, b.Aliases) && maps.Equal(a.DriverOpts, b.DriverOpts) && a.GwPriority == b.GwPriority &&
		slices.Equal(a.MacAddress, b.MacAddress) && x.IPv4Address == y.IPv4Address && x.IPv6Address == y.IPv6Address &&
		slices.Equal(x.LinkLocalIPs, y.LinkLocalIPs)
}

// flattenData lists the endpoints by name of the network.
func flattenData(have attached) types.List {
	elements := []attr.Value{}
	for _, name := range have.names() {
		e := orZero(have[name])
		mac := ""
		if len(e.MacAddress) > 0 {
			mac = e.MacAddress.String()
		}
		elements = append(elements, types.ObjectValueMust(networkDataType.AttrTypes, map[string]attr.Value{
			"network_name":              types.StringValue(name),
			"gateway":                   types.StringValue(addressText(e.Gateway)),
			"ip_address":                types.StringValue(addressText(e.IPAddress)),
			"ip_prefix_length":          types.Int64Value(int64(e.IPPrefixLen)),
			"ipv6_gateway":              types.StringValue(addressText(e.IPv6Gateway)),
			"global_ipv6_address":       types.StringValue(addressText(e.GlobalIPv6Address)),
			"global_ipv6_prefix_length": types.Int64Value(int64(e.GlobalIPv6PrefixLen)),
			"mac_address":               types.StringValue(mac),
		}))
	}
	return types.ListValueMust(networkDataType, elements)
}

// flattenPorts lists the published ports in the order they were declared, then by number. What is published is what
// the container was made to publish: a stopped one publishes nothing and has not changed.
func flattenPorts(o observation, last contract.Blocks[Port]) contract.Blocks[Port] {
	type published struct {
		port Port
		rank int
	}
	var found []published
	used := make([]bool, len(last.Items))
	for _, port := range slices.SortedFunc(maps.Keys(o.HostConfig.PortBindings), func(a, b network.Port) int { return strings.Compare(portKey(a), portKey(b)) }) {
		for i, binding := range o.HostConfig.PortBindings[port] {
			p := Port{
				Internal: types.Int64Value(int64(port.Num())), Protocol: types.StringValue(string(port.Proto())),
				IP: types.StringValue(bindingIP(binding)), External: types.Int64Null(),
			}
			if n, err := strconv.ParseInt(binding.HostPort, 10, 64); err == nil && n != 0 {
				p.External = types.Int64Value(n)
			} else if actual := o.NetworkSettings.Ports[port]; i < len(actual) {
				if n, err := strconv.ParseInt(actual[i].HostPort, 10, 64); err == nil {
					p.External = types.Int64Value(n)
				}
			}
			rank := len(last.Items)
			if j := matchPort(last.Items, used, p); j >= 0 {
				used[j], rank = true, j
				p = followPort(last.Items[j], p)
			}
			found = append(found, published{p, rank})
		}
	}
	slices.SortStableFunc(found, func(a, b published) int { return a.rank - b.rank })
	var out contract.Blocks[Port]
	for _, f := range found {
		out.Items = append(out.Items, f.port)
	}
	return out
}

// portKey sorts by number, then protocol.
func portKey(p network.Port) string {
	n := strconv.Itoa(int(p.Num()))
	return strings.Repeat("0", 5-len(n)) + n + "/" + string(p.Proto())
}

// bindingIP is the address of the host; none means all.
func bindingIP(b network.PortBinding) string {
	if !b.HostIP.IsValid() {
		return anyAddress
	}
	return b.HostIP.String()
}

// matchPort returns the unused declared port that is this one, preferably on the same port of the host.
func matchPort(last []Port, used []bool, have Port) int {
	best := -1
	for i, was := range last {
		if used[i] || !was.Internal.Equal(have.Internal) || !strings.EqualFold(was.Protocol.ValueString(), have.Protocol.ValueString()) ||
			!sameHostAddress(was.IP.ValueString(), have.IP.ValueString()) {
			continue
		}
		if given(was.External) && was.External.Equal(have.External) {
			return i
		}
		if best < 0 {
			best = i
		}
	}
	return best
}

// followPort keeps the spelling, and the port of the host a stopped container had. 0 asks for any.
func followPort(was, have Port) Port {
	have.IP, have.Protocol = was.IP, was.Protocol
	if given(was.External) && (was.External.ValueInt64() == 0 || !given(have.External)) {
		have.External = was.External
	}
	return have
}
