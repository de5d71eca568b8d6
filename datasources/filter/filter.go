// Package filter is the block by which data sources that list objects choose among them, with the engine's own filters.
package filter

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Filter is one condition; an object meets it with any of the values.
type Filter struct {
	Name   types.String `tfsdk:"name"`
	Values types.Set    `tfsdk:"values"`
}

// Blocks are the filters of a data source: all of them have to be met.
type Blocks = contract.Blocks[Filter]

// Schema is the block, for objects called what, with the names of filters engines know for them.
func Schema(what, names string) schema.SetNestedBlock {
	return schema.SetNestedBlock{
		MarkdownDescription: fmt.Sprintf("A condition %s have to meet, by any of its values. Several filters have to be met all.", what),
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required: true, MarkdownDescription: "What is asked: a filter of the engine's, such as " + names + ".",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"values": schema.SetAttribute{
				Required: true, ElementType: types.StringType, MarkdownDescription: "Values that meet the condition, as `env=prod` for `label`.",
				Validators: []validator.Set{setvalidator.SizeAtLeast(1)},
			},
		}},
	}
}

// Of returns the filters as the client takes them; nil for none.
func Of(blocks Blocks) moby.Filters {
	var out moby.Filters
	for _, f := range blocks.Items {
		if out == nil {
			out = moby.Filters{}
		}
		for _, v := range f.Values.Elements() {
			if s, ok := v.(types.String); ok {
				out.Add(f.Name.ValueString(), s.ValueString())
			}
		}
	}
	return out
}

// Failed is the error of a list call: what an engine finds wrong with the filters belongs to them.
func Failed(what string, blocks Blocks, err error) error {
	if errors.Is(err, errs.ErrInvalid) && len(blocks.Items) > 0 {
		return contract.At("filter", "%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
