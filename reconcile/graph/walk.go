package graph

import (
	"context"
	"errors"
	"sync"
)

// Outcome is how a walk ended for one node.
type Outcome uint8

const (
	// Skipped: the node was not visited, because something it needs failed or the walk was cancelled.
	Skipped Outcome = iota
	// Done: the visit returned no error.
	Done
	// Failed: the visit returned an error.
	Failed
)

func (o Outcome) String() string { return [...]string{"skipped", "done", "failed"}[o] }

// Result is the end of one node.
type Result[N comparable] struct {
	Node    N
	Outcome Outcome
	// Err is the error of a failed visit, or the context's error of a node skipped by cancellation.
	Err error
	// Because is, for a skipped node, the failed node at the root of it; the zero value when the walk was
	// cancelled.
	Because N
}

// Report is the end of every node, in the order of the graph.
type Report[N comparable] []Result[N]

// Err joins the errors of the failed nodes and of a cancelled walk, nil when every node is done.
func (r Report[N]) Err() error {
	var all []error
	cancelled := false
	for _, result := range r {
		switch {
		case result.Outcome == Failed:
			all = append(all, result.Err)
		case result.Outcome == Skipped && result.Err != nil && !cancelled:
			cancelled = true
			all = append(all, result.Err)
		}
	}
	return errors.Join(all...)
}

// Walk visits every node once all it needs are done, as many at once as are ready; visits that do costly work share a
// [Limiter]. A failed node skips all that need it, directly or not; its neighbours go on. When ctx ends no further
// node is visited and the visits under way are waited for. The report has every node; the error is a *[CycleError],
// found before anything is visited.
func (g *Graph[N]) Walk(ctx context.Context, visit func(context.Context, N) error) (Report[N], error) {
	return g.walk(ctx, g.needs, g.dependants, visit)
}

// WalkReverse is [Graph.Walk] in the opposite direction: a node is visited once all that need it are done. It is the
// order of destruction.
func (g *Graph[N]) WalkReverse(ctx context.Context, visit func(context.Context, N) error) (Report[N], error) {
	return g.walk(ctx, g.dependants, g.needs, visit)
}

func (g *Graph[N]) walk(ctx context.Context, needs, dependants [][]int, visit func(context.Context, N) error) (Report[N], error) {
	if cycle := g.Cycle(); cycle != nil {
		return nil, cycle
	}
	w := &walk[N]{
		ctx: ctx, visit: visit, dependants: dependants,
		report: make(Report[N], len(g.nodes)), waits: make([]int, len(g.nodes)), doomed: make([]bool, len(g.nodes)),
	}
	for i, node := range g.nodes {
		w.report[i].Node = node
		w.waits[i] = len(needs[i])
	}
	w.mu.Lock()
	for i := range g.nodes {
		if len(needs[i]) == 0 {
			w.start(i)
		}
	}
	w.mu.Unlock()
	w.running.Wait()
	return w.report, nil
}

// walk is the state of one walk; mu guards report, waits and doomed.
type walk[N comparable] struct {
	ctx        context.Context //nolint:containedctx // one walk is one call
	visit      func(context.Context, N) error
	dependants [][]int

	mu      sync.Mutex
	report  Report[N]
	waits   []int
	doomed  []bool // something needed failed; report.Because says what
	running sync.WaitGroup
}

// start visits a node whose needs are all settled. The caller holds mu.
func (w *walk[N]) start(i int) {
	w.running.Go(func() {
		var err error
		ended := w.ctx.Err()
		if ended == nil {
			err = w.visit(w.ctx, w.report[i].Node)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		result := &w.report[i]
		switch {
		case ended != nil:
			result.Outcome, result.Err = Skipped, ended
		case err != nil:
			result.Outcome, result.Err = Failed, err
		default:
			result.Outcome = Done
		}
		w.settle(i)
	})
}

// settle tells the dependants of a node that it has ended and starts those that wait for nothing else. It goes
// through skipped nodes in a loop and not by recursion: chains may be long. The caller holds mu.
func (w *walk[N]) settle(first int) {
	todo := []int{first}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		ended := w.report[i]
		for _, d := range w.dependants[i] {
			if ended.Outcome != Done && !w.doomed[d] {
				w.doomed[d] = true
				if ended.Outcome == Failed {
					w.report[d].Because = ended.Node
				} else {
					w.report[d].Because, w.report[d].Err = ended.Because, ended.Err
				}
			}
			if w.waits[d]--; w.waits[d] > 0 {
				continue
			}
			if w.doomed[d] {
				todo = append(todo, d)
			} else {
				w.start(d)
			}
		}
	}
}
