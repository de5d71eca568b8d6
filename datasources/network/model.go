package network

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/flatten"
)

// Model is the question and its answer.
type Model struct {
	ID         types.String `tfsdk:"id"`
	Name       types.String `tfsdk:"name"`
	Driver     types.String `tfsdk:"driver"`
	Internal   types.Bool   `tfsdk:"internal"`
	Attachable types.Bool   `tfsdk:"attachable"`
	Ingress    types.Bool   `tfsdk:"ingress"`
	IPv6       types.Bool   `tfsdk:"ipv6"`
	IPAMDriver types.String `tfsdk:"ipam_driver"`
	IPAMConfig types.Set    `tfsdk:"ipam_config"`
	Options    types.Map    `tfsdk:"options"`
	Labels     types.Map    `tfsdk:"labels"`
	Scope      types.String `tfsdk:"scope"`
	Created    types.String `tfsdk:"created"`
	Containers types.List   `tfsdk:"containers"`
}

var (
	rangeObject = flatten.Object{
		"subnet":      types.StringType,
		"ip_range":    types.StringType,
		"gateway":     types.StringType,
		"aux_address": types.MapType{ElemType: types.StringType},
	}
	endpointObject = flatten.Object{
		"container_id": types.StringType,
		"name":         types.StringType,
		"endpoint_id":  types.StringType,
		"mac_address":  types.StringType,
		"ipv4_address": types.StringType,
		"ipv6_address": types.StringType,
	}
)
