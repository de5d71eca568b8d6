package network

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// namePattern is what all engines take as the name of a network.
var namePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		Version:             1,
		MarkdownDescription: "A network that containers can be connected to. No engine can change a network, so a change replaces it. Needs engine API 1.21.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the network."},
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the network: letters, digits, `_`, `.` and `-`, the first one a letter or digit. `bridge`, `host`, `none` and `default` are the engine's own.",
				Validators: []validator.String{
					stringvalidator.RegexMatches(namePattern, "is no network name: a network name has letters, digits, _ . and -, and starts with a letter or digit"),
					stringvalidator.NoneOf("bridge", "host", "none", "default"),
				},
			},
			"driver": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("bridge"),
				MarkdownDescription: "Network driver: `bridge`, `overlay`, `macvlan`, `ipvlan` or a plugin's. Default `bridge`.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"options": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Options for the driver, such as `com.docker.network.driver.mtu` (bytes) or `com.docker.network.bridge.name`.",
			},
			"internal": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether the network has no way to the outside. Needs engine API 1.22. Default `false`.",
			},
			"attachable": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether plain containers may be connected to this network when it is a swarm's. Needs engine API 1.25. Default `false`.",
			},
			"ingress": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether this is the swarm's routing-mesh network. Needs engine API 1.29. Default `false`.",
			},
			"ipv6": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether the network has IPv6 addresses too. Needs engine API 1.23. Default `false`.",
			},
			"ipam_driver": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(defaultIPAM),
				MarkdownDescription: "Driver that hands out addresses. Default `default`: the engine's own.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"ipam_options": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Options for the IPAM driver. Needs engine API 1.22.",
			},
			"ipam": schema.ListAttribute{
				Computed: true, ElementType: poolType,
				MarkdownDescription: "The addresses the network has, declared or chosen by the engine, ordered by subnet: a list of objects with `subnet`, `ip_range`, `gateway` and `aux_address`.",
			},
			"scope": schema.StringAttribute{Computed: true, MarkdownDescription: "Scope of the network: `local`, `swarm` or `global`."},
		},
		Blocks: map[string]schema.Block{
			"ipam_config": ipamBlock(),
			"labels": schema.SetNestedBlock{
				MarkdownDescription: "A label of the network. Needs engine API 1.23.",
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"label": schema.StringAttribute{
						Required: true, MarkdownDescription: "Name of the label.",
						Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
					},
					"value": schema.StringAttribute{Required: true, MarkdownDescription: "Value of the label."},
				}},
			},
		},
	}
}

func ipamBlock() schema.Block {
	return schema.SetNestedBlock{
		MarkdownDescription: "A range of addresses for the network. Without any, the engine chooses one: see `ipam`. " +
			"Declaring what the network has already, or no longer declaring it, is only recorded; declaring anything else replaces the network.",
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"subnet": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Subnet in CIDR notation, as `10.1.0.0/16` or `fd00:1::/64`.",
				Validators: []validator.String{prefixValidator{something: true}},
			},
			"ip_range": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Part of the subnet from which containers get their addresses, in CIDR notation. The whole subnet when absent.",
				Validators: []validator.String{prefixValidator{}},
			},
			"gateway": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Address of the gateway, inside the subnet. Chosen by the engine when absent, usually the first address.",
				Validators: []validator.String{addrValidator{}},
			},
			"aux_address": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses inside the subnet that are reserved for others: host name to address.",
			},
		}},
	}
}
