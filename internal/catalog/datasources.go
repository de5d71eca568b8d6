package catalog

import (
	"context"
	"errors"

	dsschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/cleat-dev/cleat/datasources/container"
	"github.com/cleat-dev/cleat/datasources/containers"
	"github.com/cleat-dev/cleat/datasources/image"
	"github.com/cleat-dev/cleat/datasources/info"
	"github.com/cleat-dev/cleat/datasources/logs"
	"github.com/cleat-dev/cleat/datasources/network"
	"github.com/cleat-dev/cleat/datasources/version"
	"github.com/cleat-dev/cleat/datasources/volume"
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
	var all []DataSource
	var failed []error
	add := func(d DataSource, err error) {
		if err != nil {
			failed = append(failed, err)
			return
		}
		all = append(all, d)
	}
	add(HostData(ctx, container.DataSource{}))
	add(HostData(ctx, containers.DataSource{}))
	add(HostData(ctx, image.DataSource{}))
	add(HostData(ctx, info.DataSource{}))
	add(HostData(ctx, logs.DataSource{}))
	add(HostData(ctx, network.DataSource{}))
	add(HostData(ctx, version.DataSource{}))
	add(HostData(ctx, volume.DataSource{}))
	return all, errors.Join(failed...)
}
