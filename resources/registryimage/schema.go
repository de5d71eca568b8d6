package registryimage

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/image"
)

// Schema implements contract.Type.
func (Type) Schema(ctx context.Context) schema.Schema {
	built := image.Type{}.Schema(ctx)
	return schema.Schema{
		MarkdownDescription: "An image in a registry. The engine pushes the image it has under this name; `docker_image` and `docker_tag` give it one. " +
			"An image that is no longer in the registry is pushed again, and so is one whose name somebody else has moved.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Digest of the image, `sha256:…`."},
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Tagged()},
				MarkdownDescription: "Name of the image, with the registry in front where it is not Docker Hub: `registry.example.com/team/app:1.0`.",
			},
			"keep_remotely": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Leave the image in the registry on destroy. Needed for registries that delete nothing by their API, such as Amazon ECR. Default `false`: " +
					"the manifest is deleted, and with it every other tag that stands for it.",
			},
			"insecure_skip_verify": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Accept any certificate of the registry, and plain HTTP, when it is asked for digests or to delete. " +
					"The push is the engine's, which has a list of insecure registries of its own. Default `false`.",
			},
			"triggers": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Any values; a change of them pushes again. Give it `docker_image.….image_id` to push each new image.",
			},
			"sha256_digest": schema.StringAttribute{Computed: true, MarkdownDescription: "Digest of the image as it was pushed, `sha256:…`."},
			"moved_to": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Digest the name stands for in the registry, where that is not what was pushed any more; else empty.",
			},
			"build_context": built.Attributes["build_context"],
		},
		Blocks: map[string]schema.Block{
			"auth_config": schema.ListNestedBlock{
				MarkdownDescription: "Credentials for this image. They come before the provider's `registry_auth` and those of the docker CLI. " +
					"`cleat` remembers no password: what is declared no longer is deleted with the provider's credentials.",
				Validators: []validator.List{listvalidator.SizeAtMost(1)},
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"address":  schema.StringAttribute{Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)}, MarkdownDescription: "Address of the registry."},
					"username": schema.StringAttribute{Optional: true, MarkdownDescription: "User name."},
					"password": schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Password or token."},
				}},
			},
			"build":    built.Blocks["build"],
			"timeouts": timeouts(),
		},
	}
}

func timeouts() schema.Block {
	limit := func(what string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Validators: []validator.String{duration{}}, MarkdownDescription: what + " A duration such as `20m`."}
	}
	return schema.SingleNestedBlock{
		MarkdownDescription: "How long an operation may take. There is no limit by default.",
		Attributes: map[string]schema.Attribute{
			"create": limit("Build and push of an image."), "update": limit("Another push."), "delete": limit("Deletion."),
		},
	}
}

// Model is a docker_registry_image.
type Model struct {
	ID                 types.String                 `tfsdk:"id"`
	Name               types.String                 `tfsdk:"name"`
	KeepRemotely       types.Bool                   `tfsdk:"keep_remotely"`
	InsecureSkipVerify types.Bool                   `tfsdk:"insecure_skip_verify"`
	Triggers           types.Map                    `tfsdk:"triggers"`
	SHA256Digest       types.String                 `tfsdk:"sha256_digest"`
	MovedTo            types.String                 `tfsdk:"moved_to"`
	BuildContext       types.Map                    `tfsdk:"build_context"`
	AuthConfig         contract.Blocks[AuthConfig]  `tfsdk:"auth_config"`
	Build              contract.Blocks[image.Build] `tfsdk:"build"`
	Timeouts           contract.Blocks[Timeouts]    `tfsdk:"timeouts"`
}

// AuthConfig are credentials for one image.
type AuthConfig struct {
	Address  types.String `tfsdk:"address"`
	Username types.String `tfsdk:"username"`
	Password types.String `tfsdk:"password"`
}

// Timeouts are durations, such as "20m".
type Timeouts struct {
	Create types.String `tfsdk:"create"`
	Update types.String `tfsdk:"update"`
	Delete types.String `tfsdk:"delete"`
}

// renewed are the attributes whose change pushes again.
var renewed = []string{"build", "build_context", "moved_to", "triggers"}

// Rules implements contract.Type. Only another name is another object; everything else pushes again, without a moment in which
// the registry has nothing.
func (Type) Rules() contract.Rules {
	rules := contract.Rules{
		"name":                 {Same: imageref.SameValue},
		"id":                   {MovedBy: renewed},
		"sha256_digest":        {MovedBy: renewed, Unreported: true},
		"moved_to":             {Effect: contract.InPlace, Cause: contract.Drift},
		"triggers":             {Effect: contract.InPlace, Unreported: true},
		"keep_remotely":        {ConfigOnly: true},
		"insecure_skip_verify": {ConfigOnly: true},
		"auth_config":          {ConfigOnly: true},
		"timeouts":             {ConfigOnly: true},
	}
	for name, rule := range (image.Type{}).Rules() {
		if name == "build" || name == "build_context" || strings.HasPrefix(name, "build.") {
			maps.Copy(rules, contract.Rules{name: rule})
		}
	}
	return rules
}

// Validate implements contract.Validator.
func (Type) Validate(ctx context.Context, m Model) diag.Diagnostics {
	diags := image.Type{}.Validate(ctx, m.image())
	if a, ok := m.AuthConfig.One(); ok && !a.Username.IsUnknown() && !a.Password.IsUnknown() {
		at := path.Root("auth_config").AtListIndex(0)
		switch user, password := a.Username.ValueString(), a.Password.ValueString(); {
		case user == "" && password != "":
			diags.AddAttributeError(at.AtName("username"), "User name missing", "A password needs a user name beside it; registries with tokens alone take any, such as \"oauth2accesstoken\" or \"AWS\".")
		case user != "" && password == "":
			diags.AddAttributeError(at.AtName("password"), "Password missing", "A user name needs a password or token beside it.")
		}
	}
	return diags
}

// duration accepts durations above zero.
type duration struct{}

func (duration) Description(context.Context) string { return "a duration such as \"90s\" or \"20m\"" }
func (duration) MarkdownDescription(_ context.Context) string {
	return "a duration such as `90s` or `20m`"
}

// ValidateString implements validator.String.
func (d duration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if v, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || v <= 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration", "The value must be "+d.Description(ctx)+".")
	}
}
