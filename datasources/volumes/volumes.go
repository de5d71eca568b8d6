package volumes

import (
	"cmp"
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	ID      types.String  `tfsdk:"id"`
	Filter  filter.Blocks `tfsdk:"filter"`
	Volumes types.List    `tfsdk:"volumes"`
}

var object = flatten.Object{
	"name":        types.StringType,
	"driver":      types.StringType,
	"driver_opts": types.MapType{ElemType: types.StringType},
	"mountpoint":  types.StringType,
	"scope":       types.StringType,
	"created":     types.StringType,
	"labels":      types.MapType{ElemType: types.StringType},
}

// API is the part of an engine's API this data source needs.
type API interface {
	VolumeList(ctx context.Context, options moby.VolumeListOptions) (moby.VolumeListResult, error)
}

// DataSource is docker_volumes.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "volumes" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Volumes of the engine, by name. Needs engine API 1.21.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Always `volumes`."},
			"volumes": schema.ListAttribute{
				Computed: true, ElementType: object.Type(),
				MarkdownDescription: "The volumes: objects with `name`, `driver`, `driver_opts`, `mountpoint`, `scope`, `created` (RFC 3339; null where the engine does not " +
					"report it) and `labels`.",
			},
		},
		Blocks: map[string]schema.Block{"filter": filter.Schema("volumes", "`label`, `name`, `driver` or `dangling`")},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	found, err := e.VolumeList(ctx, moby.VolumeListOptions{Filters: filter.Of(config.Filter)})
	if err != nil {
		return config, filter.Failed("volumes", config.Filter, err)
	}
	config.ID = types.StringValue("volumes")
	config.Volumes = flattenVolumes(found.Items)
	return config, nil
}

func flattenVolumes(list []volume.Volume) types.List {
	list = slices.SortedFunc(slices.Values(list), func(a, b volume.Volume) int { return cmp.Compare(a.Name, b.Name) })
	var items []map[string]attr.Value
	for _, v := range list {
		items = append(items, map[string]attr.Value{
			"name":        types.StringValue(v.Name),
			"driver":      flatten.Text(v.Driver),
			"driver_opts": flatten.TextMap(v.Options),
			"mountpoint":  flatten.Text(v.Mountpoint),
			"scope":       flatten.Text(v.Scope),
			"created":     flatten.Time(v.CreatedAt),
			"labels":      flatten.TextMap(v.Labels),
		})
	}
	return object.List(items)
}
