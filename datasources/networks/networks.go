package networks

import (
	"cmp"
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	ID       types.String  `tfsdk:"id"`
	Filter   filter.Blocks `tfsdk:"filter"`
	Networks types.List    `tfsdk:"networks"`
}

var object = flatten.Object{
	"id":         types.StringType,
	"name":       types.StringType,
	"driver":     types.StringType,
	"scope":      types.StringType,
	"internal":   types.BoolType,
	"attachable": types.BoolType,
	"ipv6":       types.BoolType,
	"subnets":    types.ListType{ElemType: types.StringType},
	"options":    types.MapType{ElemType: types.StringType},
	"labels":     types.MapType{ElemType: types.StringType},
}

// API is the part of an engine's API this data source needs.
type API interface {
	NetworkList(ctx context.Context, options moby.NetworkListOptions) (moby.NetworkListResult, error)
}

// DataSource is docker_networks.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "networks" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Networks of the engine, by name. Needs engine API 1.21.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Always `networks`."},
			"networks": schema.ListAttribute{
				Computed: true, ElementType: object.Type(),
				MarkdownDescription: "The networks: objects with `id`, `name`, `driver`, `scope`, `internal`, `attachable`, `ipv6`, `subnets` (in CIDR notation), `options` of " +
					"the driver and `labels`.",
			},
		},
		Blocks: map[string]schema.Block{"filter": filter.Schema("networks", "`label`, `name`, `driver`, `type` or `dangling`")},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	found, err := e.NetworkList(ctx, moby.NetworkListOptions{Filters: filter.Of(config.Filter)})
	if err != nil {
		return config, filter.Failed("networks", config.Filter, err)
	}
	config.ID = types.StringValue("networks")
	config.Networks = flattenNetworks(found.Items)
	return config, nil
}

func flattenNetworks(list []network.Summary) types.List {
	list = slices.SortedFunc(slices.Values(list), func(a, b network.Summary) int { // engines list them in no order
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	var items []map[string]attr.Value
	for _, n := range list {
		var subnets []string
		for _, c := range n.IPAM.Config {
			if c.Subnet.IsValid() {
				subnets = append(subnets, c.Subnet.String())
			}
		}
		items = append(items, map[string]attr.Value{
			"id":         types.StringValue(n.ID),
			"name":       types.StringValue(n.Name),
			"driver":     flatten.Text(n.Driver),
			"scope":      flatten.Text(n.Scope),
			"internal":   types.BoolValue(n.Internal),
			"attachable": types.BoolValue(n.Attachable),
			"ipv6":       types.BoolValue(n.EnableIPv6),
			"subnets":    flatten.Texts(subnets),
			"options":    flatten.TextMap(n.Options),
			"labels":     flatten.TextMap(n.Labels),
		})
	}
	return object.List(items)
}
