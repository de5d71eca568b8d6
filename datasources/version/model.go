package version

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/flatten"
)

// Model is the answer; there is nothing to ask.
type Model struct {
	ID            types.String `tfsdk:"id"`
	Version       types.String `tfsdk:"version"`
	APIVersion    types.String `tfsdk:"api_version"`
	MinAPIVersion types.String `tfsdk:"min_api_version"`
	OS            types.String `tfsdk:"os"`
	Architecture  types.String `tfsdk:"architecture"`
	Platform      types.String `tfsdk:"platform"`
	Experimental  types.Bool   `tfsdk:"experimental"`
	Components    types.List   `tfsdk:"components"`
}

var componentObject = flatten.Object{
	"name":    types.StringType,
	"version": types.StringType,
	"details": types.MapType{ElemType: types.StringType},
}
