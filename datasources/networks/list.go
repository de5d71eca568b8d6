package networks

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/resources/contract"
)

// List finds what can be a docker_network.
type List struct{}

var _ contract.Lister[filter.List, API] = List{}

// Name implements contract.Lister.
func (List) Name() string { return "network" }

// Schema implements contract.Lister.
func (List) Schema(context.Context) schema.Schema {
	return filter.ListSchema("Networks of the engine, by name, without those an engine has by itself.", "networks", "`label`, `name`, `driver` or `dangling`")
}

// List implements contract.Lister.
func (List) List(ctx context.Context, e API, config filter.List) ([]contract.Found, error) {
	list, err := e.NetworkList(ctx, moby.NetworkListOptions{Filters: filter.Of(config.Blocks())})
	if err != nil {
		return nil, filter.Failed("networks", config.Blocks(), err)
	}
	var all []contract.Found
	for _, n := range list.Items {
		if !n.Ingress && !slices.Contains([]string{"bridge", "host", "none", "podman", "docker_gwbridge"}, n.Name) {
			all = append(all, contract.Found{Identity: n.ID, Name: n.Name})
		}
	}
	return all, nil
}
