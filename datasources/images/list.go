package images

import (
	"context"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// List finds what can be a docker_image.
type List struct{}

var _ contract.Lister[filter.List, API] = List{}

// Name implements contract.Lister.
func (List) Name() string { return "image" }

// Schema implements contract.Lister.
func (List) Schema(context.Context) schema.Schema {
	return filter.ListSchema("Images of the engine, by name: one with several names is found under each, one without a name is none that could be declared.", "images", "`label`, `reference`, `dangling`, `before` or `since`")
}

// List implements contract.Lister.
func (List) List(ctx context.Context, e API, config filter.List) ([]contract.Found, error) {
	list, err := e.ImageList(ctx, moby.ImageListOptions{Filters: filter.Of(config.Blocks())})
	if err != nil {
		return nil, filter.Failed("images", config.Blocks(), err)
	}
	var all []contract.Found
	for _, i := range list.Items {
		for _, name := range i.RepoTags {
			if named, err := imageref.Parse(name); err == nil { // "<none>:<none>" is no name
				name = reference.FamiliarString(named) // as people declare it; podman has them in full
				all = append(all, contract.Found{Identity: name, Name: name})
			}
		}
	}
	return all, nil
}
