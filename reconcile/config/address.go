package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// step is one part of an address written as an expression: a name, or a key.
type step struct {
	name string
	key  cty.Value // cty.NilVal for a name
	at   hcl.Range
}

// addressKeys are the expressions inside the brackets of an address.
func addressKeys(expr hcl.Expression) []hcl.Expression {
	switch e := expr.(type) {
	case *hclsyntax.IndexExpr:
		return append(addressKeys(e.Collection), e.Key)
	case *hclsyntax.RelativeTraversalExpr:
		return addressKeys(e.Source)
	default:
		return nil
	}
}

// addressSteps reads an address such as module.a["x"].docker_container.web[each.key]; keys are evaluated in ctx.
func addressSteps(expr hcl.Expression, ctx *hcl.EvalContext) ([]step, *hcl.Diagnostic) {
	switch e := expr.(type) {
	case *hclsyntax.IndexExpr:
		steps, problem := addressSteps(e.Collection, ctx)
		if problem != nil {
			return nil, problem
		}
		key, diags := e.Key.Value(ctx)
		if diags.HasErrors() {
			return nil, clean(diags)[0]
		}
		return append(steps, step{key: key, at: e.Key.Range()}), nil
	case *hclsyntax.RelativeTraversalExpr:
		steps, problem := addressSteps(e.Source, ctx)
		if problem != nil {
			return nil, problem
		}
		return appendTraversal(steps, e.Traversal)
	}
	traversal, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() {
		return nil, errorAt(expr.Range(), "Invalid address", "Found an expression, expected an address such as docker_container.web or module.app.docker_container.web[0].")
	}
	return appendTraversal(nil, traversal)
}

func appendTraversal(steps []step, traversal hcl.Traversal) ([]step, *hcl.Diagnostic) {
	for _, t := range traversal {
		switch t := t.(type) {
		case hcl.TraverseRoot:
			steps = append(steps, step{name: t.Name, at: t.SrcRange})
		case hcl.TraverseAttr:
			steps = append(steps, step{name: t.Name, at: t.SrcRange})
		case hcl.TraverseIndex:
			steps = append(steps, step{key: t.Key, at: t.SrcRange})
		default:
			return nil, errorAt(traversal.SourceRange(), "Invalid address", "An address cannot contain a splat; name one instance, or the whole resource.")
		}
	}
	return steps, nil
}

// instanceKey makes an instance key of the value in the brackets of an address.
func instanceKey(v cty.Value, at hcl.Range) (graph.Key, *hcl.Diagnostic) {
	v, _ = v.Unmark()
	switch {
	case v.IsNull() || !v.IsKnown():
		return graph.NoKey, errorAt(at, "Invalid instance key", "The key is null or not known yet; it must be known when the plan is made.")
	case v.Type() == cty.String:
		return graph.StringKey(v.AsString()), nil
	case v.Type() == cty.Number:
		var n int
		if err := gocty.FromCtyValue(v, &n); err == nil && n >= 0 {
			return graph.IntKey(n), nil
		}
	}
	return graph.NoKey, errorAt(at, "Invalid instance key", "An instance key is a whole number from 0 or a string.")
}

// splitSteps divides steps into module steps, a resource with its key, and the rest, which is a path in the object.
// The module is relative to base, whose own calls have no keys.
func splitSteps(base graph.ModuleInstance, steps []step, at hcl.Range) (target graph.Target, rest []step, problem *hcl.Diagnostic) {
	target.Module = base
	next := func() (string, bool) {
		if len(steps) == 0 || steps[0].key != cty.NilVal {
			return "", false
		}
		name := steps[0].name
		steps = steps[1:]
		return name, true
	}
	key := func() (k graph.Key) {
		if problem == nil && len(steps) > 0 && steps[0].key != cty.NilVal {
			k, problem = instanceKey(steps[0].key, steps[0].at)
			steps = steps[1:]
		}
		return k
	}
	bad := errorAt(at, "Invalid address", "Expected a resource such as docker_container.web or a module such as module.app.")
	for len(steps) > 0 && steps[0].name == "module" && steps[0].key == cty.NilVal {
		steps = steps[1:]
		name, ok := next()
		if !ok {
			return target, nil, bad
		}
		target.Module = target.Module.Child(name, key())
	}
	if problem != nil || len(steps) == 0 {
		return target, nil, problem
	}
	typ, _ := next()
	switch typ {
	case "data", "ephemeral":
		target.Mode = map[string]graph.Mode{"data": graph.Data, "ephemeral": graph.Ephemeral}[typ]
		typ, _ = next()
	case "resource":
		typ, _ = next()
	}
	name, ok := next()
	if !ok || typ == "" {
		return target, nil, bad
	}
	target.Type, target.Name, target.Key = typ, name, key()
	return target, steps, problem
}

// stepsTarget reads a whole address relative to a module.
func stepsTarget(base graph.Module, steps []step, at hcl.Range) (graph.Target, *hcl.Diagnostic) {
	var module graph.ModuleInstance
	for _, name := range base.Names() {
		module = module.Child(name, graph.NoKey)
	}
	target, rest, problem := splitSteps(module, steps, at)
	if problem == nil && (len(rest) > 0 || target.IsModule() && len(steps) == 0) {
		problem = errorAt(at, "Invalid address", fmt.Sprintf("Expected the address of a resource or module; %s is followed by more.", target))
	}
	return target, problem
}

// stepsPath is the path in an object that steps describe.
func stepsPath(steps []step) cty.Path {
	var path cty.Path
	for _, s := range steps {
		if s.key == cty.NilVal {
			path = path.GetAttr(s.name)
		} else {
			path = path.Index(s.key)
		}
	}
	return path
}
