package containerfile

import (
	"context"
	"encoding/base64"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	frameworkpath "github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/buildcontext"
	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/resources/contract"
)

var permissionsForm = stringvalidator.RegexMatches(regexp.MustCompile(`^[0-7]{3,4}$`), "must be permissions in octal, such as 0644")

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A file, or the files of a directory, in a container. They are copied in whether it runs or not, and again when they differ, whoever changed them. " +
			"Other files are left alone. In a successor of the container they are put again. Needs engine API 1.20. Files in a tmpfs cannot be reached this way.",
		Attributes: map[string]schema.Attribute{
			"id":           schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container and the path, joined by a colon."},
			"container_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container."},
			"container": schema.StringAttribute{
				Required: true, Validators: []validator.String{containerref.Validator()},
				MarkdownDescription: "Name or id of the container. With the id (`docker_container.app.id`) the files are in a successor in the same apply; with the name, after the next one.",
			},
			"path": schema.StringAttribute{
				Required: true, Validators: []validator.String{pathValidator{}},
				MarkdownDescription: "Absolute path in the container: of the file, or of the directory the files of a directory go into. Directories that are missing are made.",
			},
			"content":        schema.StringAttribute{Optional: true, MarkdownDescription: "Text of the file."},
			"content_base64": schema.StringAttribute{Optional: true, Validators: []validator.String{base64Validator{}}, MarkdownDescription: "Content of the file in base64."},
			"source":         schema.StringAttribute{Optional: true, MarkdownDescription: "File or directory of this machine. Links in it are copied as links."},
			"permissions": schema.StringAttribute{
				Optional: true, Validators: []validator.String{permissionsForm},
				MarkdownDescription: "Permissions of the files in octal. When not given, those of `source`, and `0644` for a content.",
			},
			"uid": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(0), Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "Number of the user the files belong to. Podman does not tell whose they are: a change there is not seen.",
			},
			"gid": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(0), Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "Number of the group the files belong to.",
			},
			"keep_on_destroy": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Leave the files in the container on destroy. Otherwise they are removed, which takes `rm` in a running container; where that is missing they stay, with a warning.",
			},
			"files": schema.MapAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "Permissions, owner, size in bytes and SHA-256 of each file by its name below `path`; `.` is the file itself.",
			},
			"modified": schema.Int64Attribute{Computed: true, MarkdownDescription: "When a single file was changed last, in seconds since 1970; 0 for a directory."},
		},
		Blocks: map[string]schema.Block{},
	}
}

// Model is a docker_container_file.
type Model struct {
	ID            types.String `tfsdk:"id"`
	Container     types.String `tfsdk:"container"`
	ContainerID   types.String `tfsdk:"container_id"`
	Path          types.String `tfsdk:"path"`
	Content       types.String `tfsdk:"content"`
	ContentBase64 types.String `tfsdk:"content_base64"`
	Source        types.String `tfsdk:"source"`
	Permissions   types.String `tfsdk:"permissions"`
	UID           types.Int64  `tfsdk:"uid"`
	GID           types.Int64  `tfsdk:"gid"`
	KeepOnDestroy types.Bool   `tfsdk:"keep_on_destroy"`
	Files         types.Map    `tfsdk:"files"`
	Modified      types.Int64  `tfsdk:"modified"`
}

// Rules implements contract.Type. Where the files come from and whose they are shows in files, which decides.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":              {Requires: "1.20", MovedBy: []string{"container", "container_id"}},
		"container":       {ConfigOnly: true},
		"container_id":    {Effect: contract.InPlace, Unreported: true},
		"content":         {ConfigOnly: true},
		"content_base64":  {ConfigOnly: true},
		"source":          {ConfigOnly: true},
		"permissions":     {ConfigOnly: true},
		"uid":             {ConfigOnly: true},
		"gid":             {ConfigOnly: true},
		"keep_on_destroy": {ConfigOnly: true},
		"files":           {Effect: contract.InPlace, Explain: explain},
		"modified":        {MovedBy: []string{"container", "container_id", "files"}},
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
	given := 0
	for _, v := range []types.String{config.Content, config.ContentBase64, config.Source} {
		if v.IsUnknown() {
			return nil
		}
		if !v.IsNull() {
			given++
		}
	}
	if given == 1 {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(frameworkpath.Root("path"), "One content",
		fmt.Sprintf("Exactly one of content, content_base64 and source says what the file holds; %d are given.", given))}
}

type pathValidator struct{}

func (pathValidator) Description(context.Context) string {
	return "an absolute path without a slash at its end, not the root"
}
func (v pathValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v pathValidator) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	p := req.ConfigValue.ValueString()
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || path.IsAbs(p) && path.Clean(p) == p && p != "/" && !strings.ContainsRune(p, 0) {
		return
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Path in a container", fmt.Sprintf("%q is not %s.", p, v.Description(ctx)))
}

type base64Validator struct{}

func (base64Validator) Description(context.Context) string               { return "base64 with padding" }
func (v base64Validator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v base64Validator) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := base64.StdEncoding.DecodeString(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Content in base64", fmt.Sprintf("The value is not %s (%v); base64encode() of Terraform makes it.", v.Description(ctx), err))
	}
}
