package containers

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// List finds what can be a docker_container.
type List struct{}

var _ contract.Lister[filter.List, API] = List{}

// Name implements contract.Lister.
func (List) Name() string { return "container" }

// Schema implements contract.Lister.
func (List) Schema(context.Context) schema.Schema {
	return filter.ListSchema("Containers of the engine, running or not, by name.", "containers", "`label`, `name`, `status`, `ancestor`, `network`, `volume`, `health` or `publish`")
}

// List implements contract.Lister.
func (List) List(ctx context.Context, e API, config filter.List) ([]contract.Found, error) {
	list, err := e.ContainerList(ctx, moby.ContainerListOptions{All: true, Filters: filter.Of(config.Blocks())})
	if err != nil {
		return nil, filter.Failed("containers", config.Blocks(), err)
	}
	var all []contract.Found
	for _, c := range list.Items {
		all = append(all, contract.Found{Identity: c.ID, Name: cmp.Or(containerref.Name(c.Names), c.ID)})
	}
	return all, nil
}
