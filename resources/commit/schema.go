package commit

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

var (
	changeForm = stringvalidator.RegexMatches(
		regexp.MustCompile(`(?i)^\s*(CMD|ENTRYPOINT|ENV|EXPOSE|LABEL|ONBUILD|STOPSIGNAL|USER|VOLUME|WORKDIR|HEALTHCHECK)\s+\S`),
		"must be a Dockerfile instruction that changes an image's configuration: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR")
)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "An image made from a container: its files and its configuration as they are at that moment. Committed again, under the same name, when the container is another one or a trigger changes.",
		Attributes: map[string]schema.Attribute{
			"id":           schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the image, with its tag."},
			"name":         schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the image, with its tag."},
			"image_id":     schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the image the name stands for."},
			"container_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container that was committed."},
			"container": schema.StringAttribute{
				Required: true, Validators: []validator.String{containerref.Validator()},
				MarkdownDescription: "Name or id of the container.",
			},
			"repository": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Repository()},
				MarkdownDescription: "Name of the image, without a tag.",
			},
			"tag": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("latest"), Validators: []validator.String{imageref.Tag()},
				MarkdownDescription: "Tag of the image.",
			},
			"message": schema.StringAttribute{Optional: true, MarkdownDescription: "Comment of the commit."},
			"author":  schema.StringAttribute{Optional: true, MarkdownDescription: "Author of the image."},
			"pause": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Pause the container while its files are read, so that the image is consistent.",
			},
			"changes": schema.ListAttribute{
				ElementType: types.StringType, Optional: true, Validators: []validator.List{listvalidator.ValueStringsAre(changeForm)},
				MarkdownDescription: "Dockerfile instructions that change the image's configuration, such as `CMD [\"serve\"]`.",
			},
			"triggers": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Any values; a change of them commits again.",
			},
			"keep_locally": schema.BoolAttribute{Optional: true, MarkdownDescription: "Leave the image on the engine when the resource is destroyed or commits again."},
			"force_remove": schema.BoolAttribute{Optional: true, MarkdownDescription: "Remove the name on destroy although containers were made from the image. Stopped containers then lose it; podman removes the containers as well."},
		},
		Blocks: map[string]schema.Block{},
	}
}

// Model is a docker_commit.
type Model struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	ImageID     types.String `tfsdk:"image_id"`
	ContainerID types.String `tfsdk:"container_id"`
	Container   types.String `tfsdk:"container"`
	Repository  types.String `tfsdk:"repository"`
	Tag         types.String `tfsdk:"tag"`
	Message     types.String `tfsdk:"message"`
	Author      types.String `tfsdk:"author"`
	Pause       types.Bool   `tfsdk:"pause"`
	Changes     types.List   `tfsdk:"changes"`
	Triggers    types.Map    `tfsdk:"triggers"`
	KeepLocally types.Bool   `tfsdk:"keep_locally"`
	ForceRemove types.Bool   `tfsdk:"force_remove"`
}

// recommits are the attributes whose change makes a new image. The spelling of the container is not among them: its
// id decides.
var recommits = []string{"author", "changes", "container_id", "message", "triggers"}

// Rules implements contract.Type.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"repository":   {Same: imageref.SameValue},
		"id":           {Stable: true},
		"name":         {Stable: true},
		"image_id":     {MovedBy: append([]string{"container"}, recommits...)},
		"container":    {ConfigOnly: true},
		"container_id": {Effect: contract.InPlace, Unreported: true, MovedBy: []string{"container", "triggers"}},
		"message":      {Effect: contract.InPlace},
		"author":       {Effect: contract.InPlace},
		"changes":      {Effect: contract.InPlace, Unreported: true, Requires: "1.20"},
		"triggers":     {Effect: contract.InPlace, Unreported: true},
		"pause":        {ConfigOnly: true},
		"keep_locally": {ConfigOnly: true},
		"force_remove": {ConfigOnly: true},
	}
}
