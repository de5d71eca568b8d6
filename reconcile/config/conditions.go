package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cleat-dev/cleat/internal/lang"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// Preconditions checks the preconditions of an instance; call it before the instance is planned and again before it
// is applied. A condition that is not known yet passes.
func (e *Evaluator) Preconditions(i graph.Instance) hcl.Diagnostics {
	o, diags := e.lookup(i)
	if diags.HasErrors() {
		return clean(diags)
	}
	return append(diags, e.conditions(o.scope, o.decl.preconditions, o.data[i.Key], cty.NilVal, "Resource precondition failed")...)
}

// Postconditions checks the postconditions of an instance against the value last given to [Evaluator.Set], which
// they know as self.
func (e *Evaluator) Postconditions(i graph.Instance) hcl.Diagnostics {
	o, diags := e.lookup(i)
	if diags.HasErrors() {
		return clean(diags)
	}
	o.mu.Lock()
	self, ok := o.values[i.Key]
	o.mu.Unlock()
	if !ok {
		self = unknownObject(o.decl.shape, e.cfg.shapes)
	}
	return append(diags, e.conditions(o.scope, o.decl.postconditions, o.data[i.Key], self, "Resource postcondition failed")...)
}

// Check evaluates a node that is no resource: the conditions of an output and, in the root module, its value; the
// validation rules of a variable; the assertions of a check, which only warn.
func (e *Evaluator) Check(n Node) hcl.Diagnostics {
	mod := e.cfg.modules[n.Module]
	if mod == nil {
		return nil
	}
	scopes, diags := e.scopes(mod)
	for _, s := range scopes {
		switch n.Kind {
		case OutputNode:
			diags = append(diags, e.conditions(s, mod.outputs[n.Name].preconditions, repetitionData{}, cty.NilVal, "Module output value precondition failed")...)
			if n.Module.IsRoot() && !diags.HasErrors() {
				_, more := e.Output(n.Name)
				diags = append(diags, more...)
			}
		case VariableNode:
			diags = append(diags, e.validations(s, mod.variables[n.Name])...)
		case CheckNode:
			failed := e.conditions(s, mod.checks[n.Name].asserts, repetitionData{}, cty.NilVal, "Check block assertion failed")
			for _, d := range failed {
				d.Severity = hcl.DiagWarning
			}
			diags = append(diags, failed...)
		}
	}
	return clean(diags)
}

// CheckVariables checks those validation rules of root variables that refer to nothing but variables, before anything
// else is done. The walk checks all of them.
func (e *Evaluator) CheckVariables() hcl.Diagnostics {
	// Values are remembered once made: an evaluator of its own leaves none behind that was made too early.
	early := NewEvaluator(e.cfg, e.opts)
	var diags hcl.Diagnostics
	for _, name := range sortedKeys(e.cfg.root.variables) {
		v := e.cfg.root.variables[name]
		if n := (Node{Kind: VariableNode, Name: name}); e.cfg.graph.Has(n) && len(e.cfg.graph.Needs(n)) == 0 {
			diags = append(diags, early.validations(early.root, v)...)
		}
	}
	return clean(diags)
}

func (e *Evaluator) validations(s *scope, v *variable) hcl.Diagnostics {
	failed := e.conditions(s, v.validations, repetitionData{}, cty.NilVal, "Invalid value for variable")
	for i, d := range failed {
		if d.Summary != "Invalid value for variable" {
			continue
		}
		copied := *d
		copied.Detail = fmt.Sprintf("Variable %q: %s", v.name, d.Detail)
		if given, ok := e.opts.Variables[v.name]; ok && s.parent == nil {
			copied.Detail += fmt.Sprintf("\n\nThe value came from %s.", given.Source)
		}
		failed[i] = &copied
	}
	return failed
}

// conditions evaluates conditions and returns a diagnostic for each that does not hold.
func (e *Evaluator) conditions(s *scope, conditions []*condition, data repetitionData, self cty.Value, summary string) (diags hcl.Diagnostics) {
	for _, c := range conditions {
		if c.test == nil || c.message == nil {
			continue
		}
		ctx, more := e.context(s, c.test.refs)
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		ctx = withSelf(withRepetition(ctx, data), self)
		result, more := c.test.Value(ctx)
		diags = append(diags, clean(more)...)
		if more.HasErrors() {
			continue
		}
		result, _ = result.Unmark()
		if !result.IsKnown() {
			continue
		}
		result, err := convert.Convert(result, cty.Bool)
		if err != nil || result.IsNull() {
			diags = diags.Append(errorAt(c.test.Range(), "Invalid condition result", "The condition must be true or false, not "+describeResult(result, err)+"."))
			continue
		}
		if result.False() && !e.validating {
			diags = diags.Append(errorAt(c.test.Range(), summary, e.message(s, c, data, self)))
		}
	}
	return diags
}

func describeResult(v cty.Value, err error) string {
	if err != nil {
		return "something else (" + err.Error() + ")"
	}
	if v.IsNull() {
		return "null"
	}
	return v.Type().FriendlyName()
}

// message is the error message of a condition, which may itself fail.
func (e *Evaluator) message(s *scope, c *condition, data repetitionData, self cty.Value) string {
	ctx, diags := e.context(s, c.message.refs)
	if !diags.HasErrors() {
		v, more := c.message.Value(withSelf(withRepetition(ctx, data), self))
		if more.HasErrors() {
			return "The condition does not hold; its error_message cannot be evaluated: " + clean(more)[0].Summary + "."
		}
		if lang.ContainsEphemeral(v) {
			return "The condition does not hold; its error_message is not shown because it refers to ephemeral values."
		}
		if lang.ContainsSensitive(v) {
			return "The condition does not hold; its error_message is not shown because it refers to sensitive values."
		}
		if v, err := convert.Convert(v, cty.String); err == nil && isString(v) {
			return strings.TrimSpace(v.AsString())
		}
	}
	return "The condition does not hold; its error_message is not known."
}

func withSelf(ctx *hcl.EvalContext, self cty.Value) *hcl.EvalContext {
	if self == cty.NilVal {
		return ctx
	}
	child := ctx.NewChild()
	child.Variables = map[string]cty.Value{"self": self}
	return child
}
