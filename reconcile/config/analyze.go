package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// analysis finds what everything depends on.
type analysis struct {
	cfg   *Config
	all   *graph.Graph[symbol]
	reads map[graph.Resource]map[string]bool // attributes read; "" for the whole object
	diags hcl.Diagnostics
}

// analyze checks all references, finds cycles, and makes the graph of a walk and the static facts of resources. Of a
// configuration that is broken otherwise it checks the references only.
func (c *Config) analyze(broken bool) hcl.Diagnostics {
	a := &analysis{cfg: c, all: graph.New[symbol](), reads: map[graph.Resource]map[string]bool{}}
	for _, mod := range c.sortedModules() {
		a.module(mod)
	}
	a.gone()
	if broken || a.diags.HasErrors() {
		return a.diags
	}
	if cycle := a.all.Cycle(); cycle != nil {
		a.diags = a.diags.Append(a.cycle(cycle))
		return a.diags
	}
	a.collapse()
	a.facts()
	return a.diags
}

// uses says what may be referred to in an expression.
type uses struct {
	repeat repetition   // each and count of the block around it
	self   *declaration // what self stands for; nil where there is none
	not    *localName   // the resource itself, which cannot refer to its own attributes
}

func (a *analysis) module(mod *module) {
	for _, name := range sortedKeys(mod.variables) {
		a.variable(mod, mod.variables[name])
	}
	for _, name := range sortedKeys(mod.locals) {
		l := mod.locals[name]
		a.connect(mod, symbol{kind: symLocal, module: mod.address, name: name}, l.value.refs, uses{})
	}
	for _, name := range sortedKeys(mod.providers) {
		a.connect(mod, symbol{kind: symProvider, module: mod.address, name: name}, mod.providers[name].refs, uses{})
	}
	for _, name := range sortedKeys(mod.calls) {
		a.call(mod, mod.calls[name])
	}
	for _, name := range slices.SortedFunc(maps.Keys(mod.declarations), func(x, y localName) int {
		return strings.Compare(x.String(), y.String())
	}) {
		a.declaration(mod, name, mod.declarations[name])
	}
	for _, name := range sortedKeys(mod.outputs) {
		o := mod.outputs[name]
		s := symbol{kind: symOutput, module: mod.address, name: name}
		a.connect(mod, s, o.value.refs, uses{})
		a.depends(mod, s, o.dependsOn)
		a.conditions(mod, s, o.preconditions, uses{})
		a.inside(mod, s)
	}
	for _, name := range sortedKeys(mod.checks) {
		a.conditions(mod, symbol{kind: symCheck, module: mod.address, name: name}, mod.checks[name].asserts, uses{})
	}
	for _, decl := range mod.imports {
		each := uses{repeat: repetition{forEach: decl.forEach}}
		a.refs(mod, decl.to.refs, each)
		a.refs(mod, decl.given().refs, each)
		if decl.forEach != nil {
			a.refs(mod, decl.forEach.refs, uses{})
		}
	}
}

func (a *analysis) variable(mod *module, v *variable) {
	s := symbol{kind: symVariable, module: mod.address, name: v.name}
	a.all.Add(s)
	for _, c := range v.validations {
		if c.test != nil && !slices.ContainsFunc(c.test.refs, func(r reference) bool { return r.kind == refVariable && r.name == v.name }) {
			a.fail(c.test.Range(), "Invalid reference in variable validation", fmt.Sprintf("The condition for variable %q must refer to var.%s, so that it says something about its value.", v.name, v.name))
		}
		for _, e := range []*expression{c.test, c.message} {
			if e == nil {
				continue
			}
			for _, target := range a.refs(mod, e.refs, uses{}) {
				if target != s { // a validation is about the variable itself
					a.all.Connect(s, target)
				}
			}
		}
	}
	if mod.call == nil {
		return
	}
	a.inside(mod, s)
	if arg := mod.call.arguments[v.name]; arg != nil {
		for _, target := range a.refs(mod.parent, arg.value.refs, uses{repeat: mod.call.repeat}) {
			a.all.Connect(s, target)
		}
	} else if v.required() {
		a.fail(mod.call.at, "Missing required argument", fmt.Sprintf("The argument %q is required by the module %q (variable at %s), but no definition was found.", v.name, mod.call.name, v.at))
	}
}

// inside makes a symbol of a module depend on the call that makes the module.
func (a *analysis) inside(mod *module, s symbol) {
	if mod.call != nil {
		a.all.Connect(s, symbol{kind: symCall, module: mod.parent.address, name: mod.call.name})
	}
}

func (a *analysis) call(mod *module, call *moduleCall) {
	s := symbol{kind: symCall, module: mod.address, name: call.name}
	a.connect(mod, s, call.repeat.refs(), uses{})
	a.depends(mod, s, call.dependsOn)
	a.inside(mod, s)
	child := mod.children[call.name]
	if child == nil {
		return
	}
	for _, name := range sortedKeys(call.arguments) {
		if child.variables[name] == nil && !child.refused["var."+name] {
			a.fail(call.arguments[name].at, "Unsupported argument", fmt.Sprintf("The module %q has no variable %q.", call.name, name)+
				didYouMean(name, sortedKeys(child.variables)))
		}
	}
}

