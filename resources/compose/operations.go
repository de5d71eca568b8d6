package compose

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	tftypes "github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/image"
)

// API is the part of the engine's API the type calls.
type API interface {
	image.API // for pulls and builds
	ContainerCreate(ctx context.Context, options moby.ContainerCreateOptions) (moby.ContainerCreateResult, error)
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	ContainerList(ctx context.Context, options moby.ContainerListOptions) (moby.ContainerListResult, error)
	ContainerLogs(ctx context.Context, container string, options moby.ContainerLogsOptions) (moby.ContainerLogsResult, error)
	ContainerRemove(ctx context.Context, container string, options moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error)
	ContainerRename(ctx context.Context, container string, options moby.ContainerRenameOptions) (moby.ContainerRenameResult, error)
	ContainerStart(ctx context.Context, container string, options moby.ContainerStartOptions) (moby.ContainerStartResult, error)
	ContainerStop(ctx context.Context, container string, options moby.ContainerStopOptions) (moby.ContainerStopResult, error)
	ContainerUnpause(ctx context.Context, container string, options moby.ContainerUnpauseOptions) (moby.ContainerUnpauseResult, error)
	CopyToContainer(ctx context.Context, container string, options moby.CopyToContainerOptions) (moby.CopyToContainerResult, error)
	Events(ctx context.Context, options moby.EventsListOptions) moby.EventsResult
	NetworkConnect(ctx context.Context, network string, options moby.NetworkConnectOptions) (moby.NetworkConnectResult, error)
	NetworkCreate(ctx context.Context, name string, options moby.NetworkCreateOptions) (moby.NetworkCreateResult, error)
	NetworkDisconnect(ctx context.Context, network string, options moby.NetworkDisconnectOptions) (moby.NetworkDisconnectResult, error)
	NetworkInspect(ctx context.Context, network string, options moby.NetworkInspectOptions) (moby.NetworkInspectResult, error)
	NetworkList(ctx context.Context, options moby.NetworkListOptions) (moby.NetworkListResult, error)
	NetworkRemove(ctx context.Context, network string, options moby.NetworkRemoveOptions) (moby.NetworkRemoveResult, error)
	VolumeCreate(ctx context.Context, options moby.VolumeCreateOptions) (moby.VolumeCreateResult, error)
	VolumeInspect(ctx context.Context, volume string, options moby.VolumeInspectOptions) (moby.VolumeInspectResult, error)
	VolumeList(ctx context.Context, options moby.VolumeListOptions) (moby.VolumeListResult, error)
	VolumeRemove(ctx context.Context, volume string, options moby.VolumeRemoveOptions) (moby.VolumeRemoveResult, error)
}

// Type is the docker_compose resource.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Validator[Model]     = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "compose" }

// Read implements contract.Type. It looks at containers and networks alone: what the files say now is for the plan.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	name := m.ID.ValueString()
	found, err := look(ctx, e, name)
	if err != nil {
		return m, err
	}
	if found.empty() {
		return m, fmt.Errorf("project %q has neither containers nor networks: %w", name, errs.ErrNotFound)
	}
	services, err := found.services(ctx, e)
	if err != nil {
		return m, err
	}
	m.identify(name)
	m.Services, m.Networks = mapping(services), mapping(found.marks())
	return m, nil
}

// Resolve implements contract.Resolver: it reads the files. What the engine has beyond them stays as it is, but for
// orphans that are to be removed.
func (Type) Resolve(ctx context.Context, e API, m *Model) error {
	if !m.known() || m.ProjectName.IsUnknown() {
		return nil
	}
	p, err := m.load(ctx)
	if err != nil {
		return contract.At("config_paths", "%w", err)
	}
	if m.ProjectName.IsNull() {
		m.ProjectName = tftypes.StringValue(p.Name)
	}
	services, networks, err := desired(p)
	if err != nil {
		return contract.At("config_paths", "%w", err)
	}
	found, err := look(ctx, e, p.Name)
	if err != nil {
		return err
	}
	if err := checkVolumes(ctx, e, p); err != nil {
		return err
	}
	if !m.RemoveOrphans.ValueBool() {
		have, err := found.services(ctx, e)
		if err != nil {
			return err
		}
		for _, name := range orphans(p, found) {
			services[name] = have[name]
		}
	}
	for name, mark := range found.marks() {
		if n, declared := p.Networks[name]; !declared || bool(n.External) || mark == "" {
			networks[name] = mark
		}
	}
	m.Services, m.Networks = mapping(services), mapping(networks)
	return nil
}

