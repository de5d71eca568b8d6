package catalog

import (
	"context"

	listschema "github.com/hashicorp/terraform-plugin-framework/list/schema"

	"github.com/cleat-dev/cleat/datasources/containers"
	"github.com/cleat-dev/cleat/datasources/images"
	"github.com/cleat-dev/cleat/datasources/networks"
	"github.com/cleat-dev/cleat/datasources/volumes"
	"github.com/cleat-dev/cleat/resources/contract"
)

// List is what lists the objects of a resource type, with the schema it was made from.
type List struct {
	contract.Finder
	Schema listschema.Schema
}

// HostList returns a list as hosts use it.
func HostList[M, E any](ctx context.Context, l contract.Lister[M, E]) (List, error) {
	f, err := contract.HostList(ctx, l)
	return List{Finder: f, Schema: l.Schema(ctx)}, err
}

// Lists returns every list, or an error that names all whose schema and model do not fit together.
func Lists(ctx context.Context) ([]List, error) {
	var all collected[List]
	all.add(HostList(ctx, containers.List{}))
	all.add(HostList(ctx, images.List{}))
	all.add(HostList(ctx, networks.List{}))
	all.add(HostList(ctx, volumes.List{}))
	return all.result()
}
