package apply

import (
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
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

// ready reports whether a node may be visited before anything is removed: a preparing type, or one with nothing to do.
func (r *run) ready(n config.Node) bool {
	if n.Kind != config.ResourceNode && n.Kind != config.DataNode {
		return n.Kind == config.VariableNode
	}
	if n.Kind == config.ResourceNode && r.Types.Resources[n.Type].Prepares() {
		return true
	}
	for _, s := range r.Plan.Steps {
		if s.Address.Resource() == n.Resource() && (s.Changing() || s.Action == plan.Read) {
			return false
		}
	}
	return true
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
	if n.Kind != config.ResourceNode && n.Kind != config.DataNode {
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
	for _, result := range report {
		if result.Outcome == graph.Skipped && result.Err != nil {
			r.report(hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: "Interrupted",
				Detail: "What had begun was finished; the rest was not tried. Run cleat apply again to go on.",
			}})
			return
		}
	}
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
	going := map[graph.Resource]bool{}
	for _, s := range removals {
		going[s.Address.Resource()] = true
	}
	var steps []*plan.Step
	for _, s := range r.Plan.Steps {
		if s.Deposed != "" && s.Action == plan.Delete && !slices.Contains(removals, s) &&
			slices.ContainsFunc(r.madeFrom(s), func(need graph.Resource) bool { return going[need] }) {
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
	return slices.ContainsFunc(o.Plan.Steps, func(other *plan.Step) bool {
		return other.Address.Resource() != o.step.Address.Resource() && other.Changing() && !o.ended[other] &&
			slices.Contains(o.madeFrom(other), o.step.Address.Resource())
	})
}

// removeOutlived removes what has successors and was still in use when they were made, the newest first. What did not
// get off it keeps it; the next apply finds it as a deposed object.
func (r *run) removeOutlived() {
	slices.Reverse(r.outlived)
	for _, o := range r.outlived {
		if o.inUse() {
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
	for _, other := range r.Plan.Steps {
		if other == s || !other.Changing() || r.ended[other] {
			continue
		}
		uses := slices.Contains(other.Needs, s.Address.Resource()) || s.Deposed != "" && other.Address == s.Address
		if uses && (other.Action != plan.Delete && other.Action != plan.Forget || r.broken[other]) {
			return false
		}
	}
	return true
}

// neededByLiving reports whether an object that stays was made from this one, by its record.
func (r *run) neededByLiving(s *plan.Step) bool {
	for _, other := range r.Plan.Steps {
		if other.Action == plan.Delete || other.Action == plan.Forget {
			continue
		}
		if slices.Contains(other.Record.Needs, s.Address.Resource().String()) {
			return true
		}
	}
	return false
}

// standsAside reports whether a replaced object is kept until its successor is up. It is not when something it was
// made from goes away under it, to which it could not come back.
func (r *run) standsAside(s *plan.Step) bool {
	if !r.Types.Resources[s.Address.Type].StepsAside() {
		return false
	}
	for _, other := range r.Plan.Steps {
		under := slices.Contains(s.Needs, other.Address.Resource()) || slices.Contains(s.Record.Needs, other.Address.Resource().String())
		if under && other.Action == plan.Replace && !other.CreateBeforeDestroy && !r.Types.Resources[other.Address.Type].Prepares() {
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
		for _, need := range r.madeFrom(s) {
			for _, below := range blocks[need] {
				if below != s {
					g.Connect(below, s)
				}
			}
		}
	}
	_, err := g.Walk(ctx, func(ctx context.Context, s *plan.Step) error {
		return r.Limiter.Do(ctx, func(context.Context) error { return r.removeOne(s) })
	})
	if err != nil {
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Dependency cycle among removals", Detail: err.Error()}})
	}
}

// madeFrom are the blocks an object was made from, by its record and by its declaration.
func (r *run) madeFrom(s *plan.Step) []graph.Resource {
	blocks := slices.Clone(s.Needs)
	for _, text := range s.Record.Needs {
		if need, err := graph.ParseResource(text); err == nil {
			blocks = append(blocks, need)
		}
	}
	return blocks
}
