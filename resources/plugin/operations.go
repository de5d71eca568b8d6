package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyplugin "github.com/moby/moby/api/types/plugin"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API plugins need.
type API interface {
	PluginInstall(ctx context.Context, name string, options moby.PluginInstallOptions) (moby.PluginInstallResult, error)
	PluginInspect(ctx context.Context, name string, options moby.PluginInspectOptions) (moby.PluginInspectResult, error)
	PluginSet(ctx context.Context, name string, options moby.PluginSetOptions) (moby.PluginSetResult, error)
	PluginEnable(ctx context.Context, name string, options moby.PluginEnableOptions) (moby.PluginEnableResult, error)
	PluginDisable(ctx context.Context, name string, options moby.PluginDisableOptions) (moby.PluginDisableResult, error)
	PluginRemove(ctx context.Context, name string, options moby.PluginRemoveOptions) (moby.PluginRemoveResult, error)
	// RegistryAuth returns the credentials for a reference's registry as the pull call takes them, "" for none.
	RegistryAuth(ctx context.Context, ref string) (string, error)
	// NeedPlugins is nil when the engine can have plugins, and else says what to do.
	NeedPlugins(ctx context.Context) error
}

// Type is docker_plugin.
type Type struct{}

var (
	_ contract.Type[Model, API] = Type{}
	_ contract.Validator[Model] = Type{}
	_ contract.Claimant[Model]  = Type{}
	_ contract.Demanding[API]   = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "plugin" }

// Supported implements contract.Demanding.
func (Type) Supported(ctx context.Context, e API) error { return e.NeedPlugins(ctx) }

// called is what the engine knows a plugin by.
func called(m Model) string {
	if id := m.ID.ValueString(); id != "" {
		return id
	}
	return imageref.Local(cmp.Or(m.Alias.ValueString(), m.Name.ValueString()))
}

// shown is what people know a plugin by.
func shown(m Model) string {
	return cmp.Or(m.Alias.ValueString(), m.Name.ValueString(), m.ID.ValueString())
}

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	if called(last) == "" {
		return last, errs.Errorf(errs.ErrInvalid, "a plugin is known by its id, alias or name")
	}
	found, err := e.PluginInspect(ctx, called(last), moby.PluginInspectOptions{})
	if err != nil {
		return last, fmt.Errorf("plugin %q: %w", shown(last), err)
	}
	return flattenPlugin(found.Plugin, last), nil
}

func flattenPlugin(p mobyplugin.Plugin, last Model) Model {
	m := last
	m.ID, m.PluginReference, m.Enabled = types.StringValue(p.ID), types.StringValue(p.PluginReference), types.BoolValue(p.Enabled)
	if !imageref.Same(last.Name.ValueString(), p.PluginReference) {
		m.Name = types.StringValue(p.PluginReference)
	}
	if !imageref.Same(last.Alias.ValueString(), p.Name) {
		m.Alias = types.StringValue(p.Name)
	}
	m.Env = flattenEnv(p, last.Env)
	return m
}

// Create implements contract.Type. The plugin is enabled by a call of its own: the one that installs it knows no timeout.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	name := planned.Name.ValueString()
	auth, err := e.RegistryAuth(ctx, name)
	if err != nil {
		return planned, fmt.Errorf("plugin %q: credentials of %s: %w", name, imageref.Registry(name), err)
	}
	stream, err := e.PluginInstall(ctx, planned.Alias.ValueString(), moby.PluginInstallOptions{
		RemoteRef: imageref.Local(name), RegistryAuth: auth, Disabled: true,
		AcceptAllPermissions: planned.GrantAllPermissions.ValueBool(),
		AcceptPermissionsFunc: func(_ context.Context, asked mobyplugin.Privileges) (bool, error) {
			return true, missing(name, asked, planned)
		},
	})
	if err == nil {
		err = errors.Join(drain(stream), stream.Close())
	}
	if err != nil {
		return planned, installError(planned, err)
	}
	planned.ID = types.StringNull()
	found, err := e.PluginInspect(ctx, called(planned), moby.PluginInspectOptions{})
	if err != nil {
		return planned, fmt.Errorf("plugin %q: %w", shown(planned), err)
	}
	p := found.Plugin
	planned.ID = types.StringValue(p.ID)
	if err := settle(ctx, e, p, planned); err != nil {
		return flattenPlugin(p, planned), &contract.Partial{Err: err}
	}
	want := planned
	now := flattenPlugin(p, planned)
	if now.Enabled = want.Enabled; !want.Env.IsUnknown() {
		now.Env = want.Env
	}
	return now, nil
}

