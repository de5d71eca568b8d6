package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Validate finds what is wrong whatever the values of variables and objects will be: every expression is evaluated
// with the types that are known and values that are not. After errors of [Load] it finds nothing.
func (c *Config) Validate() hcl.Diagnostics {
	if c.broken {
		return nil
	}
	e := NewEvaluator(c, EvalOptions{Planning: true})
	e.validating = true
	var diags hcl.Diagnostics
	for _, mod := range c.sortedModules() {
		scopes, more := e.scopes(mod)
		diags = append(diags, more...)
		if len(scopes) == 0 {
			continue // count = 0: nothing of it is ever evaluated
		}
		diags = append(diags, e.validateModule(scopes[0])...)
	}
	diags = Unique(clean(diags))
	sortDiagnostics(diags)
	return diags
}

func (e *Evaluator) validateModule(s *scope) (diags hcl.Diagnostics) {
	mod := s.mod
	report := func(_ cty.Value, more hcl.Diagnostics) { diags = append(diags, more...) }
	for _, name := range sortedKeys(mod.variables) {
		report(e.variable(s, name))
		report(cty.NilVal, e.conditions(s, mod.variables[name].validations, repetitionData{}, cty.NilVal, ""))
	}
	for _, name := range sortedKeys(mod.locals) {
		report(e.local(s, name))
	}
	for _, name := range sortedKeys(mod.outputs) {
		report(e.output(s, name))
		report(cty.NilVal, e.conditions(s, mod.outputs[name].preconditions, repetitionData{}, cty.NilVal, ""))
		if mod.address.IsRoot() {
			_, more := e.Output(name)
			report(cty.NilVal, more)
		}
	}
	for _, name := range sortedKeys(mod.checks) {
		report(cty.NilVal, e.conditions(s, mod.checks[name].asserts, repetitionData{}, cty.NilVal, ""))
	}
	for alias := range mod.providers {
		_, more := e.Provider(ProviderKey{Module: mod.address, Alias: alias})
		report(cty.NilVal, more)
	}
	for _, d := range mod.declarations {
		report(cty.NilVal, e.validateDeclaration(s, d))
	}
	return diags
}

func (e *Evaluator) validateDeclaration(s *scope, d *declaration) hcl.Diagnostics {
	o := e.objectsOf(s, d)
	e.expand(o)
	diags := o.expanded
	ctx, more := e.context(s, d.bodyRefs)
	diags = append(diags, more...)
	if more.HasErrors() {
		return diags
	}
	for _, key := range o.keys {
		data := o.data[key]
		ev := bodyEvaluator{transient: o.decl.isEphemeral()}
		ev.object(d.body, withRepetition(ctx, data), nil)
		diags = append(diags, ev.diags...)
		diags = append(diags, e.conditions(s, d.preconditions, data, cty.NilVal, "")...)
		diags = append(diags, e.conditions(s, d.postconditions, data, unknownObject(d.shape, e.cfg.shapes), "")...)
		if ev.diags.HasErrors() {
			break // the other instances would say the same
		}
	}
	return diags
}
