package images

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	ID     types.String  `tfsdk:"id"`
	All    types.Bool    `tfsdk:"all"`
	Filter filter.Blocks `tfsdk:"filter"`
	Images types.List    `tfsdk:"images"`
}

var object = flatten.Object{
	"id":           types.StringType,
	"tags":         types.ListType{ElemType: types.StringType},
	"repo_digests": types.ListType{ElemType: types.StringType},
	"created":      types.Int64Type,
	"size":         types.Int64Type,
	"labels":       types.MapType{ElemType: types.StringType},
}

// API is the part of an engine's API this data source needs.
type API interface {
	ImageList(ctx context.Context, options moby.ImageListOptions) (moby.ImageListResult, error)
}

// DataSource is docker_images.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "images" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Images of the engine, in the order it lists them: the newest first.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Always `images`."},
			"all": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether images that are only steps of others are listed too. Default `false`.",
			},
			"images": schema.ListAttribute{
				Computed: true, ElementType: object.Type(),
				MarkdownDescription: "The images: objects with `id`, `tags` and `repo_digests` (sorted, both empty for what has no name), `created` (seconds since 1970), " +
					"`size` (bytes) and `labels`.",
			},
		},
		Blocks: map[string]schema.Block{
			"filter": filter.Schema("images", "`label`, `reference`, `dangling`, `before` or `since`"),
		},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	found, err := e.ImageList(ctx, moby.ImageListOptions{All: config.All.ValueBool(), Filters: filter.Of(config.Filter)})
	if err != nil {
		return config, filter.Failed("images", config.Filter, err)
	}
	config.ID = types.StringValue("images")
	config.Images = flattenImages(found.Items)
	return config, nil
}

func flattenImages(list []image.Summary) types.List {
	var items []map[string]attr.Value
	for _, i := range list {
		items = append(items, map[string]attr.Value{
			"id":           types.StringValue(i.ID),
			"tags":         named(i.RepoTags),
			"repo_digests": named(i.RepoDigests),
			"created":      types.Int64Value(i.Created),
			"size":         types.Int64Value(i.Size),
			"labels":       flatten.TextMap(i.Labels),
		})
	}
	return object.List(items)
}

// named sorts names, without what old engines write where there is none: <none>:<none>, repository@<none>.
func named(names []string) types.List {
	sorted := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return strings.Contains(n, "<none>") })
	slices.Sort(sorted)
	return flatten.Texts(sorted)
}
