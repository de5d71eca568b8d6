package network

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/resources/contract"
)

// defaultIPAM is the name of the engine's own IPAM driver.
const defaultIPAM = "default"

// podmanIPAM are podman's own IPAM drivers. Podman names one in the IPAM options of every network, which is how one
// of its networks is told from Docker's.
var podmanIPAM = []string{"host-local", "dhcp", "none"}

// injectedOptions are driver options engines add by themselves.
var injectedOptions = []string{
	"com.docker.network.enable_ipv4", // Docker 28 on
	"com.docker.network.enable_ipv6",
	"com.docker.network.driver.overlay.vxlanid_list",
}

// shortOptions are the names podman reports driver options by.
var shortOptions = map[string]string{
	"com.docker.network.driver.mtu": "mtu",
}

// isPodman reports whether a network is podman's, which keeps part of what it was told to itself.
func isPodman(n mobynetwork.Inspect) bool {
	return slices.Contains(podmanIPAM, n.IPAM.Options["driver"])
}

// flatten reports an engine's network in the spelling of last. Ranges of addresses that last does not declare are
// reported as declared where guess says so.
func flatten(n mobynetwork.Inspect, last Model, guess func(pool) bool) Model {
	podman := isPodman(n)
	have := observedPools(n, last.IPAMConfig, podman)
	m := Model{
		ID:          types.StringValue(n.ID),
		Name:        types.StringValue(n.Name),
		Driver:      types.StringValue(n.Driver),
		Options:     flattenOptions(n.Options, last.Options, podman),
		Internal:    types.BoolValue(n.Internal),
		Attachable:  flattenBool(n.Attachable, last.Attachable),
		Ingress:     flattenBool(n.Ingress, last.Ingress),
		IPv6:        flattenBool(n.EnableIPv6, last.IPv6),
		IPAMDriver:  types.StringValue(n.IPAM.Driver),
		IPAMOptions: flattenIPAMOptions(n.IPAM.Options, last.IPAMOptions, podman),
		IPAM:        poolsValue(have),
		Scope:       types.StringValue(n.Scope),
		IPAMConfig:  flattenConfig(have, last.IPAMConfig, podman, guess),
		Labels:      flattenLabels(n.Labels, last.Labels),
	}
	if podman && last.Attachable.ValueBool() {
		m.Attachable = last.Attachable // every podman network is attachable and none says so
	}
	if n.Driver == "" { // of a network a swarm has taken and not made yet
		m.Driver = last.Driver
	}
	if n.IPAM.Driver == "" || podman && last.IPAMDriver.ValueString() == defaultIPAM {
		m.IPAMDriver = types.StringValue(defaultIPAM)
	}
	return m
}

// observedPools returns what the engine says of a network's addresses. Podman does not report address ranges and
// reserved addresses: they are taken from what was declared for the same subnet.
func observedPools(n mobynetwork.Inspect, last contract.Blocks[IPAMConfig], podman bool) []pool {
	var pools []pool
	for _, c := range n.IPAM.Config {
		p := poolFrom(c)
		if podman {
			for _, declared := range last.Items {
				if d, err := poolOf(declared); err == nil && d.subnet.IsValid() && d.subnet.Masked() == p.subnet.Masked() {
					p.ipRange, p.aux = d.ipRange, d.aux
				}
			}
		}
		pools = append(pools, p)
	}
	return pools
}

// flattenConfig reports the declared ranges: those of last as they are spelled there as long as the network satisfies
// them, in their place what it has otherwise. Without any in last, guess decides which were declared.
func flattenConfig(have []pool, last contract.Blocks[IPAMConfig], podman bool, guess func(pool) bool) contract.Blocks[IPAMConfig] {
	used := make([]bool, len(have))
	var items []IPAMConfig
	declared := map[bool]bool{} // families of which something is declared
	for _, c := range last.Items {
		want, err := poolOf(c)
		if err != nil {
			continue
		}
		declared[want.six()] = true
		i := slices.IndexFunc(have, func(p pool) bool { return p.six() == want.six() && p.satisfies(want) })
		if i >= 0 && !used[i] {
			used[i] = true
			items = append(items, c)
		}
	}
	for i, p := range have {
		switch {
		case used[i]:
		case declared[p.six()]:
			items = append(items, configOf(p))
		case len(last.Items) == 0 && guess(p):
			if podman && p.firstGateway() {
				p.gateway = netip.Addr{} // podman reports one always, so it says nothing
			}
			items = append(items, configOf(p))
		}
	}
	return contract.BlocksOf(items...)
}

func configOf(p pool) IPAMConfig {
	object, _ := p.object().(types.Object)
	var c IPAMConfig
	c.Subnet, _ = object.Attributes()["subnet"].(types.String)
	c.IPRange, _ = object.Attributes()["ip_range"].(types.String)
	c.Gateway, _ = object.Attributes()["gateway"].(types.String)
	c.AuxAddress, _ = object.Attributes()["aux_address"].(types.Map)
	return c
}

// flattenOptions leaves out what the engine added itself. What was declared is found under podman's name too, and is
// taken as it was declared where podman does not report it at all.
func flattenOptions(options map[string]string, last types.Map, podman bool) types.Map {
	rest := maps.Clone(options)
	elements := map[string]attr.Value{}
	for name, value := range last.Elements() {
		reported, ok := rest[name]
		if short, known := shortOptions[name]; !ok && known && podman {
			reported, ok = rest[short]
			delete(rest, short)
		}
		delete(rest, name)
		switch {
		case ok:
			elements[name] = types.StringValue(reported)
		case podman:
			elements[name] = value
		}
	}
	for name, value := range rest {
		if !slices.Contains(injectedOptions, name) {
			elements[longOption(name, podman)] = types.StringValue(value)
		}
	}
	return mapValue(elements, last)
}

// longOption returns Docker's name of an option podman reports by a short one.
func longOption(name string, podman bool) string {
	for long, short := range shortOptions {
		if podman && short == name {
			return long
		}
	}
	return name
}

func flattenIPAMOptions(options map[string]string, last types.Map, podman bool) types.Map {
	elements := map[string]attr.Value{}
	for name, value := range options {
		if _, declared := last.Elements()[name]; declared || !podman || name != "driver" {
			elements[name] = types.StringValue(value)
		}
	}
	if podman {
		for name, value := range last.Elements() {
			if _, ok := elements[name]; !ok {
				elements[name] = value
			}
		}
	}
	return mapValue(elements, last)
}

// mapValue returns null for no elements, unless last was a map without elements.
func mapValue(elements map[string]attr.Value, last types.Map) types.Map {
	if len(elements) == 0 && (last.IsNull() || last.IsUnknown()) {
		return types.MapNull(types.StringType)
	}
	return types.MapValueMust(types.StringType, elements)
}

// flattenBool returns null for false, unless last says false.
func flattenBool(value bool, last types.Bool) types.Bool {
	if !value && (last.IsNull() || last.IsUnknown()) {
		return types.BoolNull()
	}
	return types.BoolValue(value)
}

// flattenLabels follows the order of last, the rest comes sorted.
func flattenLabels(labels map[string]string, last contract.Blocks[Label]) contract.Blocks[Label] {
	rest := maps.Clone(labels)
	var items []Label
	for _, l := range last.Items {
		name := l.Label.ValueString()
		if value, ok := rest[name]; ok {
			items = append(items, Label{types.StringValue(name), types.StringValue(value)})
			delete(rest, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		items = append(items, Label{types.StringValue(name), types.StringValue(rest[name])})
	}
	return contract.BlocksOf(items...)
}
