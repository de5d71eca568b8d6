package networkattachment

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/endpoint"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	optional := func(doc string, checks ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Validators: checks, MarkdownDescription: doc}
	}
	set := func(doc string, checks ...validator.Set) schema.SetAttribute {
		return schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: checks, MarkdownDescription: doc}
	}
	return schema.Schema{
		MarkdownDescription: "Connects a container to a network outside of both: one that another configuration, or no configuration, declares. " +
			"A change disconnects and connects the container and leaves it running.\n\n" +
			"A `docker_container` neither shows such a network in its plans nor disconnects it, so both live together. It knows it by the alias `" + endpoint.Mark +
			"`, which every attachment gives its endpoint beyond the declared ones. What was connected by hand has none, not even after an import: when the container is a `docker_container`, " +
			"replace the attachment once (`terraform apply -replace=ADDRESS`). The network that engines attach by themselves (`bridge`, of podman `podman`) takes no aliases: a `docker_container` " +
			"declares it in its own `networks_advanced`. A container of network mode `host`, `none` or `container:NAME` can be connected to nothing.\n\n" +
			"Refer to container and network by their `id`: when one of them is replaced, the attachment is made again in the same apply. Needs engine API 1.22.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Container and network as they were called when they were connected, joined by a colon."},
			"container": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Name or id of the container. It need not run.",
			},
			"network": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.NoneOf("host", "none")},
				MarkdownDescription: "Name or id of the network.",
			},
			"aliases":        set("Names of the container in the network beyond its own.", setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1), stringvalidator.NoneOf(endpoint.Mark))),
			"driver_opts":    set("Options for the network driver, `key=value` each. Needs engine API 1.32.", setvalidator.ValueStringsAre(endpoint.KeyValue())),
			"gw_priority":    schema.Int64Attribute{Optional: true, MarkdownDescription: "The network with the highest number gives the default gateway. Needs engine API 1.48."},
			"ipv4_address":   optional("IPv4 address; chosen by the engine when not given.", endpoint.IPv4()),
			"ipv6_address":   optional("IPv6 address; chosen by the engine when not given.", endpoint.IPv6()),
			"link_local_ips": set("Link-local addresses.", setvalidator.ValueStringsAre(endpoint.IP())),
			"mac_address":    optional("MAC address; chosen by the engine when not given. Needs engine API 1.44.", endpoint.MAC()),

			"container_id":        schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container. The attachment follows it: a container that was made anew under its name is connected again."},
			"network_name":        schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the network."},
			"ip_address":          schema.StringAttribute{Computed: true, MarkdownDescription: "IPv4 address the container has in the network; null while it does not run."},
			"global_ipv6_address": schema.StringAttribute{Computed: true, MarkdownDescription: "IPv6 address the container has in the network; null while it does not run, or without IPv6."},
		},
	}
}

// Model is a docker_network_attachment.
type Model struct {
	ID                types.String `tfsdk:"id"`
	Container         types.String `tfsdk:"container"`
	Network           types.String `tfsdk:"network"`
	Aliases           types.Set    `tfsdk:"aliases"`
	DriverOpts        types.Set    `tfsdk:"driver_opts"`
	GwPriority        types.Int64  `tfsdk:"gw_priority"`
	IPv4Address       types.String `tfsdk:"ipv4_address"`
	IPv6Address       types.String `tfsdk:"ipv6_address"`
	LinkLocalIPs      types.Set    `tfsdk:"link_local_ips"`
	MacAddress        types.String `tfsdk:"mac_address"`
	ContainerID       types.String `tfsdk:"container_id"`
	NetworkName       types.String `tfsdk:"network_name"`
	IPAddress         types.String `tfsdk:"ip_address"`
	GlobalIPv6Address types.String `tfsdk:"global_ipv6_address"`
}

func (m Model) endpoint() endpoint.Endpoint {
	return endpoint.Endpoint{
		Name: m.Network, Aliases: m.Aliases, DriverOpts: m.DriverOpts, GwPriority: m.GwPriority, IPv4Address: m.IPv4Address,
		IPv6Address: m.IPv6Address, LinkLocalIPs: m.LinkLocalIPs, MacAddress: m.MacAddress,
	}
}

// Rules implements contract.Type. No engine changes an endpoint: all there is to change makes a new one. Who is called
// by another name is compared by what it stands for.
func (Type) Rules() contract.Rules {
	same := func(same func(a, b string) bool) func(observed, desired attr.Value) bool {
		return func(observed, desired attr.Value) bool {
			o, okO := observed.(types.String)
			d, okD := desired.(types.String)
			return okO && okD && same(o.ValueString(), d.ValueString())
		}
	}
	address := same(func(a, b string) bool { return endpoint.CanonicalAddress(a) == endpoint.CanonicalAddress(b) })
	return contract.Rules{
		"id":                  {Stable: true, Requires: "1.22"},
		"container":           {Effect: contract.InPlace, Refers: []string{"container"}},
		"network":             {Effect: contract.InPlace, Refers: []string{"network"}},
		"container_id":        {Stable: true, Of: "container"},
		"network_name":        {Stable: true, Of: "network"},
		"ip_address":          {Stable: true},
		"global_ipv6_address": {Stable: true},
		"ipv4_address":        {Same: address},
		"ipv6_address":        {Same: address},
		"mac_address":         {Same: same(endpoint.SameMAC), Requires: "1.44"},
		"driver_opts":         {Requires: "1.32"},
		"gw_priority":         {Requires: "1.48"},
	}
}

// Claims implements contract.Claimant: a container is in a network once, and has its addresses there for itself.
func (Type) Claims(m Model) []contract.Claim {
	container, network := m.Container.ValueString(), m.Network.ValueString()
	if container == "" || network == "" {
		return nil
	}
	claims := []contract.Claim{{Kind: contract.ClaimConnection, Value: join(container, network), Path: "network"}}
	for attribute, address := range map[string]string{"ipv4_address": m.IPv4Address.ValueString(), "ipv6_address": m.IPv6Address.ValueString()} {
		if address != "" {
			claims = append(claims, contract.Claim{Kind: contract.ClaimAddress, Value: network, IP: address, Path: attribute})
		}
	}
	return claims
}
