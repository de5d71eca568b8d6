package plugin

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question, alias or id, and its answer.
type Model struct {
	ID                  types.String `tfsdk:"id"`
	Alias               types.String `tfsdk:"alias"`
	Name                types.String `tfsdk:"name"`
	PluginReference     types.String `tfsdk:"plugin_reference"`
	Enabled             types.Bool   `tfsdk:"enabled"`
	Env                 types.Set    `tfsdk:"env"`
	GrantAllPermissions types.Bool   `tfsdk:"grant_all_permissions"`
	Description         types.String `tfsdk:"description"`
	Interfaces          types.List   `tfsdk:"interfaces"`
}

// API is the part of an engine's API this data source needs.
type API interface {
	PluginInspect(ctx context.Context, name string, options moby.PluginInspectOptions) (moby.PluginInspectResult, error)
	// NeedPlugins is nil when the engine can have plugins, and else says what to do.
	NeedPlugins(ctx context.Context) error
}

// DataSource is docker_plugin.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "plugin" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A plugin the engine has, by its name there or its id. Only Docker has plugins. Needs engine API 1.25.",
		Attributes: map[string]schema.Attribute{
			"id":               schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Id of the plugin. One of `id` and `alias` is given."},
			"alias":            schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Name of the plugin on the engine, such as `sshfs:latest`."},
			"name":             schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the plugin on the engine, with its tag."},
			"plugin_reference": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the plugin in its registry."},
			"enabled":          schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the plugin runs."},
			"env":              schema.SetAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Environment variables of the plugin, `NAME=value` each, those with the plugin's own values too."},
			"grant_all_permissions": schema.BoolAttribute{
				Computed: true, MarkdownDescription: "Always null: no engine reports what a plugin was granted. Here for configurations of kreuzwerker/docker.",
			},
			"description": schema.StringAttribute{Computed: true, MarkdownDescription: "What the plugin says of itself."},
			"interfaces":  schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "What the plugin implements, such as `docker.volumedriver/1.0`."},
		},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	at, asked := "id", config.ID.ValueString()
	if asked == "" {
		at, asked = "alias", config.Alias.ValueString()
	}
	if asked == "" {
		return config, contract.At("alias", "give the alias or the id of the plugin: %w", errs.ErrInvalid)
	}
	if err := e.NeedPlugins(ctx); err != nil {
		return config, err
	}
	found, err := e.PluginInspect(ctx, asked, moby.PluginInspectOptions{})
	if err != nil {
		return config, contract.At(at, "plugin %q: %w", asked, err)
	}
	p := found.Plugin
	if alias := config.Alias.ValueString(); alias != "" && !imageref.Same(alias, p.Name) {
		return config, contract.At("alias", "plugin %q is named %q: %w", asked, p.Name, errs.ErrInvalid)
	}
	m := Model{
		ID: types.StringValue(p.ID), Alias: config.Alias, Name: types.StringValue(p.Name), PluginReference: types.StringValue(p.PluginReference),
		Enabled: types.BoolValue(p.Enabled), GrantAllPermissions: types.BoolNull(), Description: flatten.Text(p.Config.Description), Env: env(p.Settings.Env),
	}
	if !config.ID.IsNull() {
		m.ID = config.ID // as it was asked: the beginning of an id will do
	}
	if m.Alias.IsNull() {
		m.Alias = m.Name
	}
	var interfaces []string
	for _, kind := range p.Config.Interface.Types {
		interfaces = append(interfaces, fmt.Sprintf("%s.%s/%s", kind.Prefix, kind.Capability, kind.Version))
	}
	m.Interfaces = flatten.Texts(interfaces)
	return m, nil
}

func env(entries []string) types.Set {
	elements := []attr.Value{}
	for _, entry := range slices.Compact(slices.Sorted(slices.Values(entries))) {
		elements = append(elements, types.StringValue(entry))
	}
	return types.SetValueMust(types.StringType, elements)
}
