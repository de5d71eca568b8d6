package container

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is what is run, and what came of it.
type Model struct {
	Image           types.String            `tfsdk:"image"`
	Command         types.List              `tfsdk:"command"`
	Entrypoint      types.List              `tfsdk:"entrypoint"`
	Env             types.Map               `tfsdk:"env"`
	User            types.String            `tfsdk:"user"`
	WorkingDir      types.String            `tfsdk:"working_dir"`
	NetworkMode     types.String            `tfsdk:"network_mode"`
	Stdin           types.String            `tfsdk:"stdin"`
	Timeout         types.Int64             `tfsdk:"timeout"`
	ExpectExitCodes types.Set               `tfsdk:"expect_exit_codes"`
	Volumes         contract.Blocks[Volume] `tfsdk:"volumes"`
	ExitCode        types.Int64             `tfsdk:"exit_code"`
	Stdout          types.String            `tfsdk:"stdout"`
	Stderr          types.String            `tfsdk:"stderr"`
	Truncated       types.Bool              `tfsdk:"truncated"`
}

// Volume is one mount.
type Volume struct {
	ContainerPath types.String `tfsdk:"container_path"`
	VolumeName    types.String `tfsdk:"volume_name"`
	HostPath      types.String `tfsdk:"host_path"`
	ReadOnly      types.Bool   `tfsdk:"read_only"`
}

var (
	absolute   = stringvalidator.RegexMatches(regexp.MustCompile(`^/[^:]*$`), "must be an absolute path without a colon")
	volumeName = stringvalidator.RegexMatches(regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`), "is no name of a volume; a path goes to host_path")
	envName    = stringvalidator.RegexMatches(regexp.MustCompile(`^[^=\x00]+$`), "is no name of a variable")
)

// Schema implements contract.Ephemeral.
func (Ephemeral) Schema(context.Context) schema.Schema {
	list := func(doc string) schema.ListAttribute {
		return schema.ListAttribute{ElementType: types.StringType, Optional: true, Validators: []validator.List{listvalidator.NoNullValues()}, MarkdownDescription: doc}
	}
	return schema.Schema{
		MarkdownDescription: "A container that runs once, for its output: a secret that a program makes or fetches, without a state that keeps it. " +
			"The container has no log, and is removed with its anonymous volumes when it has ended, took too long, or the run is interrupted. " +
			"Terraform opens ephemeral resources in every plan and every apply: the program should bear to be run again. " +
			"The image has to be on the engine. Needs Terraform 1.10; `cleat` has no ephemeral resources.",
		Attributes: map[string]schema.Attribute{
			"image": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.NameOrID()},
				MarkdownDescription: "Name or id of the image (`docker_image.x.image_id`), which is on the engine.",
			},
			"command":    list("Command and its arguments; the image's when not given. There is no shell between; for one write `[\"sh\", \"-c\", \"...\"]`."),
			"entrypoint": list("Program the command is given to; the image's when not given. `[\"\"]` removes the image's."),
			"env": schema.MapAttribute{
				ElementType: types.StringType, Optional: true, Validators: []validator.Map{mapvalidator.KeysAre(envName), mapvalidator.NoNullValues()},
				MarkdownDescription: "Environment by name, beside the image's. Values may be ephemeral.",
			},
			"user":         schema.StringAttribute{Optional: true, MarkdownDescription: "User, `name|uid[:group|gid]`; the image's when not given."},
			"working_dir":  schema.StringAttribute{Optional: true, Validators: []validator.String{absolute}, MarkdownDescription: "Working directory; the image's when not given."},
			"network_mode": schema.StringAttribute{Optional: true, MarkdownDescription: "Network, by name or id, or `none`, `host`, `bridge`, `container:NAME`; the engine's default when not given."},
			"stdin":        schema.StringAttribute{Optional: true, MarkdownDescription: "Text for the standard input, which is then closed. May be ephemeral."},
			"timeout": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)},
				MarkdownDescription: "Seconds after which the container is removed and the run fails. Default `300`.",
			},
			"expect_exit_codes": schema.SetAttribute{
				ElementType: types.Int64Type, Optional: true,
				Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueInt64sAre(int64validator.Between(0, 255))},
				MarkdownDescription: "Exit codes that are a success. Only `0` when not given. The error of another one does not repeat the output, which may be secret.",
			},
			"exit_code": schema.Int64Attribute{Computed: true, MarkdownDescription: "Exit code of the container."},
			"stdout":    schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Standard output, its last MiB. Bytes that are no UTF-8 are replaced; have them encoded in base64."},
			"stderr":    schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Error output, its last MiB."},
			"truncated": schema.BoolAttribute{Computed: true, MarkdownDescription: "The container wrote more than is kept."},
		},
		Blocks: map[string]schema.Block{"volumes": schema.SetNestedBlock{
			MarkdownDescription: "A volume or a path of the engine's host inside the container.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"container_path": schema.StringAttribute{Required: true, Validators: []validator.String{absolute}, MarkdownDescription: "Where it is in the container."},
				"volume_name": schema.StringAttribute{
					Optional: true, Validators: []validator.String{volumeName},
					MarkdownDescription: "Name of the volume; an engine makes one that is missing. This or `host_path` is needed.",
				},
				"host_path": schema.StringAttribute{Optional: true, Validators: []validator.String{absolute}, MarkdownDescription: "Path on the engine's host."},
				"read_only": schema.BoolAttribute{Optional: true, MarkdownDescription: "The container cannot write to it. Default `false`."},
			}},
		}},
	}
}
