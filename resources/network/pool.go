package network

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"
)

// pool is one range of addresses of a network, by meaning. Zero values are what is not said.
type pool struct {
	subnet, ipRange netip.Prefix
	gateway         netip.Addr
	aux             map[string]netip.Addr
}

// poolOf reads a declared range; unknown and null values count as not said.
func poolOf(c IPAMConfig) (pool, error) {
	var p pool
	var err error
	if p.subnet, err = parsePrefix(c.Subnet); err != nil {
		return p, fmt.Errorf("subnet: %w", err)
	}
	if p.ipRange, err = parsePrefix(c.IPRange); err != nil {
		return p, fmt.Errorf("ip_range: %w", err)
	}
	if p.gateway, err = parseAddr(c.Gateway); err != nil {
		return p, fmt.Errorf("gateway: %w", err)
	}
	for name, value := range c.AuxAddress.Elements() {
		s, _ := value.(types.String)
		addr, err := parseAddr(s)
		if err != nil {
			return p, fmt.Errorf("aux_address %q: %w", name, err)
		}
		if addr.IsValid() {
			if p.aux == nil {
				p.aux = map[string]netip.Addr{}
			}
			p.aux[name] = addr
		}
	}
	return p, nil
}

func parsePrefix(s types.String) (netip.Prefix, error) {
	if s.ValueString() == "" {
		return netip.Prefix{}, nil
	}
	p, err := netip.ParsePrefix(s.ValueString())
	if err != nil {
		return p, fmt.Errorf("%q is not an address range: write it as 10.1.0.0/16 or fd00:1::/64", s.ValueString())
	}
	return p, nil
}

func parseAddr(s types.String) (netip.Addr, error) {
	if s.ValueString() == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(s.ValueString())
	if err != nil {
		return a, fmt.Errorf("%q is not an IP address", s.ValueString())
	}
	return a, nil
}

func poolFrom(c mobynetwork.IPAMConfig) pool {
	return pool{subnet: c.Subnet, ipRange: c.IPRange, gateway: c.Gateway, aux: c.AuxAddress}
}

func (p pool) config() mobynetwork.IPAMConfig {
	return mobynetwork.IPAMConfig{Subnet: p.subnet, IPRange: p.ipRange, Gateway: p.gateway, AuxAddress: p.aux}
}

// satisfies reports whether a network's pool is what was declared. A gateway or subnet that is not declared is the
// engine's to choose; an address range or reserved addresses that are not declared are not to be there.
func (p pool) satisfies(declared pool) bool {
	if declared.subnet.IsValid() && declared.subnet.Masked() != p.subnet.Masked() {
		return false
	}
	if declared.gateway.IsValid() && declared.gateway != p.gateway {
		return false
	}
	return declared.ipRange.Masked() == p.ipRange.Masked() && maps.Equal(declared.aux, p.aux)
}

// six reports whether the pool is of IPv6 addresses.
func (p pool) six() bool {
	return p.subnet.Addr().Is6() || p.gateway.Is6() || p.ipRange.Addr().Is6()
}

// firstGateway reports whether the gateway is the first address of the subnet, where engines put it by themselves.
func (p pool) firstGateway() bool {
	return p.gateway.IsValid() && p.gateway == p.subnet.Masked().Addr().Next()
}

// object returns the pool as an item of the attribute ipam.
func (p pool) object() attr.Value {
	aux := types.MapNull(types.StringType)
	if len(p.aux) > 0 {
		elements := make(map[string]attr.Value, len(p.aux))
		for name, addr := range p.aux {
			elements[name] = types.StringValue(addr.String())
		}
		aux = types.MapValueMust(types.StringType, elements)
	}
	return types.ObjectValueMust(poolType.AttrTypes, map[string]attr.Value{
		"subnet": prefixValue(p.subnet), "ip_range": prefixValue(p.ipRange), "gateway": addrValue(p.gateway), "aux_address": aux,
	})
}

func prefixValue(p netip.Prefix) types.String {
	if !p.IsValid() {
		return types.StringNull()
	}
	return types.StringValue(p.String())
}

func addrValue(a netip.Addr) types.String {
	if !a.IsValid() {
		return types.StringNull()
	}
	return types.StringValue(a.String())
}

// poolsValue returns the attribute ipam, ordered by subnet.
func poolsValue(pools []pool) types.List {
	sorted := slices.SortedStableFunc(slices.Values(pools), func(a, b pool) int {
		return cmp.Or(a.subnet.Addr().Compare(b.subnet.Addr()), cmp.Compare(a.subnet.Bits(), b.subnet.Bits()))
	})
	items := make([]attr.Value, 0, len(sorted))
	for _, p := range sorted {
		items = append(items, p.object())
	}
	return types.ListValueMust(poolType, items)
}

// poolsFrom reads the attribute ipam back.
func poolsFrom(v attr.Value) ([]pool, error) {
	list, _ := v.(types.List)
	var pools []pool
	for _, item := range list.Elements() {
		object, _ := item.(types.Object)
		var c IPAMConfig
		values := object.Attributes()
		c.Subnet, _ = values["subnet"].(types.String)
		c.IPRange, _ = values["ip_range"].(types.String)
		c.Gateway, _ = values["gateway"].(types.String)
		c.AuxAddress, _ = values["aux_address"].(types.Map)
		p, err := poolOf(c)
		if err != nil {
			return nil, err
		}
		pools = append(pools, p)
	}
	return pools, nil
}
