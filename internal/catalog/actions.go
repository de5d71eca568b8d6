package catalog

import (
	"context"

	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"

	"github.com/cleat-dev/cleat/actions/container"
	"github.com/cleat-dev/cleat/actions/engine"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Action is an action with the schema it was made from.
type Action struct {
	contract.Data
	// Planned is asked at plan, as the action is invoked: its error says what the engine cannot do.
	Planned contract.Data
	Schema  actionschema.Schema
}

// HostAction returns an action as hosts use it.
func HostAction[M, E any](ctx context.Context, a contract.Action[M, E]) (Action, error) {
	invoked, planned, err := contract.HostAction(ctx, a)
	return Action{Data: invoked, Planned: planned, Schema: a.Schema(ctx)}, err
}

// Actions returns every action, or an error that names all whose schema and model do not fit together.
func Actions(ctx context.Context) ([]Action, error) {
	var all collected[Action]
	all.add(HostAction(ctx, container.Restart{}))
	all.add(HostAction(ctx, container.Signal{}))
	all.add(HostAction(ctx, container.Exec{}))
	all.add(HostAction(ctx, engine.Prune{}))
	return all.result()
}
