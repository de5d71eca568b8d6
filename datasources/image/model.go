package image

import "github.com/hashicorp/terraform-plugin-framework/types"

// Model is the question and its answer.
type Model struct {
	ID           types.String `tfsdk:"id"`
	Name         types.String `tfsdk:"name"`
	ImageID      types.String `tfsdk:"image_id"`
	RepoDigest   types.String `tfsdk:"repo_digest"`
	RepoDigests  types.List   `tfsdk:"repo_digests"`
	Tags         types.List   `tfsdk:"tags"`
	OS           types.String `tfsdk:"os"`
	Architecture types.String `tfsdk:"architecture"`
	Variant      types.String `tfsdk:"variant"`
	Author       types.String `tfsdk:"author"`
	Created      types.String `tfsdk:"created"`
	Size         types.Int64  `tfsdk:"size"`
	Labels       types.Map    `tfsdk:"labels"`
	Env          types.List   `tfsdk:"env"`
	Command      types.List   `tfsdk:"cmd"`
	Entrypoint   types.List   `tfsdk:"entrypoint"`
	ExposedPorts types.List   `tfsdk:"exposed_ports"`
	Volumes      types.List   `tfsdk:"volumes"`
	User         types.String `tfsdk:"user"`
	WorkingDir   types.String `tfsdk:"working_dir"`
	StopSignal   types.String `tfsdk:"stop_signal"`
	Layers       types.List   `tfsdk:"layers"`
}
