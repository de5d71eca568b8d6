package volume

import (
	"context"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	VolumeInspect(ctx context.Context, name string, options moby.VolumeInspectOptions) (moby.VolumeInspectResult, error)
}

// DataSource is docker_volume.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "volume" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	name := config.Name.ValueString()
	found, err := e.VolumeInspect(ctx, name, moby.VolumeInspectOptions{})
	if err != nil {
		return config, contract.At("name", "volume %q: %w", name, err)
	}
	v := found.Volume
	return Model{
		ID:         flatten.Text(v.Name),
		Name:       config.Name,
		Driver:     flatten.Text(v.Driver),
		DriverOpts: flatten.TextMap(v.Options),
		Labels:     flatten.TextMap(v.Labels),
		Mountpoint: flatten.Text(v.Mountpoint),
		Scope:      flatten.Text(v.Scope),
		Created:    flatten.Time(v.CreatedAt),
	}, nil
}
