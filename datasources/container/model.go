package container

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/flatten"
)

// Model is the question, name or id, and its answer.
type Model struct {
	ID           types.String `tfsdk:"id"`
	Name         types.String `tfsdk:"name"`
	State        types.String `tfsdk:"state"`
	Status       types.String `tfsdk:"status"`
	Health       types.String `tfsdk:"health"`
	ExitCode     types.Int64  `tfsdk:"exit_code"`
	Error        types.String `tfsdk:"error"`
	OOMKilled    types.Bool   `tfsdk:"oom_killed"`
	PID          types.Int64  `tfsdk:"pid"`
	RestartCount types.Int64  `tfsdk:"restart_count"`
	Created      types.String `tfsdk:"created"`
	StartedAt    types.String `tfsdk:"started_at"`
	FinishedAt   types.String `tfsdk:"finished_at"`

	Image       types.String `tfsdk:"image"`
	ImageID     types.String `tfsdk:"image_id"`
	Platform    types.String `tfsdk:"platform"`
	Command     types.List   `tfsdk:"command"`
	Entrypoint  types.List   `tfsdk:"entrypoint"`
	Env         types.List   `tfsdk:"env"`
	Labels      types.Map    `tfsdk:"labels"`
	Hostname    types.String `tfsdk:"hostname"`
	User        types.String `tfsdk:"user"`
	WorkingDir  types.String `tfsdk:"working_dir"`
	TTY         types.Bool   `tfsdk:"tty"`
	Restart     types.String `tfsdk:"restart"`
	NetworkMode types.String `tfsdk:"network_mode"`
	LogDriver   types.String `tfsdk:"log_driver"`

	IPAddress types.String `tfsdk:"ip_address"`
	Ports     types.List   `tfsdk:"ports"`
	Mounts    types.List   `tfsdk:"mounts"`
	Networks  types.List   `tfsdk:"networks"`
}

var (
	portObject = flatten.Object{
		"internal": types.Int64Type,
		"protocol": types.StringType,
		"external": types.Int64Type,
		"ip":       types.StringType,
	}
	mountObject = flatten.Object{
		"type":        types.StringType,
		"name":        types.StringType,
		"source":      types.StringType,
		"target":      types.StringType,
		"driver":      types.StringType,
		"mode":        types.StringType,
		"read_only":   types.BoolType,
		"propagation": types.StringType,
	}
	networkObject = flatten.Object{
		"name":                      types.StringType,
		"network_id":                types.StringType,
		"endpoint_id":               types.StringType,
		"ip_address":                types.StringType,
		"ip_prefix_length":          types.Int64Type,
		"gateway":                   types.StringType,
		"global_ipv6_address":       types.StringType,
		"global_ipv6_prefix_length": types.Int64Type,
		"ipv6_gateway":              types.StringType,
		"mac_address":               types.StringType,
		"aliases":                   types.ListType{ElemType: types.StringType},
	}
)
