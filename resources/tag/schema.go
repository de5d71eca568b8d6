package tag

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A further name for an image the engine has. The name follows the source: when that stands for another image, the target is moved in place.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Source and target, joined by a dot."},
			"source_image": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.NameOrID()},
				MarkdownDescription: "Name or id of the image.",
			},
			"target_image": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Tagged()},
				MarkdownDescription: "The name it gets.",
			},
			"source_image_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the image the target stands for."},
			"tag_triggers": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Any values; a change of them tags again. Needed only where the source moves in the same apply and is not referred to by its `image_id`.",
			},
		},
	}
}

// Model is a docker_tag.
type Model struct {
	ID            types.String `tfsdk:"id"`
	SourceImage   types.String `tfsdk:"source_image"`
	TargetImage   types.String `tfsdk:"target_image"`
	SourceImageID types.String `tfsdk:"source_image_id"`
	TagTriggers   types.Set    `tfsdk:"tag_triggers"`
}

// Rules implements contract.Type.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":              {MovedBy: []string{"source_image"}},
		"source_image":    {Effect: contract.InPlace, Unreported: true, Same: imageref.SameValue},
		"target_image":    {Same: imageref.SameValue},
		"source_image_id": {Effect: contract.InPlace, MovedBy: []string{"source_image", "tag_triggers"}, Cause: contract.Image},
		"tag_triggers":    {Effect: contract.InPlace, Unreported: true},
	}
}