// missing lists what a plugin asks for and is not granted; nil when nothing.
func missing(name string, asked mobyplugin.Privileges, m Model) error {
	var lacks []string
	for _, p := range asked {
		i := slices.IndexFunc(m.GrantPermissions.Items, func(g Grant) bool { return g.Name.ValueString() == p.Name })
		var granted []string
		if i >= 0 {
			granted = texts(m.GrantPermissions.Items[i].Value)
		}
		var values []string
		for _, v := range p.Value {
			if !slices.Contains(granted, v) {
				values = append(values, fmt.Sprintf("%q", v))
			}
		}
		if len(values) > 0 || i < 0 {
			lacks = append(lacks, fmt.Sprintf("%s [%s]", p.Name, strings.Join(values, ", ")))
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	slices.Sort(lacks)
	return contract.Refuse("grant_permissions", errs.ErrInvalid, "plugin %q asks for what is not granted: %s; add grant_permissions blocks for these, or set grant_all_permissions",
		name, strings.Join(lacks, ", "))
}

func installError(m Model, err error) error {
	name, registry := m.Name.ValueString(), imageref.Registry(m.Name.ValueString())
	var at *contract.PathError
	switch words := strings.ToLower(err.Error()); {
	case errors.As(err, &at): // it is about permissions, and says all
		return err
	case strings.Contains(words, "already exists"):
		return contract.At("name", "the engine has a plugin %q already, and not by this declaration; import it (terraform import, cleat adopt) or give this one another alias: %w",
			shown(m), errs.ErrConflict)
	case errors.Is(err, errs.ErrUnauthorized):
		return contract.At("name", "plugin %q: %w (add a registry_auth block for %s to the provider, or log in with docker login)", name, err, registry)
	case errors.Is(err, errs.ErrNotFound):
		return contract.At("name", "plugin %q: %s has no such plugin, or shows it to nobody without credentials: %w", name, registry, err)
	}
	return contract.At("name", "plugin %q: %w", name, err)
}

// settle gives a plugin the declared settings and state.
func settle(ctx context.Context, e API, p mobyplugin.Plugin, m Model) error {
	args := settings(p, m.Env)
	if len(args) == 0 && p.Enabled == m.Enabled.ValueBool() {
		return nil
	}
	if p.Enabled {
		if _, err := e.PluginDisable(ctx, p.ID, moby.PluginDisableOptions{Force: m.ForceDisable.ValueBool()}); err != nil {
			return contract.At("enabled", "plugin %q cannot be disabled, which a change of its settings needs as well; remove what uses it, or set force_disable: %w", shown(m), err)
		}
	}
	var failed error
	if len(args) > 0 {
		if _, err := e.PluginSet(ctx, p.ID, moby.PluginSetOptions{Args: args}); err != nil {
			failed = contract.At("env", "plugin %q: %w (it takes %s)", shown(m), err, settable(p))
		}
	}
	if !m.Enabled.ValueBool() || failed != nil && !p.Enabled {
		return failed
	}
	if _, err := e.PluginEnable(ctx, p.ID, moby.PluginEnableOptions{Timeout: int(m.EnableTimeout.ValueInt64())}); err != nil {
		return errors.Join(failed, contract.At("enabled", "plugin %q did not start; the engine's log holds what it wrote: %w", shown(m), err))
	}
	return failed
}

// Update implements contract.Type: settings and whether it runs.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	planned.ID = observed.ID
	if !changes.Has("enabled", "env") {
		return planned, nil
	}
	found, err := e.PluginInspect(ctx, observed.ID.ValueString(), moby.PluginInspectOptions{})
	if err != nil {
		return planned, fmt.Errorf("plugin %q: %w", shown(planned), err)
	}
	return planned, settle(ctx, e, found.Plugin, planned)
}

// Delete implements contract.Type. One that runs is disabled first, which an engine refuses while something uses it.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	id := observed.ID.ValueString()
	remove := func() error {
		_, err := e.PluginRemove(ctx, id, moby.PluginRemoveOptions{Force: observed.ForceDestroy.ValueBool()})
		if errors.Is(err, errs.ErrNotFound) {
			return nil
		}
		return err
	}
	err := remove()
	if err != nil && !observed.ForceDestroy.ValueBool() && observed.Enabled.ValueBool() {
		_, disableErr := e.PluginDisable(ctx, id, moby.PluginDisableOptions{Force: observed.ForceDisable.ValueBool()})
		if err = disableErr; err == nil {
			err = remove()
		}
	}
	if err != nil {
		return fmt.Errorf("plugin %q: %w (remove what uses it, or set force_destroy and apply before it is removed)", shown(observed), err)
	}
	return nil
}

// Import implements contract.Type; id is the plugin's name on the engine or its id.
func (Type) Import(ctx context.Context, e API, id string) (Model, error) {
	found, err := e.PluginInspect(ctx, id, moby.PluginInspectOptions{})
	if err != nil {
		return Model{}, fmt.Errorf("plugin %q: %w", id, err)
	}
	return flattenPlugin(found.Plugin, Model{Env: types.SetNull(types.StringType)}), nil
}
