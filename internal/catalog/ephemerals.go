package catalog

import (
	"context"

	ephschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"

	"github.com/cleat-dev/cleat/ephemerals/container"
	"github.com/cleat-dev/cleat/ephemerals/registrytoken"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Ephemeral is an ephemeral resource with the schema it was made from.
type Ephemeral struct {
	contract.Data
	Schema ephschema.Schema
}

// HostEphemeral returns an ephemeral resource as hosts use it.
func HostEphemeral[M, E any](ctx context.Context, p contract.Ephemeral[M, E]) (Ephemeral, error) {
	data, err := contract.HostEphemeral(ctx, p)
	return Ephemeral{Data: data, Schema: p.Schema(ctx)}, err
}

// Ephemerals returns every ephemeral resource, or an error that names all whose schema and model do not fit together.
func Ephemerals(ctx context.Context) ([]Ephemeral, error) {
	var all collected[Ephemeral]
	all.add(HostEphemeral(ctx, container.Ephemeral{}))
	all.add(HostEphemeral(ctx, registrytoken.Ephemeral{}))
	return all.result()
}
