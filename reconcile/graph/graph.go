package graph

import (
	"fmt"
	"strings"
)

// Graph is a set of nodes and what each needs. Iteration follows the order of [Graph.Add], so that the same input
// gives the same result. It is not safe for changes while it is read.
type Graph[N comparable] struct {
	nodes      []N
	index      map[N]int
	needs      [][]int
	dependants [][]int
}

// New returns an empty graph.
func New[N comparable]() *Graph[N] { return &Graph[N]{index: map[N]int{}} }

// Add adds a node; adding it again changes nothing.
func (g *Graph[N]) Add(node N) { g.add(node) }

func (g *Graph[N]) add(node N) int {
	if i, ok := g.index[node]; ok {
		return i
	}
	i := len(g.nodes)
	g.index[node] = i
	g.nodes = append(g.nodes, node)
	g.needs = append(g.needs, nil)
	g.dependants = append(g.dependants, nil)
	return i
}

// Connect says that node needs another to be done first; both are added where they are missing. A node that needs
// itself is a cycle, found by [Graph.Cycle].
func (g *Graph[N]) Connect(node, needs N) {
	from, to := g.add(node), g.add(needs)
	for _, have := range g.needs[from] {
		if have == to {
			return
		}
	}
	g.needs[from] = append(g.needs[from], to)
	g.dependants[to] = append(g.dependants[to], from)
}

// Nodes are the nodes in the order they were added.
func (g *Graph[N]) Nodes() []N { return append([]N(nil), g.nodes...) }

// Has reports whether the node is in the graph.
func (g *Graph[N]) Has(node N) bool { _, ok := g.index[node]; return ok }

// Needs are the nodes this node needs directly.
func (g *Graph[N]) Needs(node N) []N { return g.neighbours(node, g.needs) }

// Dependants are the nodes that need this node directly.
func (g *Graph[N]) Dependants(node N) []N { return g.neighbours(node, g.dependants) }

func (g *Graph[N]) neighbours(node N, edges [][]int) []N {
	i, ok := g.index[node]
	if !ok {
		return nil
	}
	found := make([]N, len(edges[i]))
	for k, n := range edges[i] {
		found[k] = g.nodes[n]
	}
	return found
}

// Reachable are the nodes given and all they need, directly or not, in the order of the graph. Nodes that are not in
// the graph are passed over.
func (g *Graph[N]) Reachable(from ...N) []N { return g.closure(from, g.needs) }

// Affected are the nodes given and all that need them, directly or not, in the order of the graph.
func (g *Graph[N]) Affected(by ...N) []N { return g.closure(by, g.dependants) }

func (g *Graph[N]) closure(start []N, edges [][]int) []N {
	seen := make([]bool, len(g.nodes))
	var todo []int
	for _, node := range start {
		if i, ok := g.index[node]; ok && !seen[i] {
			seen[i] = true
			todo = append(todo, i)
		}
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, n := range edges[i] {
			if !seen[n] {
				seen[n] = true
				todo = append(todo, n)
			}
		}
	}
	var found []N
	for i, node := range g.nodes {
		if seen[i] {
			found = append(found, node)
		}
	}
	return found
}

// Subgraph is the graph of the nodes keep holds for, with the needs among them.
func (g *Graph[N]) Subgraph(keep func(N) bool) *Graph[N] {
	sub := New[N]()
	for _, node := range g.nodes {
		if keep(node) {
			sub.Add(node)
		}
	}
	for i, node := range g.nodes {
		if !sub.Has(node) {
			continue
		}
		for _, need := range g.needs[i] {
			if sub.Has(g.nodes[need]) {
				sub.Connect(node, g.nodes[need])
			}
		}
	}
	return sub
}

// CycleError says that nodes need each other. Nodes names them in order; the last needs the first.
type CycleError[N comparable] struct{ Nodes []N }

func (e *CycleError[N]) Error() string {
	var b strings.Builder
	b.WriteString("cycle: ")
	for _, node := range e.Nodes {
		fmt.Fprintf(&b, "%v -> ", node)
	}
	fmt.Fprintf(&b, "%v", e.Nodes[0])
	return b.String()
}

// Cycle returns the first cycle found, or nil.
func (g *Graph[N]) Cycle() *CycleError[N] {
	const (
		unseen = iota
		open
		closed
	)
	state := make([]uint8, len(g.nodes))
	type frame struct{ node, next int }
	for root := range g.nodes {
		if state[root] != unseen {
			continue
		}
		stack := []frame{{node: root}}
		state[root] = open
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(g.needs[top.node]) {
				state[top.node] = closed
				stack = stack[:len(stack)-1]
				continue
			}
			need := g.needs[top.node][top.next]
			top.next++
			switch state[need] {
			case unseen:
				state[need] = open
				stack = append(stack, frame{node: need})
			case open:
				var cycle []N
				for i := len(stack) - 1; i >= 0; i-- {
					cycle = append([]N{g.nodes[stack[i].node]}, cycle...)
					if stack[i].node == need {
						break
					}
				}
				return &CycleError[N]{cycle}
			}
		}
	}
	return nil
}

// Sort returns the nodes with everything a node needs before it, otherwise in the order they were added, or a
// *[CycleError].
func (g *Graph[N]) Sort() ([]N, error) {
	if cycle := g.Cycle(); cycle != nil {
		return nil, cycle
	}
	sorted := make([]N, 0, len(g.nodes))
	seen := make([]bool, len(g.nodes))
	var visit func(int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, need := range g.needs[i] {
			visit(need)
		}
		sorted = append(sorted, g.nodes[i])
	}
	for i := range g.nodes {
		visit(i)
	}
	return sorted, nil
}