// orphans are the services of containers that the files do not have, in order.
func orphans(p *types.Project, found *inventory) []string {
	var all []string
	for _, name := range sorted(found.containers) {
		if _, declared := p.Services[name]; !declared {
			all = append(all, name)
		}
	}
	return all
}

// Create implements contract.Type. A project that exists already, made by docker compose or by an attempt that was cut off,
// is brought to what the files say.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	u, err := prepare(ctx, e, planned)
	if err != nil {
		return planned, err
	}
	err = u.run(ctx)
	planned.identify(u.p.Name)
	switch {
	case err != nil && u.touched.Load():
		return planned, &contract.Partial{Err: err}
	case err == nil && len(u.kept) == 0 && !u.foreignNetworks(): // else only a look at the engine tells
		services, networks, err := desired(u.p)
		planned.Services, planned.Networks = mapping(services), mapping(networks)
		return planned, err
	}
	return planned, err
}

// Update implements contract.Type.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	if !changes.Has("services", "networks") && !changes.Has(files...) {
		return planned, nil
	}
	u, err := prepare(ctx, e, planned)
	if err != nil {
		return planned, err
	}
	if had := observed.ID.ValueString(); u.p.Name != had {
		return planned, contract.At("project_name", "the files are of project %q now, not of %q, plan again: %w", u.p.Name, had, errs.ErrConflict)
	}
	planned.identify(u.p.Name)
	return planned, u.run(ctx)
}

// prepare loads the files and makes sure that they are what was planned.
func prepare(ctx context.Context, e API, m Model) (*up, error) {
	p, err := m.load(ctx)
	if err != nil {
		return nil, contract.At("config_paths", "%w", err)
	}
	if err := supported(p); err != nil {
		return nil, err
	}
	services, _, err := desired(p)
	if err != nil {
		return nil, contract.At("config_paths", "%w", err)
	}
	if planned := texts(m.Services); planned != nil && !m.Services.IsNull() {
		if differ := changed(p, planned, services); differ != "" {
			return nil, contract.At("config_paths", "project %q: the files are not what was planned (%s), plan again: %w", p.Name, differ, errs.ErrConflict)
		}
	}
	return newUp(ctx, e, p, m)
}

// changed names what was planned otherwise. Orphans are not in the files.
func changed(p *types.Project, planned, now map[string]string) string {
	planned = maps.Clone(planned)
	for name := range planned {
		if _, declared := p.Services[name]; !declared {
			delete(planned, name)
		}
	}
	return explain("service", planned, now)
}

// Import implements contract.Type: by the project's name. What docker compose was given is in the labels.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	m := Model{ID: tftypes.StringValue(id)}
	found, err := look(ctx, e, id)
	if err != nil {
		return m, err
	}
	for _, c := range found.every() {
		paths := strings.Split(c.Labels[labelFiles], ",")
		if paths[0] == "" {
			continue
		}
		m.ConfigPaths = list(paths)
		if directory := c.Labels[labelDirectory]; directory != filepath.Dir(paths[0]) && directory != "" {
			m.ProjectDirectory = tftypes.StringValue(directory)
		}
		if env := c.Labels[labelEnvFiles]; env != "" {
			m.EnvFiles = list(strings.Split(env, ","))
		}
		break
	}
	return t.Read(ctx, e, m)
}

// supported refuses what an engine cannot be told.
func supported(p *types.Project) error {
	refused := composefile.Refused(p)
	if len(refused) == 0 {
		return nil
	}
	all := make([]string, len(refused))
	for i, f := range refused {
		all[i] = f.Key + ": " + f.Reason
	}
	return contract.Refuse("config_paths", errs.ErrInvalid, "%s: %s", strings.Join(p.ComposeFiles, ", "), strings.Join(all, "; "))
}
