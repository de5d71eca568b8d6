package plan

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Replanner plans single objects again during apply, when what they refer to is known. It reads nothing from the
// engine but what a type resolves: the object is as the plan saw it.
type Replanner struct{ b *builder }

// NewReplanner returns a replanner over an evaluator that is told the real values as the apply goes.
func NewReplanner(in Input) *Replanner { return &Replanner{newBuilder(in)} }

// Resource plans a declared object again. The step is never more than planned, which is an error.
func (r *Replanner) Resource(ctx context.Context, address graph.Instance, planned *Step) (*Step, *config.Block, hcl.Diagnostics) {
	i, diags := r.b.evaluate(ctx, address)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	i.observed = i.step.Node.Null()
	if planned != nil {
		i.observed, i.step.Before = planned.Before, planned.Before
		i.step.ID, i.step.Record, i.step.asked = planned.ID, planned.Record, planned.asked
		i.step.Adopting, i.step.PreviousAddress, i.step.Reason, i.step.Existed = planned.Adopting, planned.PreviousAddress, planned.Reason, planned.Existed
	}
	if err := i.again(ctx); err != nil {
		return nil, i.block, append(diags, i.problem(err)...)
	}
	if err := Within(planned, i.step); err != nil {
		return nil, i.block, append(diags, i.problem(err)...)
	}
	return i.step, i.block, diags
}

// again is decide without looking for foreign objects, which the plan did.
func (i *instance) again(ctx context.Context) error {
	if !i.observed.IsNull() {
		return i.decide(ctx)
	}
	planned, err := i.resource.Plan(ctx, i.host.Engine, contract.Request{Config: i.declared, Observed: i.observed, APIVersion: i.host.APIVersion, Lacks: i.host.Lacks})
	i.step.Action, i.step.After = Create, planned.Planned
	return err
}

// Data reads a data source the plan left to the apply, or opens an ephemeral resource.
func (r *Replanner) Data(ctx context.Context, address graph.Instance) hcl.Diagnostics {
	block, diags := r.b.Evaluator.Eval(address)
	if diags.HasErrors() {
		return diags
	}
	source, host := r.b.Types.question(address), r.b.Hosts[block.Provider]
	declared, err := toObject(block.Value, source.Node())
	if err != nil {
		return append(diags, problem(address, block, err)...)
	}
	if diags = append(diags, Diagnostics(source.Validate(ctx, declared), block)...); diags.HasErrors() {
		return diags
	}
	answer, err := source.Read(ctx, host.Engine, declared)
	if err != nil {
		return append(diags, problem(address, block, err)...)
	}
	return append(diags, r.Set(address, answer)...)
}

// Keep tells the evaluator of an object that stays as the plan saw it. What refers to it has to know which of its
// values are sensitive, which only its declaration says.
func (r *Replanner) Keep(address graph.Instance, object types.Object) hcl.Diagnostics {
	static, ok := r.b.Config.Resource(address.Resource())
	if !ok || !static.ReadsAll && len(static.Reads) == 0 {
		return nil
	}
	if _, diags := r.b.Evaluator.Eval(address); diags.HasErrors() {
		return diags
	}
	if err := r.b.Evaluator.SetObject(address, object); err != nil {
		return problem(address, nil, err)
	}
	return nil
}

// Set tells the evaluator what an object is now and checks its postconditions.
func (r *Replanner) Set(address graph.Instance, object types.Object) hcl.Diagnostics {
	if err := r.b.Evaluator.SetObject(address, object); err != nil {
		return problem(address, nil, err)
	}
	return r.b.Evaluator.Postconditions(address)
}
