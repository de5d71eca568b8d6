package volume

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is a volume as declared, planned or observed.
type Model struct {
	ID         types.String             `tfsdk:"id"`
	Name       types.String             `tfsdk:"name"`
	Driver     types.String             `tfsdk:"driver"`
	DriverOpts types.Map                `tfsdk:"driver_opts"`
	Mountpoint types.String             `tfsdk:"mountpoint"`
	Labels     contract.Blocks[Label]   `tfsdk:"labels"`
	Cluster    contract.Blocks[Cluster] `tfsdk:"cluster"`
}

// Label is one label block.
type Label struct {
	Label types.String `tfsdk:"label"`
	Value types.String `tfsdk:"value"`
}

// Cluster is what makes a volume a Swarm cluster volume.
type Cluster struct {
	ID                types.String `tfsdk:"id"`
	Availability      types.String `tfsdk:"availability"`
	Group             types.String `tfsdk:"group"`
	LimitBytes        types.String `tfsdk:"limit_bytes"`
	RequiredBytes     types.String `tfsdk:"required_bytes"`
	Scope             types.String `tfsdk:"scope"`
	Sharing           types.String `tfsdk:"sharing"`
	TopologyPreferred types.String `tfsdk:"topology_preferred"`
	TopologyRequired  types.String `tfsdk:"topology_required"`
	Type              types.String `tfsdk:"type"`
}
