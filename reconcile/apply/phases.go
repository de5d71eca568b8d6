package apply

import (
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// prepare visits what disturbs nothing: pulls and builds, as far as they need nothing that is yet to be made.
func (r *run) prepare(ctx context.Context) {
	g := r.Config.Graph()
	sorted, err := g.Sort()
	if err != nil || r.Plan.Destroy {
		return // a cycle is reported by the walk to come
	}
	for _, n := range sorted {
		if r.ready(n) && !slices.ContainsFunc(g.Needs(n), func(need config.Node) bool { return !r.visited[need] }) {
			r.visited[n] = true
		}
	}
	r.walk(ctx, g.Subgraph(func(n config.Node) bool { return r.visited[n] }))
}

// fetch gets what the successors of replaced objects need from elsewhere, while those are still there.
func (r *run) fetch(ctx context.Context) {
	g := graph.New[*plan.Step]()
	for _, s := range r.Plan.Steps {
		if s.Action == plan.Replace && s.Deposed == "" && !r.Types.Resources[s.Address.Type].Prepares() && !r.awaitsImage(s) {
			g.Add(s)
		}
	}
	report, err := g.Walk(ctx, func(ctx context.Context, s *plan.Step) error {
		return r.Limiter.Do(ctx, func(context.Context) error { return r.fetchFor(s) })
	})
	if err != nil {
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Not prepared", Detail: err.Error()}})
	}
	noteInterrupt(r, report)
}

// awaitsImage reports whether something a step needs is yet to give an image its name, so that it is not to be had elsewhere.
func (r *run) awaitsImage(s *plan.Step) bool {
	return slices.ContainsFunc(s.Needs, func(need graph.Resource) bool {
		return slices.ContainsFunc(r.index.of[need], func(other *plan.Step) bool {
			if !other.Changing() || r.ended[other] {
				return false
			}
			claims, err := r.Types.Resources[need.Type].Claims(other.After)
			return err != nil || slices.ContainsFunc(claims, func(c contract.Claim) bool { return c.Kind == contract.ClaimImageName })
		})
	})
}

// ready reports whether a node may be visited before anything is removed: a preparing type, or one with nothing to do.
func (r *run) ready(n config.Node) bool {
	if !n.HasInstances() {
		return n.Kind == config.VariableNode
	}
	if n.Kind == config.ResourceNode && r.Types.Resources[n.Type].Prepares() {
		return true
	}
	return !slices.ContainsFunc(r.index.of[n.Resource()], func(s *plan.Step) bool { return s.Changing() || s.Action == plan.Read })
}

// converge visits everything that is declared and not visited yet.
func (r *run) converge(ctx context.Context) {
	if r.Plan.Destroy {
		return
	}
	r.walk(ctx, r.Config.Graph().Subgraph(func(n config.Node) bool { return !r.visited[n] && r.targeted(n) }))
}

// targeted reports whether the plan has anything to say of a node.
func (r *run) targeted(n config.Node) bool {
	if len(r.Targets) == 0 {
		return true
	}
	if !n.HasInstances() {
		return false
	}
	return r.Plan.Mentions(n.Resource())
}

func (r *run) walk(ctx context.Context, g *graph.Graph[config.Node]) {
	report, err := g.Walk(ctx, r.visit)
	if err != nil {
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Dependency cycle", Detail: err.Error()}})
		return
	}
	noteInterrupt(r, report)
}

// noteInterrupt reports, once, that a walk ended before its end.
func noteInterrupt[N comparable](r *run, report graph.Report[N]) {
	cut := slices.ContainsFunc(report, func(result graph.Result[N]) bool { return result.Outcome == graph.Skipped && result.Err != nil })
	if !cut || r.interrupted {
		return
	}
	r.interrupted = true
	r.report(hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Interrupted",
		Detail: "What had begun was finished; the rest was not tried. Run cleat apply again to go on.",
	}})
}

// early are the removals that come before anything new: what is declared no longer and nothing living was made from,
// and replaced objects that cannot stand aside.
func (r *run) early() []*plan.Step {
	var steps []*plan.Step
	for _, s := range r.Plan.Steps {
		switch s.Action {
		case plan.Delete, plan.Forget:
			if s.Deposed == "" && (r.Plan.Destroy || !r.Types.Resources[s.Address.Type].Prepares() && !r.neededByLiving(s)) {
				steps = append(steps, s)
			}
		case plan.Replace:
			if !r.standsAside(s) && !s.CreateBeforeDestroy && !r.Types.Resources[s.Address.Type].Prepares() {
				steps = append(steps, s)
			}
		}
	}
	return append(steps, r.undermined(steps)...)
}

