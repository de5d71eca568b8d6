package volumes

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/resources/contract"
)

// List finds what can be a docker_volume.
type List struct{}

var _ contract.Lister[filter.List, API] = List{}

// Name implements contract.Lister.
func (List) Name() string { return "volume" }

// Schema implements contract.Lister.
func (List) Schema(context.Context) schema.Schema {
	return filter.ListSchema("Volumes of the engine, by name. Needs engine API 1.21.", "volumes", "`label`, `name`, `driver` or `dangling`")
}

// List implements contract.Lister.
func (List) List(ctx context.Context, e API, config filter.List) ([]contract.Found, error) {
	list, err := e.VolumeList(ctx, moby.VolumeListOptions{Filters: filter.Of(config.Blocks())})
	if err != nil {
		return nil, filter.Failed("volumes", config.Blocks(), err)
	}
	all := make([]contract.Found, len(list.Items))
	for i, v := range list.Items {
		all[i] = contract.Found{Identity: v.Name, Name: v.Name}
	}
	return all, nil
}
