package network

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is a network as declared, planned or observed.
type Model struct {
	ID          types.String                `tfsdk:"id"`
	Name        types.String                `tfsdk:"name"`
	Driver      types.String                `tfsdk:"driver"`
	Options     types.Map                   `tfsdk:"options"`
	Internal    types.Bool                  `tfsdk:"internal"`
	Attachable  types.Bool                  `tfsdk:"attachable"`
	Ingress     types.Bool                  `tfsdk:"ingress"`
	IPv6        types.Bool                  `tfsdk:"ipv6"`
	IPAMDriver  types.String                `tfsdk:"ipam_driver"`
	IPAMOptions types.Map                   `tfsdk:"ipam_options"`
	IPAM        types.List                  `tfsdk:"ipam"`
	Scope       types.String                `tfsdk:"scope"`
	IPAMConfig  contract.Blocks[IPAMConfig] `tfsdk:"ipam_config"`
	Labels      contract.Blocks[Label]      `tfsdk:"labels"`
}

// IPAMConfig is one declared range of addresses.
type IPAMConfig struct {
	Subnet     types.String `tfsdk:"subnet"`
	IPRange    types.String `tfsdk:"ip_range"`
	Gateway    types.String `tfsdk:"gateway"`
	AuxAddress types.Map    `tfsdk:"aux_address"`
}

// Label is one label block.
type Label struct {
	Label types.String `tfsdk:"label"`
	Value types.String `tfsdk:"value"`
}

// poolType is an item of the attribute ipam.
var poolType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"subnet":      types.StringType,
	"ip_range":    types.StringType,
	"gateway":     types.StringType,
	"aux_address": types.MapType{ElemType: types.StringType},
}}
