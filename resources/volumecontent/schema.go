package volumecontent

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/buildcontext"
	"github.com/cleat-dev/cleat/resources/contract"
)

var (
	volumeForm      = stringvalidator.RegexMatches(regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`), "must be the name of a volume")
	permissionsForm = stringvalidator.RegexMatches(regexp.MustCompile(`^[0-7]{3,4}$`), "must be permissions in octal, such as 0644")
	someText        = stringvalidator.LengthAtLeast(1)
)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	no := booldefault.StaticBool(false)
	return schema.Schema{
		MarkdownDescription: "The files of a directory or an archive, put into a volume, and again when they differ, whoever changed them. Other files in the volume are left alone, unless `prune` is set. " +
			"A container that is never started is created for each look and each change, and removed again. Needs engine API 1.21.",
		Attributes: map[string]schema.Attribute{
			"id":      schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the volume."},
			"volume":  schema.StringAttribute{Required: true, Validators: []validator.String{volumeForm}, MarkdownDescription: "Name of the volume."},
			"source":  schema.StringAttribute{Optional: true, Validators: []validator.String{someText}, MarkdownDescription: "Directory of this machine whose files are put into the volume. Links in it are copied as links."},
			"archive": schema.StringAttribute{Optional: true, Validators: []validator.String{someText}, MarkdownDescription: "Tar archive of this machine, plain or compressed with gzip, whose files are put into the volume."},
			"permissions": schema.StringAttribute{
				Optional: true, Validators: []validator.String{permissionsForm},
				MarkdownDescription: "Permissions of the files in octal. When not given, those of the source.",
			},
			"uid": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "Number of the user the files belong to. When not given, 0 for a directory, and what an archive says. Podman does not tell whose they are: a change there is not seen.",
			},
			"gid": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "Number of the group the files belong to. When not given, 0 for a directory, and what an archive says.",
			},
			"prune": schema.BoolAttribute{
				Optional: true, Computed: true, Default: no,
				MarkdownDescription: "The volume holds these files and no others: files of others are drift, and removed. Needs `helper_image`.",
			},
			"helper_image": schema.StringAttribute{
				Optional: true, Validators: []validator.String{someText},
				MarkdownDescription: "Image on the engine that has `sh` and `rm`, such as `busybox:1`. It is run without a network to remove files: those that are declared no longer, those `prune` finds, and all on destroy. Without it they stay, with a warning.",
			},
			"keep_on_destroy": schema.BoolAttribute{Optional: true, Computed: true, Default: no, MarkdownDescription: "Leave the files in the volume on destroy."},
			"detect_drift": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Read the files back for each plan. Without it a plan only looks whether the volume is there.",
			},
			"files": schema.MapAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "Permissions, owner, size in bytes and SHA-256 of each file by its name in the volume.",
			},
		},
		Blocks: map[string]schema.Block{},
	}
}

// Model is a docker_volume_content.
type Model struct {
	ID            types.String `tfsdk:"id"`
	Volume        types.String `tfsdk:"volume"`
	Source        types.String `tfsdk:"source"`
	Archive       types.String `tfsdk:"archive"`
	Permissions   types.String `tfsdk:"permissions"`
	UID           types.Int64  `tfsdk:"uid"`
	GID           types.Int64  `tfsdk:"gid"`
	Prune         types.Bool   `tfsdk:"prune"`
	HelperImage   types.String `tfsdk:"helper_image"`
	KeepOnDestroy types.Bool   `tfsdk:"keep_on_destroy"`
	DetectDrift   types.Bool   `tfsdk:"detect_drift"`
	Files         types.Map    `tfsdk:"files"`
}

// Rules implements contract.Type. Where the files come from and whose they are shows in files, which decides.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":              {Stable: true, Requires: "1.21"},
		"source":          {ConfigOnly: true},
		"archive":         {ConfigOnly: true},
		"permissions":     {ConfigOnly: true},
		"uid":             {ConfigOnly: true},
		"gid":             {ConfigOnly: true},
		"prune":           {Effect: contract.InPlace, Unreported: true},
		"helper_image":    {ConfigOnly: true},
		"keep_on_destroy": {ConfigOnly: true},
		"detect_drift":    {ConfigOnly: true},
		"files":           {Effect: contract.InPlace, Unreported: true, Explain: explain},
	}
}

// explain names the files that differ.
func explain(observed, desired attr.Value) string {
	before, known := observed.(types.Map)
	after, planned := desired.(types.Map)
	if !known || !planned || before.IsUnknown() || after.IsUnknown() {
		return ""
	}
	return buildcontext.Explain(texts(before), texts(after))
}

// texts is a map of texts; null and unknown have none.
func texts(m types.Map) map[string]string {
	all := make(map[string]string, len(m.Elements()))
	for name, v := range m.Elements() {
		if s, ok := v.(types.String); ok {
			all[name] = s.ValueString()
		}
	}
	return all
}

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	var diags diag.Diagnostics
	if !config.Source.IsUnknown() && !config.Archive.IsUnknown() && config.Source.IsNull() == config.Archive.IsNull() {
		diags.AddAttributeError(path.Root("volume"), "One source",
			fmt.Sprintf("Exactly one of source and archive says which files the volume %q is to hold.", config.Volume.ValueString()))
	}
	if config.Prune.ValueBool() && config.HelperImage.IsNull() {
		diags.AddAttributeError(path.Root("prune"), "Nothing to remove files with",
			"Engines remove no files of a volume; prune needs helper_image, an image on the engine that has sh and rm, such as busybox:1.")
	}
	return diags
}
