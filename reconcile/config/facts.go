package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// facts collects what is known of resources without evaluating them.
func (a *analysis) facts() {
	for _, mod := range a.cfg.modules {
		for _, d := range mod.declarations {
			r := &Resource{
				Address: d.address, Schema: d.schema, Provider: d.resolved, Range: d.at,
				Lifecycle: d.lifecycle, Repeated: d.repeat.any(), decl: d,
				DependsOn: a.dependsOn(mod, d.dependsOn),
			}
			for above := mod; above.call != nil; above = above.parent {
				r.DependsOn = append(r.DependsOn, a.dependsOn(above.parent, above.call.dependsOn)...)
			}
			if d.address.Mode != graph.Managed {
				r.RefersTo = a.refersTo(d.address)
			}
			for attribute := range a.reads[d.address] {
				if attribute == "" {
					r.ReadsAll = true
				} else {
					r.Reads = append(r.Reads, attribute)
				}
			}
			slices.Sort(r.Reads)
			a.cfg.resources[d.address] = r
		}
	}
}

// dependsOn are the resources that references of depends_on lead to.
func (a *analysis) dependsOn(mod *module, refs []reference) (found []graph.Resource) {
	for _, ref := range refs {
		switch ref.kind {
		case refResource:
			found = append(found, graph.Resource{Module: mod.address, Mode: ref.resource.mode, Type: ref.resource.typ, Name: ref.resource.name})
		case refModule:
			child := mod.address.Child(ref.name)
			for _, inside := range a.cfg.sortedModules() {
				if child.Contains(inside.address) {
					for _, d := range inside.declarations {
						found = append(found, d.address)
					}
				}
			}
		}
	}
	slices.SortFunc(found, graph.Resource.Compare)
	return found
}

// refersTo are the resources a block refers to itself.
func (a *analysis) refersTo(r graph.Resource) (found []graph.Resource) {
	for _, need := range a.all.Needs(symbol{kind: symResource, module: r.Module, resource: localName{mode: r.Mode, typ: r.Type, name: r.Name}}) {
		if need.kind == symResource && need.resource.mode == graph.Managed {
			found = append(found, graph.Resource{Module: need.module, Mode: graph.Managed, Type: need.resource.typ, Name: need.resource.name})
		}
	}
	slices.SortFunc(found, graph.Resource.Compare)
	return found
}

// gone checks that what moved or was removed is not declared any more.
func (a *analysis) gone() {
	for _, m := range a.cfg.moved {
		if !m.From.Key.IsNone() || !m.To.Key.IsNone() || m.From.IsModule() && !lastKey(m.From).IsNone() {
			continue // one instance of something that may well exist
		}
		if at, ok := a.declared(m.From); ok {
			a.fail(m.Range, "Moved object still exists", fmt.Sprintf("%s is said to have moved to %s, but it is declared at %s. Remove that declaration or this block.", m.From, m.To, at))
		}
	}
	for _, r := range a.cfg.removed {
		if at, ok := a.declared(r.From); ok {
			a.fail(r.Range, "Removed object still exists", fmt.Sprintf("%s is said to be removed, but it is declared at %s. Remove that declaration or this block.", r.From, at))
		}
	}
}

// declared finds the declaration of what a target names, whatever the keys.
func (a *analysis) declared(t graph.Target) (hcl.Range, bool) {
	mod := a.cfg.modules[t.Module.Module()]
	switch {
	case mod == nil:
		return hcl.Range{}, false
	case t.IsModule():
		return mod.call.at, true
	}
	d := mod.declarations[localName{t.Mode, t.Type, t.Name}]
	if d == nil {
		return hcl.Range{}, false
	}
	return d.at, true
}