func (a *analysis) declaration(mod *module, name localName, d *declaration) {
	s := symbol{kind: symResource, module: mod.address, resource: name}
	a.connect(mod, s, d.repeat.refs(), uses{not: &name})
	a.connect(mod, s, d.bodyRefs, uses{repeat: d.repeat, not: &name})
	for _, trigger := range d.triggers {
		a.quietly(func() { a.connect(mod, s, trigger.refs, uses{repeat: d.repeat, not: &name}) })
	}
	a.conditions(mod, s, d.preconditions, uses{repeat: d.repeat, not: &name})
	a.conditions(mod, s, d.postconditions, uses{repeat: d.repeat, self: d, not: &name})
	a.depends(mod, s, d.dependsOn)
	a.inside(mod, s)
	if a.cfg.providerNode(d.resolved) != nil {
		a.all.Connect(s, symbol{kind: symProvider, module: d.resolved.Module, name: d.resolved.Alias})
	}
}

func (a *analysis) conditions(mod *module, s symbol, conditions []*condition, u uses) {
	a.all.Add(s)
	for _, c := range conditions {
		for _, e := range []*expression{c.test, c.message} {
			if e != nil {
				a.connect(mod, s, e.refs, u)
			}
		}
	}
}

func (a *analysis) connect(mod *module, s symbol, refs []reference, u uses) {
	a.all.Add(s)
	for _, target := range a.refs(mod, refs, u) {
		a.all.Connect(s, target)
	}
}

// depends adds depends_on, where a module stands for everything in it.
func (a *analysis) depends(mod *module, s symbol, refs []reference) {
	for _, ref := range refs {
		if ref.kind != refModule {
			a.quietly(func() { a.connect(mod, s, []reference{ref}, uses{}) })
			continue
		}
		child := mod.children[ref.name]
		if child == nil {
			a.refs(mod, []reference{ref}, uses{})
			continue
		}
		a.all.Connect(s, symbol{kind: symCall, module: mod.address, name: ref.name})
		for _, inside := range a.cfg.sortedModules() {
			if child.address.Contains(inside.address) {
				for name := range inside.declarations {
					a.all.Connect(s, symbol{kind: symResource, module: inside.address, resource: name})
				}
			}
		}
	}
}

// quietly follows references that wait for an object and do not read it.
func (a *analysis) quietly(follow func()) {
	saved := a.reads
	a.reads = map[graph.Resource]map[string]bool{}
	follow()
	a.reads = saved
}

// cycle is the diagnostic of a cycle, at one of its members.
func (a *analysis) cycle(cycle *graph.CycleError[symbol]) *hcl.Diagnostic {
	// A variable stands between a module and its caller: the text names it, the position prefers a real block.
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Cycle", Detail: strings.TrimPrefix(cycle.Error(), "cycle: ") +
		". Each needs the next to be known first; remove one of these references, or move it into a resource of its own."}
	for _, s := range cycle.Nodes {
		mod := a.cfg.modules[s.module]
		switch s.kind {
		case symResource:
			d.Subject = mod.declarations[s.resource].at.Ptr()
			return d
		case symLocal:
			d.Subject = mod.locals[s.name].at.Ptr()
		case symOutput:
			d.Subject = mod.outputs[s.name].at.Ptr()
		case symVariable:
			d.Subject = mod.variables[s.name].at.Ptr()
		case symCall:
			d.Subject = mod.calls[s.name].at.Ptr()
		case symProvider:
			d.Subject = mod.providers[s.name].at.Ptr()
		case symCheck:
			d.Subject = mod.checks[s.name].at.Ptr()
		}
	}
	return d
}

// collapse makes the graph of a walk: what is between two steps of it is left out.
func (a *analysis) collapse() {
	order, err := a.all.Sort()
	if err != nil {
		return // analyze has looked for cycles
	}
	nearest := make(map[symbol][]Node, len(order))
	for _, s := range order {
		seen := map[Node]bool{}
		var needs []Node
		for _, need := range a.all.Needs(s) {
			through := nearest[need]
			if node, ok := a.cfg.node(need); ok {
				through = []Node{node}
			}
			for _, node := range through {
				if !seen[node] {
					seen[node] = true
					needs = append(needs, node)
				}
			}
		}
		nearest[s] = needs
		if s.kind == symProvider {
			a.cfg.providerNeeds[ProviderKey{Module: s.module, Alias: s.name}] = needs
		}
		node, ok := a.cfg.node(s)
		if !ok {
			continue
		}
		a.cfg.graph.Add(node)
		for _, need := range needs {
			a.cfg.graph.Connect(node, need)
		}
	}
}

func (a *analysis) fail(at hcl.Range, summary, detail string) {
	a.diags = a.diags.Append(errorAt(at, summary, detail))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
