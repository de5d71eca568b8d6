package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// build makes a graph of lines "node: needs needs".
func build(text string) *graph.Graph[string] {
	g := graph.New[string]()
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		node, needs, _ := strings.Cut(strings.TrimSpace(line), ":")
		g.Add(node)
		for _, need := range strings.Fields(needs) {
			g.Connect(node, need)
		}
	}
	return g
}

// recorder remembers visits in their order; nodes in fail return an error.
type recorder struct {
	mu    sync.Mutex
	order []string
	fail  []string
}

func (r *recorder) visit(_ context.Context, node string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order = append(r.order, node)
	if slices.Contains(r.fail, node) {
		return fmt.Errorf("%s broke", node)
	}
	return nil
}

func outcomes(report graph.Report[string]) map[string]string {
	all := map[string]string{}
	for _, r := range report {
		all[r.Node] = strings.TrimSpace(r.Outcome.String() + " " + r.Because)
	}
	return all
}

const diamond = `
	d: b c
	b: a
	c: a
	a:
	x:`

func TestWalkOrder(t *testing.T) {
	t.Parallel()
	for _, reverse := range []bool{false, true} {
		g, r := build(diamond), &recorder{}
		walk, before := g.Walk, g.Needs
		if reverse {
			walk, before = g.WalkReverse, g.Dependants
		}
		report, err := walk(t.Context(), r.visit)
		if err != nil || report.Err() != nil {
			t.Fatal(err, report.Err())
		}
		if len(r.order) != 5 {
			t.Errorf("visited %v", r.order)
		}
		for i, node := range r.order {
			for _, need := range before(node) {
				if !slices.Contains(r.order[:i], need) {
					t.Errorf("reverse %v: %s before %s: %v", reverse, node, need, r.order)
				}
			}
		}
	}
}

func TestWalkFailureSkipsDependantsOnly(t *testing.T) {
	t.Parallel()
	g, r := build(diamond+"\n	e: d\n	f: c"), &recorder{fail: []string{"b"}}
	report, err := g.Walk(t.Context(), r.visit)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "done", "b": "failed", "c": "done", "d": "skipped b", "e": "skipped b", "f": "done", "x": "done"}
	if diff := cmp.Diff(want, outcomes(report)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := report.Err().Error(); got != "b broke" {
		t.Errorf("error %q", got)
	}
	g, r = build(diamond), &recorder{fail: []string{"d"}}
	report, err = g.WalkReverse(t.Context(), r.visit)
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"a": "skipped d", "b": "skipped d", "c": "skipped d", "d": "failed", "x": "done"}
	if diff := cmp.Diff(want, outcomes(report)); diff != "" {
		t.Errorf("reverse (-want +got):\n%s", diff)
	}
}

func TestWalkCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	g := build("b: a\n a:\n c: b")
	report, err := g.Walk(ctx, func(_ context.Context, node string) error {
		if node == "a" {
			cancel() // what is under way ends, nothing further begins
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "done", "b": "skipped", "c": "skipped"}, outcomes(report)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !errors.Is(report.Err(), context.Canceled) {
		t.Errorf("error %v", report.Err())
	}
}

func TestWalkVisitsReadyNodesTogether(t *testing.T) {
	t.Parallel()
	const n = 50
	g := graph.New[int]()
	for i := range n {
		g.Add(i)
	}
	var meet sync.WaitGroup
	meet.Add(n)
	report, err := g.Walk(t.Context(), func(context.Context, int) error {
		meet.Done()
		meet.Wait() // never returns unless all are visited at once
		return nil
	})
	if err != nil || report.Err() != nil {
		t.Fatal(err, report.Err())
	}
}

func TestLongChain(t *testing.T) {
	t.Parallel()
	const n = 20000
	g := graph.New[int]()
	for i := range n {
		g.Connect(i+1, i)
	}
	report, err := g.Walk(t.Context(), func(context.Context, int) error { return errors.New("no") })
	if err != nil {
		t.Fatal(err)
	}
	if last := report[len(report)-1]; last.Outcome != graph.Skipped || last.Because != 0 {
		t.Errorf("last: %+v", last)
	}
	if sorted, err := g.Sort(); err != nil || sorted[n] != n {
		t.Error("order of a long chain", err)
	}
}

func TestCycleIsNamed(t *testing.T) {
	t.Parallel()
	g := build("z: a\n a: b\n b: c\n c: a\n")
	_, err := g.Sort()
	if err == nil || err.Error() != "cycle: a -> b -> c -> a" {
		t.Errorf("error %v", err)
	}
	var cycle *graph.CycleError[string]
	if _, err := g.Walk(t.Context(), func(context.Context, string) error { t.Error("visited"); return nil }); !errors.As(err, &cycle) {
		t.Errorf("walk: %v", err)
	}
	if got := build("a: a").Cycle(); got == nil || got.Error() != "cycle: a -> a" {
		t.Errorf("self: %v", got)
	}
	if got := build(diamond).Cycle(); got != nil {
		t.Errorf("diamond: %v", got)
	}
}

func TestClosures(t *testing.T) {
	t.Parallel()
	g := build(diamond)
	if diff := cmp.Diff([]string{"b", "a"}, g.Reachable("b", "none")); diff != "" {
		t.Errorf("reachable (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"d", "c"}, g.Affected("c")); diff != "" {
		t.Errorf("affected (-want +got):\n%s", diff)
	}
	sub := g.Subgraph(func(n string) bool { return n != "b" })
	if diff := cmp.Diff([]string{"d", "c", "a", "x"}, sub.Nodes()); diff != "" {
		t.Errorf("subgraph (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"c"}, sub.Needs("d")); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
	sorted, err := g.Sort()
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "x"}, sorted); diff != "" || err != nil {
		t.Errorf("sorted %v (-want +got):\n%s", err, diff)
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	const slots, work = 3, 60
	limiter := graph.NewLimiter(slots)
	var now, most atomic.Int32
	var all sync.WaitGroup
	for range work {
		all.Go(func() {
			err := limiter.Do(t.Context(), func(context.Context) error {
				n := now.Add(1)
				defer now.Add(-1)
				for {
					seen := most.Load()
					if n <= seen || most.CompareAndSwap(seen, n) {
						return nil
					}
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() > slots {
		t.Errorf("%d at once, want at most %d", most.Load(), slots)
	}
	ctx, cancel := context.WithCancel(t.Context())
	full := graph.NewLimiter(0)
	err := full.Do(ctx, func(ctx context.Context) error {
		cancel()
		return full.Do(ctx, func(context.Context) error { t.Error("ran without a slot"); return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
