package endpoint

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/network"
)

// Mark is the alias of an endpoint that a docker_network_attachment made. Aliases are the one thing every engine keeps
// for an endpoint and reports; this one is in a domain that no resolver may know (RFC 2606).
const Mark = "attached.cleat.invalid"

// Marked reports whether an attachment made an endpoint.
func Marked(e *network.EndpointSettings) bool { return e != nil && slices.Contains(e.Aliases, Mark) }

// Endpoint is what is declared of a container's place in a network.
type Endpoint struct {
	Aliases      types.Set
	DriverOpts   types.Set
	GwPriority   types.Int64
	IPv4Address  types.String
	IPv6Address  types.String
	LinkLocalIPs types.Set
	MacAddress   types.String
	// Name is the name or id of the network.
	Name types.String
}

// Expand returns the settings for an engine. An error begins with the attribute it is about.
func (n Endpoint) Expand() (*network.EndpointSettings, error) {
	e := &network.EndpointSettings{Aliases: sorted(n.Aliases), GwPriority: int(n.GwPriority.ValueInt64())}
	for _, option := range sorted(n.DriverOpts) {
		if e.DriverOpts == nil {
			e.DriverOpts = map[string]string{}
		}
		key, value, _ := strings.Cut(option, "=")
		e.DriverOpts[key] = value
	}
	ipam := &network.EndpointIPAMConfig{}
	var err error
	if ipam.IPv4Address, err = address(n.IPv4Address.ValueString()); err != nil {
		return nil, fmt.Errorf("ipv4_address: %w", err)
	}
	if ipam.IPv6Address, err = address(n.IPv6Address.ValueString()); err != nil {
		return nil, fmt.Errorf("ipv6_address: %w", err)
	}
	for _, s := range sorted(n.LinkLocalIPs) {
		ip, err := address(s)
		if err != nil {
			return nil, fmt.Errorf("link_local_ips: %w", err)
		}
		ipam.LinkLocalIPs = append(ipam.LinkLocalIPs, ip)
	}
	if ipam.IPv4Address.IsValid() || ipam.IPv6Address.IsValid() || len(ipam.LinkLocalIPs) > 0 {
		e.IPAMConfig = ipam
	}
	if mac := n.MacAddress.ValueString(); mac != "" {
		parsed, err := net.ParseMAC(mac)
		if err != nil {
			return nil, fmt.Errorf("mac_address: %w", err)
		}
		e.MacAddress = network.HardwareAddr(parsed)
	}
	return e, nil
}

// address parses an IP address; "" is none.
func address(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(strings.Trim(s, "[]"))
}

// Source is who reports an endpoint, and what of it nobody declared.
type Source struct {
	// Engine are the aliases the engine adds by itself: id, name and host name of the container.
	Engine []string
	// Silent engines report no driver options.
	Silent bool
}

// Flatten returns an endpoint as it is now: was, where it still says what the engine has, because its spelling is the
// declared one. Name is was's.
func Flatten(was Endpoint, e *network.EndpointSettings, from Source) Endpoint {
	n := Endpoint{
		Name:       was.Name,
		Aliases:    set(was.Aliases, e.Aliases, same, append([]string{Mark}, from.Engine...)...),
		DriverOpts: set(was.DriverOpts, joined(e.DriverOpts), same),
		GwPriority: was.GwPriority,
		MacAddress: types.StringNull(),
	}
	if e.GwPriority != 0 || was.GwPriority.ValueInt64() != 0 {
		n.GwPriority = types.Int64Value(int64(e.GwPriority))
	} else if was.GwPriority.IsUnknown() {
		n.GwPriority = types.Int64Null()
	}
	if from.Silent && len(e.DriverOpts) == 0 {
		n.DriverOpts = was.DriverOpts
	}
	var ipam network.EndpointIPAMConfig
	if e.IPAMConfig != nil {
		ipam = *e.IPAMConfig
	}
	n.IPv4Address = declaredAddress(was.IPv4Address, ipam.IPv4Address, e.IPAddress)
	n.IPv6Address = declaredAddress(was.IPv6Address, ipam.IPv6Address, e.GlobalIPv6Address)
	n.LinkLocalIPs = set(was.LinkLocalIPs, texts(ipam.LinkLocalIPs), CanonicalAddress)
	if given(was.MacAddress) { // every endpoint has one, only declared ones count
		n.MacAddress = was.MacAddress
		declared := was.MacAddress.ValueString()
		if declared != "" && len(e.MacAddress) > 0 && !SameMAC(declared, e.MacAddress.String()) { // else none is declared, or it does not run
			n.MacAddress = types.StringValue(e.MacAddress.String())
		}
	}
	return n
}

