package container

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobycontainer "github.com/moby/moby/api/types/container"
	mobynetwork "github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/internal/flatten"
)

func flattenPorts(ports mobynetwork.PortMap) types.List {
	order := slices.SortedFunc(maps.Keys(ports), func(a, b mobynetwork.Port) int {
		return cmp.Or(cmp.Compare(a.Num(), b.Num()), strings.Compare(string(a.Proto()), string(b.Proto())))
	})
	var items []map[string]attr.Value
	for _, port := range order {
		item := func(ip, external attr.Value) {
			items = append(items, map[string]attr.Value{
				"internal": types.Int64Value(int64(port.Num())), "protocol": flatten.Text(port.Proto()), "external": external, "ip": ip,
			})
		}
		if len(ports[port]) == 0 {
			item(types.StringNull(), types.Int64Null())
		}
		bindings := slices.SortedFunc(slices.Values(ports[port]), func(a, b mobynetwork.PortBinding) int {
			return cmp.Or(a.HostIP.Compare(b.HostIP), strings.Compare(a.HostPort, b.HostPort))
		})
		for _, b := range bindings {
			item(flatten.Address(b.HostIP), hostPort(b.HostPort))
		}
	}
	return portObject.List(items)
}

func hostPort(s string) types.Int64 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return types.Int64Null()
	}
	return types.Int64Value(int64(n))
}

func flattenMounts(mounts []mobycontainer.MountPoint) types.List {
	sorted := slices.SortedFunc(slices.Values(mounts), func(a, b mobycontainer.MountPoint) int {
		return strings.Compare(a.Destination, b.Destination)
	})
	var items []map[string]attr.Value
	for _, m := range sorted {
		items = append(items, map[string]attr.Value{
			"type": flatten.Text(m.Type), "name": flatten.Text(m.Name), "source": flatten.Text(m.Source), "target": flatten.Text(m.Destination),
			"driver": flatten.Text(m.Driver), "mode": flatten.Text(m.Mode), "read_only": types.BoolValue(!m.RW), "propagation": flatten.Text(m.Propagation),
		})
	}
	return mountObject.List(items)
}

func flattenNetworks(networks map[string]*mobynetwork.EndpointSettings) types.List {
	var items []map[string]attr.Value
	for _, name := range slices.Sorted(maps.Keys(networks)) {
		n := networks[name]
		if n == nil {
			n = &mobynetwork.EndpointSettings{}
		}
		items = append(items, map[string]attr.Value{
			"name":                      types.StringValue(name),
			"network_id":                flatten.Text(n.NetworkID),
			"endpoint_id":               flatten.Text(n.EndpointID),
			"ip_address":                flatten.Address(n.IPAddress),
			"ip_prefix_length":          prefixLength(n.IPAddress, n.IPPrefixLen),
			"gateway":                   flatten.Address(n.Gateway),
			"global_ipv6_address":       flatten.Address(n.GlobalIPv6Address),
			"global_ipv6_prefix_length": prefixLength(n.GlobalIPv6Address, n.GlobalIPv6PrefixLen),
			"ipv6_gateway":              flatten.Address(n.IPv6Gateway),
			"mac_address":               flatten.Text(n.MacAddress.String()),
			"aliases":                   flatten.Texts(n.Aliases),
		})
	}
	return networkObject.List(items)
}

// prefixLength is null where there is no address.
func prefixLength(a netip.Addr, n int) types.Int64 {
	if !a.IsValid() {
		return types.Int64Null()
	}
	return types.Int64Value(int64(n))
}

// address is the address on the container's first network, else on the first by name that has one.
func address(networks map[string]*mobynetwork.EndpointSettings, first string) types.String {
	if n := networks[first]; n != nil && n.IPAddress.IsValid() {
		return flatten.Address(n.IPAddress)
	}
	for _, name := range slices.Sorted(maps.Keys(networks)) {
		if n := networks[name]; n != nil && n.IPAddress.IsValid() {
			return flatten.Address(n.IPAddress)
		}
	}
	return types.StringNull()
}
