package contract

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	listschema "github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
)

// Found is one object a [Lister] found.
type Found struct {
	// Identity is the value of the attribute its type is [Identified] by.
	Identity string
	// Name is what people call it.
	Name string
}

// Lister finds the objects of one resource type that an engine has, whoever made them. E is as in [Type].
type Lister[M, E any] interface {
	// Name is that of the resource type, without the provider's prefix.
	Name() string
	// Schema is the declaration of what is looked for.
	Schema(ctx context.Context) listschema.Schema
	// List answers in any order, with the same object more than once where that is simpler.
	List(ctx context.Context, e E, config M) ([]Found, error)
}

// Finder is a [Lister] with its parameters erased, whose answers are sorted by name and identity, each once.
type Finder interface {
	Name() string
	Node() *Node
	List(ctx context.Context, engine any, config types.Object) ([]Found, error)
}

// HostList returns the list behind an interface without parameters.
func HostList[M, E any](ctx context.Context, l Lister[M, E]) (Finder, error) {
	s := l.Schema(ctx)
	node, err := compile(ctx, s.GetAttributes(), s.GetBlocks())
	if err != nil {
		return nil, fmt.Errorf("list of %q: %w", l.Name(), err)
	}
	node.Description = s.MarkdownDescription
	bound, err := bind(node, reflect.TypeFor[M]())
	if err != nil {
		return nil, fmt.Errorf("list of %q: %w", l.Name(), err)
	}
	return &finder[M, E]{l: l, node: node, models: models[M]{bound}}, nil
}

type finder[M, E any] struct {
	l      Lister[M, E]
	node   *Node
	models models[M]
}

func (f *finder[M, E]) Name() string { return f.l.Name() }
func (f *finder[M, E]) Node() *Node  { return f.node }

func (f *finder[M, E]) List(ctx context.Context, engine any, config types.Object) ([]Found, error) {
	e, ok := engine.(E)
	if !ok {
		return nil, fmt.Errorf("list docker_%s: the engine value %T lacks calls it needs: %w", f.Name(), engine, errs.ErrInternal)
	}
	m, err := f.models.decode(config)
	if err != nil {
		return nil, err
	}
	all, err := f.l.List(ctx, e, m)
	slices.SortFunc(all, func(a, b Found) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Identity, b.Identity))
	})
	return slices.Compact(all), err
}
