package plan

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// BuildDestroy plans the removal of everything that is ours, or of what the targets name and all that was made from
// it. It asks the engines nothing beyond their inventories.
func BuildDestroy(in Input) (*Plan, hcl.Diagnostics) {
	relocate(in.Config, in.Hosts)
	b := newBuilder(in)
	var all []*Step
	for key, host := range b.onceEach() {
		seen := map[graph.Instance]bool{}
		for _, o := range host.Inventory.Objects {
			resource, ok := in.Types.Resources[o.Address.Type]
			if !ok {
				continue
			}
			s, err := removal(resource, key, host, o)
			if err != nil {
				b.report(problem(o.Address, nil, err))
				continue
			}
			if seen[o.Address] {
				s.Deposed = o.ID
			}
			seen[o.Address] = true
			b.needDeclared(s)
			all = append(all, s)
		}
	}
	keep := b.doomed(all)
	for _, s := range all {
		if keep(s) {
			b.add(s)
			b.guard(s)
		}
	}
	p := &Plan{Project: in.Project, Steps: b.steps, Destroy: true}
	if len(in.Targets) == 0 {
		for name, before := range in.Recorded {
			p.Outputs = append(p.Outputs, Output{Name: name, Before: before})
		}
		slices.SortFunc(p.Outputs, func(x, y Output) int {
			if x.Name < y.Name {
				return -1
			}
			return 1
		})
	}
	p.sort()
	return p, b.diags
}

// needDeclared adds what the declaration of an object needs to what its record says: what it was made from may have
// another address since.
func (b *builder) needDeclared(s *Step) {
	if _, declared := b.Config.Resource(s.Address.Resource()); !declared {
		return
	}
	for _, need := range needs(b.Config.Graph(), config.NodeOf(s.Address.Resource())) {
		if !slices.Contains(s.Needs, need) {
			s.Needs = append(s.Needs, need)
		}
	}
}

// doomed is what goes when the targets go: they, and what was made from them.
func (b *builder) doomed(all []*Step) func(*Step) bool {
	if len(b.Targets) == 0 {
		return func(*Step) bool { return true }
	}
	gone := map[*Step]bool{}
	blocks := map[graph.Resource]bool{}
	for grown := true; grown; {
		grown = false
		for _, s := range all {
			if gone[s] {
				continue
			}
			if slices.ContainsFunc(b.Targets, func(t graph.Target) bool { return t.Matches(s.Address) }) ||
				slices.ContainsFunc(s.Needs, func(r graph.Resource) bool { return blocks[r] }) {
				gone[s], blocks[s.Address.Resource()], grown = true, true, true
			}
		}
	}
	return func(s *Step) bool { return gone[s] }
}

// guard refuses to destroy what its declaration protects.
func (b *builder) guard(s *Step) {
	declared, ok := b.Config.Resource(s.Address.Resource())
	if !ok {
		return
	}
	s.Declared = &declared.Range
	if declared.Lifecycle.PreventDestroy && s.Action == Delete {
		b.report(hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Protected: " + s.Address.String(), Subject: s.Declared,
			Detail: fmt.Sprintf("Its lifecycle says prevent_destroy. Remove that first, or leave %s out with -target.", s.Address),
		}})
	}
}
