package volume

import "github.com/hashicorp/terraform-plugin-framework/types"

// Model is the question and its answer.
type Model struct {
	ID         types.String `tfsdk:"id"`
	Name       types.String `tfsdk:"name"`
	Driver     types.String `tfsdk:"driver"`
	DriverOpts types.Map    `tfsdk:"driver_opts"`
	Labels     types.Map    `tfsdk:"labels"`
	Mountpoint types.String `tfsdk:"mountpoint"`
	Scope      types.String `tfsdk:"scope"`
	Created    types.String `tfsdk:"created"`
}
