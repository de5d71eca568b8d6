package logs

import "github.com/hashicorp/terraform-plugin-framework/types"

// Model is the question and its answer.
type Model struct {
	ID                    types.String `tfsdk:"id"`
	Name                  types.String `tfsdk:"name"`
	ShowStdout            types.Bool   `tfsdk:"show_stdout"`
	ShowStderr            types.Bool   `tfsdk:"show_stderr"`
	Since                 types.String `tfsdk:"since"`
	Until                 types.String `tfsdk:"until"`
	Tail                  types.String `tfsdk:"tail"`
	Timestamps            types.Bool   `tfsdk:"timestamps"`
	Details               types.Bool   `tfsdk:"details"`
	Follow                types.Bool   `tfsdk:"follow"`
	FollowTimeout         types.String `tfsdk:"follow_timeout"`
	DiscardHeaders        types.Bool   `tfsdk:"discard_headers"`
	LogsListStringEnabled types.Bool   `tfsdk:"logs_list_string_enabled"`
	LogsListString        types.List   `tfsdk:"logs_list_string"`
}
