package plugin

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

var setting = regexp.MustCompile(`^[^=]+=`)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A plugin of the engine (volumes, networks, logging, authorization), installed from a registry with the provider's credentials for it. " +
			"Only Docker has plugins: podman and cleatd refuse them at plan. Needs engine API 1.25.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the plugin."},
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Name()},
				MarkdownDescription: "Name of the plugin in its registry, such as `vieux/sshfs:latest`. A change replaces the plugin.",
			},
			"alias": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{imageref.Tagged()},
				MarkdownDescription: "Name of the plugin on the engine; `name` when not given. A change replaces the plugin.",
			},
			"enabled": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether the plugin runs. Default `true`.",
			},
			"env": schema.SetAttribute{
				ElementType: types.StringType, Optional: true, Computed: true,
				Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.RegexMatches(setting, "must be NAME=value"))},
				MarkdownDescription: "Environment variables of the plugin, `NAME=value` each; the plugin says which can be set. A variable that is not declared has the plugin's own value, " +
					"and one that is declared no longer gets it back. They are changed in place: the plugin is disabled and enabled again.",
			},
			"enable_timeout": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "How long the plugin may take to start, in seconds; the engine's default (30) when not given or 0.",
			},
			"force_disable": schema.BoolAttribute{Optional: true, MarkdownDescription: "Disable the plugin even though something uses it."},
			"force_destroy": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Remove the plugin even though something uses it. Without it a plugin that runs is disabled first, and kept when that is refused.",
			},
			"grant_all_permissions": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Grant the plugin all it asks for. Excludes `grant_permissions`. Without either a plugin that asks for anything is not installed; the error lists what it asks for.",
			},
			"plugin_reference": schema.StringAttribute{Computed: true, MarkdownDescription: "The plugin's name in its registry, as the engine has it."},
		},
		Blocks: map[string]schema.Block{"grant_permissions": schema.SetNestedBlock{
			MarkdownDescription: "Something the plugin may do. What it asks for beyond these is not granted, and it is not installed then.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"name": schema.StringAttribute{
					Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
					MarkdownDescription: "Kind of permission: `network`, `mount`, `device`, `capabilities`, `host ipc namespace`, `host pid namespace` or `allow-all-devices`.",
				},
				"value": schema.SetAttribute{
					Required: true, ElementType: types.StringType,
					MarkdownDescription: "What is granted of it: `host`, a path, `CAP_SYS_ADMIN`, `true`.",
				},
			}},
		}},
	}
}

// Model is a docker_plugin.
type Model struct {
	ID                  types.String           `tfsdk:"id"`
	Name                types.String           `tfsdk:"name"`
	Alias               types.String           `tfsdk:"alias"`
	Enabled             types.Bool             `tfsdk:"enabled"`
	Env                 types.Set              `tfsdk:"env"`
	EnableTimeout       types.Int64            `tfsdk:"enable_timeout"`
	ForceDisable        types.Bool             `tfsdk:"force_disable"`
	ForceDestroy        types.Bool             `tfsdk:"force_destroy"`
	GrantAllPermissions types.Bool             `tfsdk:"grant_all_permissions"`
	PluginReference     types.String           `tfsdk:"plugin_reference"`
	GrantPermissions    contract.Blocks[Grant] `tfsdk:"grant_permissions"`
}

// Grant is something a plugin may do.
type Grant struct {
	Name  types.String `tfsdk:"name"`
	Value types.Set    `tfsdk:"value"`
}

// Rules implements contract.Type. Permissions count when the plugin is installed: the engine does not report them.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":                    {Stable: true, Requires: "1.25"},
		"name":                  {Same: imageref.SameValue},
		"alias":                 {Stable: true, Same: imageref.SameValue},
		"enabled":               {Effect: contract.InPlace},
		"env":                   {Effect: contract.InPlace, Stable: true},
		"plugin_reference":      {Stable: true},
		"enable_timeout":        {ConfigOnly: true},
		"force_disable":         {ConfigOnly: true},
		"force_destroy":         {ConfigOnly: true},
		"grant_all_permissions": {ConfigOnly: true},
		"grant_permissions":     {ConfigOnly: true},
	}
}

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	var diags diag.Diagnostics
	if config.GrantAllPermissions.ValueBool() && len(config.GrantPermissions.Items) > 0 {
		diags.AddAttributeError(path.Root("grant_permissions"), "Permissions are granted twice",
			"grant_all_permissions grants all there are: remove it, or the grant_permissions blocks.")
	}
	seen := map[string]bool{}
	for _, entry := range texts(config.Env) {
		name, _ := split(entry)
		if seen[name] {
			diags.AddAttributeError(path.Root("env"), "Duplicate variable", fmt.Sprintf("The variable %q is given twice.", name))
		}
		seen[name] = true
	}
	return diags
}

// Claims implements contract.Claimant: a plugin has its name on the engine for itself.
func (Type) Claims(m Model) []contract.Claim {
	claim := contract.Claim{Kind: contract.ClaimPluginName, Value: m.Alias.ValueString(), Path: "alias"}
	if claim.Value == "" {
		claim.Value, claim.Path = m.Name.ValueString(), "name"
	}
	if claim.Value == "" {
		return nil
	}
	claim.Value = imageref.Local(claim.Value)
	return []contract.Claim{claim}
}
