package catalog

import (
	"context"
	"errors"

	"github.com/cleat-dev/cleat/resources/commit"
	"github.com/cleat-dev/cleat/resources/container"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/image"
	"github.com/cleat-dev/cleat/resources/network"
	"github.com/cleat-dev/cleat/resources/tag"
	"github.com/cleat-dev/cleat/resources/volume"
)

// Resources returns every resource type, or an error that names all types whose schema, model and rules do not fit
// together.
func Resources(ctx context.Context) ([]contract.Resource, error) {
	var all []contract.Resource
	var failed []error
	add := func(r contract.Resource, err error) {
		if err != nil {
			failed = append(failed, err)
			return
		}
		all = append(all, r)
	}
	add(contract.Host(ctx, commit.Type{}))
	add(contract.Host(ctx, container.Type{}))
	add(contract.Host(ctx, image.New()))
	add(contract.Host(ctx, network.Type{}))
	add(contract.Host(ctx, tag.Type{}))
	add(contract.Host(ctx, volume.Type{}))
	return all, errors.Join(failed...)
}
