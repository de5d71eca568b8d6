package filter

import (
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// List is the model of what lists objects of a resource type: filters and nothing else.
type List struct {
	Filter contract.Blocks[Listed] `tfsdk:"filter"`
}

// Listed is one condition, with its values in the one form lists have.
type Listed struct {
	Name   types.String `tfsdk:"name"`
	Values types.List   `tfsdk:"values"`
}

// Blocks are the filters as data sources have them.
func (l List) Blocks() Blocks {
	var all []Filter
	for _, f := range l.Filter.Items {
		all = append(all, Filter{Name: f.Name, Values: types.SetValueMust(types.StringType, distinct(f.Values.Elements()))})
	}
	return contract.BlocksOf(all...)
}

// distinct leaves out what is said twice, which no set may have.
func distinct(values []attr.Value) []attr.Value {
	var all []attr.Value
	for _, v := range values {
		if !slices.ContainsFunc(all, v.Equal) {
			all = append(all, v)
		}
	}
	return all
}

// ListSchema is the schema of [List]: names are those of filters engines know for the objects, which are called what.
func ListSchema(doc, what, names string) schema.Schema {
	return schema.Schema{
		MarkdownDescription: doc + " For `terraform query` of Terraform 1.14; `cleat adopt -all` writes the configuration of what it finds.",
		Blocks: map[string]schema.Block{"filter": schema.ListNestedBlock{
			MarkdownDescription: fmt.Sprintf("A condition %s have to meet, by any of its values. Several filters have to be met all.", what),
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"name": schema.StringAttribute{
					Required: true, MarkdownDescription: "What is asked: a filter of the engine's, such as " + names + ".",
					Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				},
				"values": schema.ListAttribute{
					Required: true, ElementType: types.StringType, MarkdownDescription: "Values that meet the condition, as `env=prod` for `label`.",
					Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.NoNullValues()},
				},
			}},
		}},
	}
}
