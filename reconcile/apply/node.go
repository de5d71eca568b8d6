package apply

import (
	"context"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// errVisit ends a visit whose diagnostics are reported already.
type errVisit struct{}

func (errVisit) Error() string { return "see diagnostics" }

// visit carries out all instances of a block, as many at once as the limiter allows.
func (r *run) visit(ctx context.Context, n config.Node) error {
	if !n.HasInstances() {
		return r.verdict(r.Evaluator.Check(n))
	}
	addresses, diags := r.Evaluator.Expand(n.Resource())
	if diags.HasErrors() {
		return r.verdict(diags)
	}
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		failed bool
	)
	for _, address := range addresses {
		all.Go(func() {
			err := r.Limiter.Do(ctx, func(ctx context.Context) error { return r.instance(ctx, n, address) })
			if err != nil {
				mu.Lock()
				failed = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	r.report(diags)
	if failed {
		return errVisit{}
	}
	return nil
}

func (r *run) verdict(diags hcl.Diagnostics) error {
	r.report(diags)
	if diags.HasErrors() {
		return errVisit{}
	}
	return nil
}

// instance carries out one declared object, reads one data source, or opens one ephemeral resource.
func (r *run) instance(ctx context.Context, n config.Node, address graph.Instance) error {
	if n.Kind == config.EphemeralNode {
		return r.verdict(r.replan.Data(r.work, address))
	}
	planned := r.steps[address]
	if planned == nil || planned.Action == plan.NoOp && !planned.Changing() {
		if value, ok := r.Plan.Value(address); ok {
			if planned != nil {
				r.settled(planned, nil)
			}
			return r.verdict(r.replan.Keep(address, value))
		}
		if len(r.Targets) > 0 {
			return nil // not among the targets
		}
	}
	if n.Kind == config.DataNode {
		return r.verdict(r.replan.Data(r.work, address))
	}
	step, block, diags := r.replan.Resource(r.work, address, planned)
	if diags.HasErrors() {
		if planned != nil {
			r.settled(planned, errVisit{})
		}
		return r.verdict(diags)
	}
	o := &operation{run: r, step: step, planned: planned, block: block, resource: r.Types.Resources[address.Type], host: r.Hosts[step.Provider]}
	err := o.carryOut()
	r.settled(planned, err)
	if err != nil {
		return r.verdict(plan.Problem(address, block, err))
	}
	return r.verdict(r.replan.Set(address, o.result))
}

// onlyRecorded reports whether changes are of attributes no engine knows: there is nothing to call.
func onlyRecorded(rules contract.Rules, changes contract.Changes) bool {
	for _, c := range changes {
		if !rules[c.Path].ConfigOnly {
			return false
		}
	}
	return true
}
