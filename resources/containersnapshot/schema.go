package containersnapshot

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "An image of a container at a moment, taken again when a trigger changes. Each has the time as its tag; the last ones are kept. " +
			"That the container is replaced takes no new one: a snapshot outlives its container. The repository belongs to this resource: its images with a time as their tag are taken for snapshots, and removed when there are more than `keep`. " +
			"Volumes are not part of it. For an image under one name, see `docker_commit`.",
		Attributes: map[string]schema.Attribute{
			"id":       schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the repository."},
			"name":     schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the last snapshot, with its tag."},
			"image_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the last snapshot's image."},
			"snapshots": schema.ListAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "Names of all snapshots there are, the last one first.",
			},
			"container": schema.StringAttribute{
				Required: true, Validators: []validator.String{containerref.Validator()},
				MarkdownDescription: "Name or id of the container. A change takes no new snapshot.",
			},
			"repository": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Repository()},
				MarkdownDescription: "Name of the images, without a tag.",
			},
			"triggers": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Any values; a change of them takes a snapshot.",
			},
			"keep": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(1), Validators: []validator.Int64{int64validator.AtLeast(1)},
				MarkdownDescription: "How many snapshots are kept, the last one among them. One that a container was made from stays longer, with a warning.",
			},
			"pause": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Pause the container while its files are read, so that the image is consistent.",
			},
			"message":         schema.StringAttribute{Optional: true, MarkdownDescription: "Comment of the next snapshot."},
			"author":          schema.StringAttribute{Optional: true, MarkdownDescription: "Author of the next snapshot."},
			"keep_on_destroy": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false), MarkdownDescription: "Leave the snapshots on the engine on destroy."},
		},
		Blocks: map[string]schema.Block{},
	}
}

// Model is a docker_container_snapshot.
type Model struct {
	ID            types.String `tfsdk:"id"`
	Name          types.String `tfsdk:"name"`
	ImageID       types.String `tfsdk:"image_id"`
	Snapshots     types.List   `tfsdk:"snapshots"`
	Container     types.String `tfsdk:"container"`
	Repository    types.String `tfsdk:"repository"`
	Triggers      types.Map    `tfsdk:"triggers"`
	Keep          types.Int64  `tfsdk:"keep"`
	Pause         types.Bool   `tfsdk:"pause"`
	Message       types.String `tfsdk:"message"`
	Author        types.String `tfsdk:"author"`
	KeepOnDestroy types.Bool   `tfsdk:"keep_on_destroy"`
}

// Rules implements contract.Type.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":              {Stable: true},
		"repository":      {Same: imageref.SameValue},
		"name":            {MovedBy: []string{"triggers"}, Unreported: true},
		"image_id":        {MovedBy: []string{"triggers"}},
		"snapshots":       {MovedBy: []string{"triggers", "keep"}},
		"container":       {ConfigOnly: true},
		"triggers":        {Effect: contract.InPlace, Unreported: true},
		"keep":            {Effect: contract.InPlace, Unreported: true},
		"pause":           {ConfigOnly: true},
		"message":         {ConfigOnly: true},
		"author":          {ConfigOnly: true},
		"keep_on_destroy": {ConfigOnly: true},
	}
}
