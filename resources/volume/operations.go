package volume

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyvolume "github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API volumes need.
type API interface {
	VolumeInspect(ctx context.Context, name string, options moby.VolumeInspectOptions) (moby.VolumeInspectResult, error)
	VolumeCreate(ctx context.Context, options moby.VolumeCreateOptions) (moby.VolumeCreateResult, error)
	VolumeUpdate(ctx context.Context, name string, options moby.VolumeUpdateOptions) (moby.VolumeUpdateResult, error)
	VolumeRemove(ctx context.Context, name string, options moby.VolumeRemoveOptions) (moby.VolumeRemoveResult, error)
	ContainerList(ctx context.Context, options moby.ContainerListOptions) (moby.ContainerListResult, error)
}

// Type is docker_volume.
type Type struct{}

var (
	_ contract.Type[Model, API] = Type{}
	_ contract.Validator[Model] = Type{}
	_ contract.Claimant[Model]  = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "volume" }

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	name := last.ID.ValueString()
	found, err := e.VolumeInspect(ctx, name, moby.VolumeInspectOptions{})
	if err != nil {
		return last, fmt.Errorf("volume %q: %w", name, err)
	}
	return flatten(found.Volume, last), nil
}

// Create implements contract.Type. A volume of that name that exists already is errs.ErrConflict: engines would hand
// it out as if it had just been made.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	options, err := expand(planned)
	if err != nil {
		return planned, err
	}
	if options.Name != "" {
		switch _, err := e.VolumeInspect(ctx, options.Name, moby.VolumeInspectOptions{}); {
		case err == nil:
			return planned, taken(options.Name)
		case !errors.Is(err, errs.ErrNotFound):
			return planned, fmt.Errorf("volume %q: %w", options.Name, err)
		}
	}
	created, err := e.VolumeCreate(ctx, options)
	if err != nil {
		return planned, fmt.Errorf("volume %q: %w", options.Name, err)
	}
	if options.Name != "" && !madeFrom(options, created.Volume) {
		return planned, taken(options.Name) // somebody else made it between the two calls
	}
	return flatten(created.Volume, planned), nil
}

// madeFrom reports whether a volume is what the options asked for. Options the engine added do not count.
func madeFrom(options moby.VolumeCreateOptions, v mobyvolume.Volume) bool {
	if options.Driver != "" && v.Driver != options.Driver {
		return false
	}
	for key, value := range options.Labels {
		if has, ok := v.Labels[key]; !ok || has != value {
			return false
		}
	}
	for key, value := range options.DriverOpts {
		if has, ok := v.Options[key]; !ok || has != value {
			return false
		}
	}
	return true
}

func taken(name string) error {
	return contract.At("name", "a volume %q exists already and was not made by this declaration; import it (terraform import, cleat adopt) or choose another name: %w",
		name, errs.ErrConflict)
}

// Update implements contract.Type: the availability of a cluster volume is all that can change.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	cluster, ok := planned.Cluster.One()
	if !ok || !changes.Has("cluster") {
		return planned, nil
	}
	name := observed.ID.ValueString()
	found, err := e.VolumeInspect(ctx, name, moby.VolumeInspectOptions{})
	if err != nil {
		return planned, fmt.Errorf("volume %q: %w", name, err)
	}
	if found.Volume.ClusterVolume == nil {
		return planned, contract.At("cluster", "volume %q is no cluster volume: %w", name, errs.ErrConflict)
	}
	// The engine's own spec with one field changed: it refuses an update that differs anywhere else.
	spec := found.Volume.ClusterVolume.Spec
	spec.Availability = mobyvolume.Availability(cluster.Availability.ValueString())
	_, err = e.VolumeUpdate(ctx, name, moby.VolumeUpdateOptions{Version: found.Volume.ClusterVolume.Version, Spec: &spec})
	if err != nil {
		return planned, contract.At("cluster[0].availability", "volume %q: %w", name, err)
	}
	return planned, nil
}

// Delete implements contract.Type. A volume in use is errs.ErrConflict and the error names the containers.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	name := observed.ID.ValueString()
	_, err := e.VolumeRemove(ctx, name, moby.VolumeRemoveOptions{})
	switch {
	case err == nil || errors.Is(err, errs.ErrNotFound):
		return nil
	case !errors.Is(err, errs.ErrConflict):
		return fmt.Errorf("volume %q: %w", name, err)
	}
	users, listErr := e.ContainerList(ctx, moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("volume", name)})
	if listErr != nil || len(users.Items) == 0 {
		return fmt.Errorf("volume %q: %w", name, err) // the engine's own words name ids
	}
	var names []string
	for _, c := range users.Items {
		if len(c.Names) == 0 {
			names = append(names, c.ID)
			continue
		}
		names = append(names, strings.TrimPrefix(c.Names[0], "/"))
	}
	slices.Sort(names)
	return fmt.Errorf("volume %q is in use by %s; remove them, or what mounts it, first: %w", name, strings.Join(names, ", "), errs.ErrConflict)
}

// Import implements contract.Type; id is the volume's name.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	return t.Read(ctx, e, Model{ID: types.StringValue(id)})
}
