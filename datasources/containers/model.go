package containers

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
)

// Model is the question and its answer.
type Model struct {
	ID         types.String  `tfsdk:"id"`
	All        types.Bool    `tfsdk:"all"`
	Limit      types.Int64   `tfsdk:"limit"`
	Filter     filter.Blocks `tfsdk:"filter"`
	Containers types.List    `tfsdk:"containers"`
}

var containerObject = flatten.Object{
	"id":       types.StringType,
	"names":    types.ListType{ElemType: types.StringType},
	"image":    types.StringType,
	"image_id": types.StringType,
	"command":  types.StringType,
	"created":  types.Int64Type,
	"state":    types.StringType,
	"status":   types.StringType,
	"labels":   types.MapType{ElemType: types.StringType},
}