// declaredAddress compares a declared address with the configured one, or with the actual one on engines that do not
// report what was configured; such an engine says nothing of a container that does not run.
func declaredAddress(was types.String, configured, actual netip.Addr) types.String {
	have := configured
	if !have.IsValid() && was.ValueString() != "" {
		if !actual.IsValid() {
			return was
		}
		have = actual
	}
	switch {
	case !have.IsValid() && given(was):
		return was // declared as none
	case !have.IsValid():
		return types.StringNull()
	case given(was) && CanonicalAddress(was.ValueString()) == have.String():
		return was
	}
	return types.StringValue(have.String())
}

// CanonicalAddress is the one form of an IP address; what is none is left as it is.
func CanonicalAddress(s string) string {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.String()
	}
	return s
}

// SameMAC reports whether two texts are the same hardware address.
func SameMAC(a, b string) bool {
	x, errX := net.ParseMAC(a)
	y, errY := net.ParseMAC(b)
	return a == b || errX == nil && errY == nil && slices.Equal(x, y)
}

// Find returns the name of the network among those of a container that has this name or id. Podman gives the name for
// the id, and dockerd no id for a container that never ran there: such a network is found by its name alone.
func Find(networks map[string]*network.EndpointSettings, nameOrID string) (string, bool) {
	if _, ok := networks[nameOrID]; ok {
		return nameOrID, true
	}
	for _, name := range slices.Sorted(maps.Keys(networks)) {
		if e := networks[name]; e != nil && e.NetworkID != "" && (e.NetworkID == nameOrID || len(nameOrID) >= 12 && strings.HasPrefix(e.NetworkID, nameOrID)) {
			return name, true
		}
	}
	return "", false
}

// set is what a set is observed to have, in the spelling of was. What engine has is left out unless it was declared.
func set(was types.Set, have []string, canonical func(string) string, engine ...string) types.Set {
	spelling := map[string]string{}
	if given(was) {
		for _, v := range was.Elements() {
			if s, ok := v.(types.String); ok {
				spelling[canonical(s.ValueString())] = s.ValueString()
			}
		}
	}
	var out []string
	for _, s := range have {
		if known, ok := spelling[canonical(s)]; ok {
			s = known
		} else if slices.Contains(engine, s) {
			continue
		}
		out = append(out, s)
	}
	if len(out) == 0 && !given(was) {
		return types.SetNull(types.StringType)
	}
	slices.Sort(out)
	elements := []attr.Value{}
	for _, s := range slices.Compact(out) {
		elements = append(elements, types.StringValue(s))
	}
	return types.SetValueMust(types.StringType, elements)
}

func same(s string) string { return s }

func given(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

// sorted are the elements of a set in order, so that requests are the same every time; nil for none.
func sorted(s types.Set) []string {
	var out []string
	for _, v := range s.Elements() {
		if text, ok := v.(types.String); ok && given(text) {
			out = append(out, text.ValueString())
		}
	}
	slices.Sort(out)
	return out
}

func joined(options map[string]string) []string {
	var out []string
	for key, value := range options {
		out = append(out, key+"="+value)
	}
	return out
}

func texts(addresses []netip.Addr) []string {
	var out []string
	for _, a := range addresses {
		out = append(out, a.String())
	}
	return out
}
