package network

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	text := func(doc string) schema.Attribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	flag := func(doc string) schema.Attribute {
		return schema.BoolAttribute{Computed: true, MarkdownDescription: doc}
	}
	return schema.Schema{
		MarkdownDescription: "A network of the engine. Needs engine API 1.21.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name or id of the network.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"id":          text("Id of the network."),
			"driver":      text("Network driver."),
			"internal":    flag("Whether the network has no way to the outside."),
			"attachable":  flag("Whether plain containers may be connected to this network when it is a swarm's."),
			"ingress":     flag("Whether this is the swarm's routing-mesh network."),
			"ipv6":        flag("Whether the network has IPv6 addresses."),
			"ipam_driver": text("Driver that hands out addresses."),
			"ipam_config": schema.SetAttribute{
				Computed: true, ElementType: rangeObject.Type(),
				MarkdownDescription: "The network's ranges of addresses: objects with `subnet`, `ip_range`, `gateway` and `aux_address`.",
			},
			"options": schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Options of the driver."},
			"labels":  schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Labels of the network."},
			"scope":   text("Scope of the network: `local`, `swarm` or `global`."),
			"created": text("When the network was made, in RFC 3339. Null where the engine does not report it."),
			"containers": schema.ListAttribute{
				Computed: true, ElementType: endpointObject.Type(),
				MarkdownDescription: "Containers on the network, ordered by name: objects with `container_id`, `name`, `endpoint_id`, `mac_address`, `ipv4_address` and `ipv6_address` (addresses with prefix length, as `10.1.0.2/16`).",
			},
		},
	}
}
