package contract

import (
	"context"

	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
)

// Action is one action: something done to what exists, when somebody asks for it. It keeps nothing and has no plan.
type Action[M, E any] interface {
	// Name is the action's name without the provider's prefix.
	Name() string
	// Schema gives names, types, validators and docs.
	Schema(ctx context.Context) actionschema.Schema
	// Invoke does it.
	Invoke(ctx context.Context, e E, config M) error
}

// Foresighted is implemented by an action that can tell before anything is done what its engine cannot do. Foresee makes
// no call; at plan the config may have unknown values, which it leaves to Invoke.
type Foresighted[M, E any] interface {
	Foresee(ctx context.Context, e E, config M) error
}

// HostAction returns the action behind an interface without parameters: to invoke it is to read it. planned is what is
// asked at plan in the same way.
func HostAction[M, E any](ctx context.Context, a Action[M, E]) (invoked, planned Data, err error) {
	s := a.Schema(ctx)
	node, err := compile(ctx, s.GetAttributes(), s.GetBlocks())
	if err == nil {
		node.Description = s.MarkdownDescription
	}
	foresee := func(ctx context.Context, e E, config M) (M, error) {
		if f, ok := a.(Foresighted[M, E]); ok {
			return config, f.Foresee(ctx, e, config)
		}
		return config, nil
	}
	planned, err = hostQuestion("action", a.Name(), node, err, foresee)
	if err != nil {
		return nil, nil, err
	}
	invoked, err = hostQuestion("action", a.Name(), node, err, func(ctx context.Context, e E, config M) (M, error) {
		if _, err := foresee(ctx, e, config); err != nil {
			return config, err
		}
		return config, a.Invoke(ctx, e, config)
	})
	return invoked, planned, err
}
