package apply

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// Input is what an apply works with.
type Input struct {
	// Plan is carried out. The embedded input is that of the plan, with an evaluator of its own.
	plan.Input
	Plan *plan.Plan
	// Stamp returns the engine value for one create, which puts the labels on what it makes.
	Stamp func(h *plan.Host, labels map[string]string) any
	// Ledgers gives the engine calls for the ledger of a host.
	Ledgers  func(h *plan.Host) ownership.API
	Observer Observer
}

// Run carries out a plan whose project is locked. When ctx ends nothing new is begun and what runs is waited for.
//
// The order: what prepares without disturbing (pulls, builds), and only when all of it succeeded the removals nothing
// new depends on; then creations and changes in the order of the graph, a replaced object standing aside until its
// successor is up; last, the removal of what was still in use. The ledger is written before objects are made that
// cannot carry labels, and at the end, also of an apply that failed.
func Run(ctx context.Context, in Input) (*Report, hcl.Diagnostics) {
	r := newRun(ctx, in)
	begun := time.Now()
	if err := r.books.intend(r.work, in.Plan); err != nil {
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Ledger not written", Detail: err.Error() + ". Nothing was changed."}})
		r.skipRest()
		return r.done(begun), r.diags
	}
	if r.prepare(ctx); !r.failed() {
		r.fetch(ctx)
	}
	if !r.failed() {
		r.change(ctx)
	}
	r.skipRest()
	r.finish()
	return r.done(begun), r.diags
}

// change is what follows the preparations.
func (r *run) change(ctx context.Context) {
	r.remove(ctx, r.early())
	if !r.failed() {
		r.converge(ctx)
	}
	r.removeOutlived()
	r.remove(ctx, r.late())
	r.removeOutlived() // what deposed objects used
	if !r.failed() {
		r.sweep()
	}
}

// run is the state of one apply.
type run struct {
	Input
	work    context.Context //nolint:containedctx // one run is one call; work outlives the wish to stop
	replan  *plan.Replanner
	books   *books
	steps   map[graph.Instance]*plan.Step
	index   index
	visited map[config.Node]bool

	mu     sync.Mutex
	ended  map[*plan.Step]bool // carried out, or nothing to do
	broken map[*plan.Step]bool // failed
	gone   map[*plan.Step]bool // replaced objects that are removed already
	said   map[*plan.Step]bool // reported as started
	// outlived are replacements whose old objects are removed when nothing uses them any more.
	outlived    []*operation
	interrupted bool // and reported
	diags       hcl.Diagnostics
	result      Report
}

func newRun(ctx context.Context, in Input) *run {
	r := &run{
		Input: in, work: context.WithoutCancel(ctx), replan: plan.NewReplanner(in.Input),
		steps: map[graph.Instance]*plan.Step{}, index: newIndex(in.Plan), visited: map[config.Node]bool{},
		ended: map[*plan.Step]bool{}, broken: map[*plan.Step]bool{}, gone: map[*plan.Step]bool{}, said: map[*plan.Step]bool{},
	}
	r.books = openBooks(in)
	for _, s := range in.Plan.Steps {
		if s.Declared != nil && s.Deposed == "" { // what leaves one engine for another has a step on each
			r.steps[s.Address] = s
		}
	}
	return r
}

func (r *run) report(diags hcl.Diagnostics) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.diags = append(r.diags, diags...)
}

// failed reports whether anything went wrong so far.
func (r *run) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.diags.HasErrors()
}

// settled notes how a step ended and counts it.
func (r *run) settled(s *plan.Step, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.broken[s] = true
		return
	}
	if r.ended[s] {
		return
	}
	r.ended[s] = true
	if one := (&plan.Plan{Steps: []*plan.Step{s}}).Summary(); s.Action != plan.NoOp || s.Adopting != "" {
		sum := &r.result.Done
		sum.Add += one.Add
		sum.Change += one.Change
		sum.Replace += one.Replace
		sum.Destroy += one.Destroy
		sum.Adopt += one.Adopt
		sum.Forget += one.Forget
	}
}

// skipRest reports what was planned and not tried.
func (r *run) skipRest() {
	for _, s := range r.Plan.Steps {
		r.mu.Lock()
		untried := s.Changing() && !r.ended[s] && !r.broken[s]
		r.mu.Unlock()
		if untried {
			r.observe(Event{Kind: Skipped, Address: s.Address, Host: s.Host, Action: s.Action})
		}
	}
}

func (r *run) done(begun time.Time) *Report {
	for _, s := range r.Plan.Steps {
		switch {
		case r.broken[s]:
			r.result.Failed = append(r.result.Failed, s.Address)
		case s.Changing() && !r.ended[s]:
			r.result.NotTried = append(r.result.NotTried, s.Address)
		}
	}
	r.result.Elapsed = time.Since(begun)
	return &r.result
}

func (r *run) observe(e Event) {
	if r.Observer != nil {
		r.Observer.Observe(e)
	}
}

// finish writes the ledger with the outputs.
func (r *run) finish() {
	whole := len(r.Targets) == 0 && !r.failed()
	if whole && !r.Plan.Destroy {
		for _, name := range r.Config.Outputs() {
			o, diags := r.Evaluator.Output(name)
			r.report(diags)
			if diags.HasErrors() {
				continue
			}
			before := cty.NilVal
			for _, planned := range r.Plan.Outputs {
				if planned.Name == name {
					before = planned.Before
				}
			}
			r.result.Outputs = append(r.result.Outputs, plan.Output{Name: name, Before: before, After: o.Value, Sensitive: o.Sensitive})
		}
	}
	if err := r.books.close(r.work, r.result, whole); err != nil {
		r.report(hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Ledger not written",
			Detail: fmt.Sprintf("%s. What was done is done; run cleat apply again to record it.", err),
		}})
	}
}

// once are the engines, each once.
func once(hosts map[config.ProviderKey]*plan.Host) map[*observe.Inventory]*plan.Host {
	out := map[*observe.Inventory]*plan.Host{}
	for _, h := range plan.OnceEach(hosts) {
		out[h.Inventory] = h
	}
	return out
}
