package catalog

import (
	"context"

	dsschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/cleat-dev/cleat/datasources/container"
	"github.com/cleat-dev/cleat/datasources/containers"
	"github.com/cleat-dev/cleat/datasources/diskusage"
	"github.com/cleat-dev/cleat/datasources/events"
	"github.com/cleat-dev/cleat/datasources/image"
	"github.com/cleat-dev/cleat/datasources/images"
	"github.com/cleat-dev/cleat/datasources/info"
	"github.com/cleat-dev/cleat/datasources/logs"
	"github.com/cleat-dev/cleat/datasources/network"
	"github.com/cleat-dev/cleat/datasources/networks"
	"github.com/cleat-dev/cleat/datasources/plugin"
	"github.com/cleat-dev/cleat/datasources/registryimage"
	"github.com/cleat-dev/cleat/datasources/registryimagemanifests"
	"github.com/cleat-dev/cleat/datasources/registryimagetags"
	"github.com/cleat-dev/cleat/datasources/version"
	"github.com/cleat-dev/cleat/datasources/volume"
	"github.com/cleat-dev/cleat/datasources/volumes"
	"github.com/cleat-dev/cleat/resources/contract"
)

// DataSource is a data source with the schema it was made from.
type DataSource struct {
	contract.Data
	Schema dsschema.Schema
}

// HostData returns a data source as hosts use it.
func HostData[M, E any](ctx context.Context, d contract.DataSource[M, E]) (DataSource, error) {
	data, err := contract.HostData(ctx, d)
	return DataSource{Data: data, Schema: d.Schema(ctx)}, err
}

// DataSources returns every data source, or an error that names all whose schema and model do not fit together.
func DataSources(ctx context.Context) ([]DataSource, error) {
	var all collected[DataSource]
	all.add(HostData(ctx, container.DataSource{}))
	all.add(HostData(ctx, containers.DataSource{}))
	all.add(HostData(ctx, diskusage.DataSource{}))
	all.add(HostData(ctx, events.DataSource{}))
	all.add(HostData(ctx, image.DataSource{}))
	all.add(HostData(ctx, images.DataSource{}))
	all.add(HostData(ctx, info.DataSource{}))
	all.add(HostData(ctx, logs.DataSource{}))
	all.add(HostData(ctx, network.DataSource{}))
	all.add(HostData(ctx, networks.DataSource{}))
	all.add(HostData(ctx, plugin.DataSource{}))
	all.add(HostData(ctx, registryimage.DataSource{}))
	all.add(HostData(ctx, registryimagemanifests.DataSource{}))
	all.add(HostData(ctx, registryimagetags.DataSource{}))
	all.add(HostData(ctx, version.DataSource{}))
	all.add(HostData(ctx, volume.DataSource{}))
	all.add(HostData(ctx, volumes.DataSource{}))
	return all.result()
}
