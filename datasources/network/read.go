package network

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	NetworkInspect(ctx context.Context, network string, options moby.NetworkInspectOptions) (moby.NetworkInspectResult, error)
}

// DataSource is docker_network.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "network" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	name := config.Name.ValueString()
	found, err := e.NetworkInspect(ctx, name, moby.NetworkInspectOptions{})
	if err != nil {
		return config, contract.At("name", "network %q: %w", name, err)
	}
	m := flattenNetwork(found.Network)
	m.Name = config.Name
	return m, nil
}

func flattenNetwork(n mobynetwork.Inspect) Model {
	created := types.StringNull()
	if !n.Created.IsZero() {
		created = types.StringValue(n.Created.Format(time.RFC3339Nano))
	}
	return Model{
		ID:         flatten.Text(n.ID),
		Driver:     flatten.Text(n.Driver),
		Internal:   types.BoolValue(n.Internal),
		Attachable: types.BoolValue(n.Attachable),
		Ingress:    types.BoolValue(n.Ingress),
		IPv6:       types.BoolValue(n.EnableIPv6),
		IPAMDriver: flatten.Text(n.IPAM.Driver),
		IPAMConfig: flattenRanges(n.IPAM.Config),
		Options:    flatten.TextMap(n.Options),
		Labels:     flatten.TextMap(n.Labels),
		Scope:      flatten.Text(n.Scope),
		Created:    created,
		Containers: flattenEndpoints(n.Containers),
	}
}

func flattenRanges(ranges []mobynetwork.IPAMConfig) types.Set {
	var items []map[string]attr.Value
	for _, r := range ranges {
		aux := make(map[string]string, len(r.AuxAddress))
		for name, addr := range r.AuxAddress {
			aux[name] = addr.String()
		}
		items = append(items, map[string]attr.Value{
			"subnet": flatten.Prefix(r.Subnet), "ip_range": flatten.Prefix(r.IPRange), "gateway": flatten.Address(r.Gateway), "aux_address": flatten.TextMap(aux),
		})
	}
	return rangeObject.Set(items)
}

func flattenEndpoints(endpoints map[string]mobynetwork.EndpointResource) types.List {
	ids := slices.SortedFunc(maps.Keys(endpoints), func(a, b string) int {
		return cmp.Or(strings.Compare(endpoints[a].Name, endpoints[b].Name), strings.Compare(a, b))
	})
	var items []map[string]attr.Value
	for _, id := range ids {
		e := endpoints[id]
		items = append(items, map[string]attr.Value{
			"container_id": types.StringValue(id),
			"name":         flatten.Text(e.Name),
			"endpoint_id":  flatten.Text(e.EndpointID),
			"mac_address":  flatten.Text(e.MacAddress.String()),
			"ipv4_address": flatten.Prefix(e.IPv4Address),
			"ipv6_address": flatten.Prefix(e.IPv6Address),
		})
	}
	return endpointObject.List(items)
}