// undermined are the deposed objects something of which is among the removals: a network goes only when nothing that
// an interrupted replacement left aside is connected to it any more.
func (r *run) undermined(removals []*plan.Step) []*plan.Step {
	going, listed := map[graph.Resource]bool{}, map[*plan.Step]bool{}
	for _, s := range removals {
		going[s.Address.Resource()], listed[s] = true, true
	}
	var steps []*plan.Step
	for _, s := range r.Plan.Steps {
		if s.Deposed != "" && s.Action == plan.Delete && !listed[s] &&
			slices.ContainsFunc(r.index.from[s], func(need graph.Resource) bool { return going[need] }) {
			steps = append(steps, s)
		}
	}
	return steps
}

// late are the removals that are left: of what the living were made from until now, of images, and of what was
// replaced by a successor made before.
func (r *run) late() []*plan.Step {
	var steps []*plan.Step
	for _, s := range r.Plan.Steps {
		r.mu.Lock()
		done := r.ended[s] || r.broken[s]
		r.mu.Unlock()
		if !done && (s.Action == plan.Delete || s.Action == plan.Forget) && r.settledAround(s) {
			steps = append(steps, s)
		}
	}
	return steps
}

// inUse reports whether something that was made from the operation's block is yet to be changed.
func (o *operation) inUse() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.index.users[o.step.Address.Resource()], func(other *plan.Step) bool {
		return other.Address.Resource() != o.step.Address.Resource() && other.Changing() && !o.ended[other]
	})
}

// removeOutlived removes what has successors and was still in use when they were made, the newest first. What did not
// get off it keeps it; the next apply finds it as a deposed object.
func (r *run) removeOutlived() {
	outlived := r.outlived
	r.outlived = nil
	for _, o := range slices.Backward(outlived) {
		if o.inUse() {
			r.outlived = slices.Insert(r.outlived, 0, o)
			continue
		}
		if err := o.discard(r.work, o.step.Before); err != nil {
			r.report(plan.Problem(o.step.Address, o.block, err))
			continue
		}
		o.books.cleared(o.step)
	}
}

// settledAround reports whether everything made from a block, and the object itself where a deposed one is to go, is
// as planned: what is in use, or may have to come back, is not removed.
func (r *run) settledAround(s *plan.Step) bool {
	around := r.index.users[s.Address.Resource()]
	if s.Deposed != "" {
		around = slices.Concat(around, r.index.at[s.Address])
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.ContainsFunc(around, func(other *plan.Step) bool {
		removal := other.Action == plan.Delete || other.Action == plan.Forget
		return other != s && other.Changing() && !r.ended[other] && (!removal || r.broken[other])
	})
}

// neededByLiving reports whether an object that stays was made from this one, by its record.
func (r *run) neededByLiving(s *plan.Step) bool {
	return slices.ContainsFunc(r.index.made[s.Address.Resource()], func(other *plan.Step) bool {
		return other.Action != plan.Delete && other.Action != plan.Forget
	})
}

// standsAside reports whether a replaced object is kept until its successor is up. It is not when something it was
// made from goes away under it, to which it could not come back.
func (r *run) standsAside(s *plan.Step) bool {
	if !r.Types.Resources[s.Address.Type].StepsAside() {
		return false
	}
	for _, need := range r.index.from[s] {
		if slices.ContainsFunc(r.index.of[need], func(other *plan.Step) bool {
			return other.Action == plan.Replace && !other.CreateBeforeDestroy && !r.Types.Resources[other.Address.Type].Prepares()
		}) {
			return false
		}
	}
	return true
}

// remove carries out removals, what was made from something before that.
func (r *run) remove(ctx context.Context, steps []*plan.Step) {
	g := graph.New[*plan.Step]()
	blocks := map[graph.Resource][]*plan.Step{}
	for _, s := range steps {
		g.Add(s)
		blocks[s.Address.Resource()] = append(blocks[s.Address.Resource()], s)
	}
	for _, s := range steps {
		for _, need := range r.index.from[s] {
			for _, below := range blocks[need] {
				if below != s {
					g.Connect(below, s)
				}
			}
		}
	}
	report, err := g.Walk(ctx, func(ctx context.Context, s *plan.Step) error {
		return r.Limiter.Do(ctx, func(context.Context) error { return r.removeOne(s) })
	})
	if err != nil {
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Dependency cycle among removals", Detail: err.Error()}})
	}
	noteInterrupt(r, report)
}
