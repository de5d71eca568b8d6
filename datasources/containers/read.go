package containers

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	ContainerList(ctx context.Context, options moby.ContainerListOptions) (moby.ContainerListResult, error)
}

// DataSource is docker_containers.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "containers" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	found, err := e.ContainerList(ctx, moby.ContainerListOptions{
		All: config.All.ValueBool(), Limit: int(config.Limit.ValueInt64()), Filters: filter.Of(config.Filter),
	})
	if err != nil {
		return config, filter.Failed("containers", config.Filter, err)
	}
	config.ID = types.StringValue("containers")
	config.Containers = flattenContainers(found.Items)
	return config, nil
}

func flattenContainers(list []container.Summary) types.List {
	var items []map[string]attr.Value
	for _, c := range list {
		names := make([]string, 0, len(c.Names))
		for _, n := range c.Names {
			names = append(names, strings.TrimPrefix(n, "/"))
		}
		slices.Sort(names)
		items = append(items, map[string]attr.Value{
			"id":       types.StringValue(c.ID),
			"names":    flatten.Texts(names),
			"image":    flatten.Text(c.Image),
			"image_id": flatten.Text(c.ImageID),
			"command":  flatten.Text(c.Command),
			"created":  types.Int64Value(c.Created),
			"state":    flatten.Text(c.State),
			"status":   flatten.Text(c.Status),
			"labels":   flatten.TextMap(c.Labels),
		})
	}
	return containerObject.List(items)
}
