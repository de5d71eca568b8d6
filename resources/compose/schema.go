package compose

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	tftypes "github.com/hashicorp/terraform-plugin-framework/types"
)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	filled := []validator.List{listvalidator.SizeAtLeast(1), listvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))}
	return schema.Schema{
		MarkdownDescription: "The services of Compose files, as `docker compose up` and `down` manage them, without the docker CLI. " +
			"The files are read at plan: an edited service is an update that names it, and so is a container that was stopped, removed or made from an image " +
			"whose name stands for another one since. Only services that changed are touched; images are pulled and built before anything is removed, and a container " +
			"that is replaced stands aside until the new one runs.\n\n" +
			"Names and labels are those of `docker compose`, so `docker compose ls`, `ps` and `logs` know the project, and a project it made is taken over. " +
			"What a file says and an engine cannot do is refused at plan with its key. " +
			"Destroy removes containers, their anonymous volumes, and networks; named volumes stay with their data. Needs engine API 1.25.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The project's name.",
			},
			"config_paths": schema.ListAttribute{
				Required: true, ElementType: tftypes.StringType, Validators: filled,
				MarkdownDescription: "Compose files, as `docker compose -f` takes them: a later one completes and overrides the earlier. Relative paths start at the working directory.",
			},
			"project_directory": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "What relative paths in the files start at, and where `.env` is. Default: the directory of the first file.",
			},
			"project_name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Name of the project: lower case letters, digits, `_` and `-`, the first one a letter or digit. Default: `name` in the files, else the name of the project directory. " +
					"Another name is another project, and replaces it: the named volumes of the old one stay with their data, and the new one begins with volumes of its own.",
			},
			"profiles": schema.ListAttribute{
				Optional: true, ElementType: tftypes.StringType,
				MarkdownDescription: "Profiles that are active. Default: those in the variable `COMPOSE_PROFILES`.",
			},
			"env_files": schema.ListAttribute{
				Optional: true, ElementType: tftypes.StringType,
				MarkdownDescription: "Files with the values of variables in the Compose files. Default: `.env` of the project directory. The environment of the process comes before them.",
			},
			"remove_orphans": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Remove containers of the project whose service is declared no longer, or has a profile that is not active. Default `false`: they stay, and a warning names them. A destroy removes them all the same.",
			},
			"wait": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Wait until the services run and, where they have a health check, are healthy. Default `false`. Conditions of `depends_on` are always waited for. Podman tests health only where systemd runs.",
			},
			"wait_timeout": schema.StringAttribute{
				Optional: true, Validators: []validator.String{durationForm{}},
				MarkdownDescription: "How long `wait` waits at most, such as `90s` or `5m`. Default: no limit.",
			},
			"services": schema.MapAttribute{
				Computed: true, ElementType: tftypes.StringType,
				MarkdownDescription: "What each service is: the hash of its definition as `docker compose` has it in labels (with ` x3` for three containers, and what is wrong where something is). " +
					"A service that is scaled to 0 is not in it.",
			},
			"networks": schema.MapAttribute{
				Computed: true, ElementType: tftypes.StringType,
				MarkdownDescription: "The hash of the definition of each network that belongs to the project.",
			},
		},
	}
}

// durationForm accepts durations that are not negative.
type durationForm struct{}

func (durationForm) Description(context.Context) string {
	return "a duration such as \"90s\" or \"5m\""
}

func (durationForm) MarkdownDescription(context.Context) string {
	return "a duration such as `90s` or `5m`"
}

func (d durationForm) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || req.ConfigValue.ValueString() == "" {
		return
	}
	if v, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || v < 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration", "The value must be "+d.Description(ctx)+".")
	}
}
