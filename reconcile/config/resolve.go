package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// refs checks references made in a module and returns what they lead to.
func (a *analysis) refs(mod *module, refs []reference, u uses) (targets []symbol) {
	for _, ref := range refs {
		switch ref.kind {
		case refVariable:
			if mod.variables[ref.name] == nil {
				if mod.refused["var."+ref.name] {
					continue
				}
				a.fail(ref.at, "Reference to undeclared input variable", fmt.Sprintf("An input variable with the name %q has not been declared in %s.", ref.name, mod.title())+
					didYouMean(ref.name, sortedKeys(mod.variables)))
				continue
			}
			targets = append(targets, symbol{kind: symVariable, module: mod.address, name: ref.name})
		case refLocal:
			if mod.locals[ref.name] == nil {
				a.fail(ref.at, "Reference to undeclared local value", fmt.Sprintf("A local value with the name %q has not been declared in %s.", ref.name, mod.title())+
					didYouMean(ref.name, sortedKeys(mod.locals)))
				continue
			}
			targets = append(targets, symbol{kind: symLocal, module: mod.address, name: ref.name})
		case refModule:
			targets = append(targets, a.moduleRef(mod, ref)...)
		case refResource:
			targets = append(targets, a.resourceRef(mod, ref, u)...)
		case refEach, refCount, refSelf:
			a.contextRef(ref, u)
		}
	}
	return targets
}

func (a *analysis) contextRef(ref reference, u uses) {
	switch {
	case ref.kind == refEach && u.repeat.forEach == nil:
		a.fail(ref.at, `Reference to "each" in context without for_each`, `The "each" object can be used only in "module", "resource" or "data" blocks, and only when the "for_each" argument is set.`)
	case ref.kind == refCount && u.repeat.count == nil:
		a.fail(ref.at, `Reference to "count" in non-counted context`, `The "count" object can be used only in "module", "resource" and "data" blocks, and only when the "count" argument is set.`)
	case ref.kind == refSelf && u.self != nil:
		a.attribute(u.self, ref.rest, "")
	case ref.kind == refSelf:
		a.fail(ref.at, `Invalid "self" reference`, `The "self" object can be used only in postconditions of a resource or data block.`)
	}
}

func (a *analysis) moduleRef(mod *module, ref reference) []symbol {
	child := mod.children[ref.name]
	if child == nil {
		if mod.calls[ref.name] == nil && !mod.refused["module."+ref.name] {
			a.fail(ref.at, "Reference to undeclared module", fmt.Sprintf("No module call named %q is declared in %s.", ref.name, mod.title())+
				didYouMean(ref.name, sortedKeys(mod.calls)))
		}
		return nil
	}
	targets := []symbol{{kind: symCall, module: mod.address, name: ref.name}}
	rest := ref.rest
	if !a.checkKey(mod.calls[ref.name].repeat, "module."+ref.name, ref.at, rest) {
		return nil
	}
	if len(rest) > 0 {
		if _, ok := rest[0].(hcl.TraverseIndex); ok {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		if attr, ok := rest[0].(hcl.TraverseAttr); ok {
			if child.outputs[attr.Name] == nil {
				if child.refused["output."+attr.Name] {
					return nil
				}
				a.fail(attr.SrcRange, "Unsupported attribute", fmt.Sprintf("The module %q has no output %q.", ref.name, attr.Name)+
					didYouMean(attr.Name, sortedKeys(child.outputs)))
				return nil
			}
			return append(targets, symbol{kind: symOutput, module: child.address, name: attr.Name})
		}
	}
	for _, name := range sortedKeys(child.outputs) {
		targets = append(targets, symbol{kind: symOutput, module: child.address, name: name})
	}
	return targets
}

func (a *analysis) resourceRef(mod *module, ref reference, u uses) []symbol {
	d := mod.declarations[ref.resource]
	if d == nil {
		if !mod.refused[ref.resource.String()] {
			a.undeclared(mod, ref)
		}
		return nil
	}
	if u.not != nil && *u.not == ref.resource {
		a.fail(ref.at, "Self-referential block", fmt.Sprintf("The configuration for %s may not refer to itself.", d.address))
		return nil
	}
	if !a.checkKey(d.repeat, ref.resource.String(), ref.at, ref.rest) {
		return nil
	}
	rest := ref.rest
	if len(rest) > 0 {
		if _, ok := rest[0].(hcl.TraverseIndex); ok {
			rest = rest[1:]
		}
	}
	if !a.attribute(d, rest, ref.each) {
		return nil
	}
	return []symbol{{kind: symResource, module: mod.address, resource: ref.resource}}
}

// attribute notes what is read of an object, and checks that the schema has it. each is the attribute read when rest
// names none.
func (a *analysis) attribute(d *declaration, rest hcl.Traversal, each string) bool {
	read := each
	if len(rest) > 0 {
		if attr, ok := rest[0].(hcl.TraverseAttr); ok {
			read = attr.Name
			if problem := checkPath(d.schema, d.address, rest, false); problem != nil {
				a.diags = a.diags.Append(problem)
				return false
			}
		}
	}
	if a.reads[d.address] == nil {
		a.reads[d.address] = map[string]bool{}
	}
	a.reads[d.address][read] = true
	return true
}

func (a *analysis) undeclared(mod *module, ref reference) {
	var known []string
	for name := range mod.declarations {
		known = append(known, name.String())
	}
	hint := didYouMean(ref.resource.String(), known)
	if hint == "" && ref.resource.mode == graph.Managed {
		if other := (localName{graph.Data, ref.resource.typ, ref.resource.name}); mod.declarations[other] != nil {
			hint = fmt.Sprintf(" Did you mean %q?", other)
		}
	}
	what := "A managed resource"
	switch ref.resource.mode {
	case graph.Data:
		what = "A data source"
	case graph.Ephemeral:
		what = "An ephemeral resource"
	}
	a.fail(ref.at, "Reference to undeclared resource", fmt.Sprintf("%s %q %q has not been declared in %s.", what, ref.resource.typ, ref.resource.name, mod.title())+hint)
}

// checkKey checks that a reference goes on with a key exactly where the block is repeated.
func (a *analysis) checkKey(repeat repetition, address string, at hcl.Range, rest hcl.Traversal) bool {
	if len(rest) == 0 {
		return true
	}
	_, attr := rest[0].(hcl.TraverseAttr)
	_, index := rest[0].(hcl.TraverseIndex)
	switch {
	case attr && repeat.count != nil:
		a.fail(at, "Missing resource instance key", fmt.Sprintf("Because %s has \"count\" set, its attributes must be accessed on specific instances. For example, to correlate with indices of a referring resource, use:\n    %s[count.index]", address, address))
	case attr && repeat.forEach != nil:
		a.fail(at, "Missing resource instance key", fmt.Sprintf("Because %s has \"for_each\" set, its attributes must be accessed on specific instances. For example, to correlate with indices of a referring resource, use:\n    %s[each.key]", address, address))
	case index && !repeat.any():
		a.fail(at, "Unexpected resource instance key", fmt.Sprintf("Because %s does not have \"count\" or \"for_each\" set, references to it must not include an index key. Remove the bracketed index to refer to the single instance.", address))
	default:
		return true
	}
	return false
}
