package config

import (
	"fmt"
	"path/filepath"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/internal/lang"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// scope is one instance of a module: where names are looked up.
type scope struct {
	instance graph.ModuleInstance
	mod      *module
	parent   *scope
	data     repetitionData // each and count of the call

	mu       sync.Mutex
	values   map[memoKey]*memo
	children map[string]*childScopes
}

func newScope(mod *module, parent *scope, key graph.Key, data repetitionData) *scope {
	s := &scope{mod: mod, parent: parent, data: data, values: map[memoKey]*memo{}, children: map[string]*childScopes{}}
	if parent != nil {
		s.instance = parent.instance.Child(mod.call.name, key)
	}
	return s
}

// memoKey names a value of a scope.
type memoKey struct {
	kind symbolKind
	name string
}

// memo is a value made when it is first asked for.
type memo struct {
	once  sync.Once
	value cty.Value
	diags hcl.Diagnostics
}

// childScopes are the instances a module call makes.
type childScopes struct {
	once   sync.Once
	scopes []*scope
	diags  hcl.Diagnostics
}

func (s *scope) memo(kind symbolKind, name string, value func() (cty.Value, hcl.Diagnostics)) (cty.Value, hcl.Diagnostics) {
	key := memoKey{kind, name}
	s.mu.Lock()
	m := s.values[key]
	if m == nil {
		m = &memo{}
		s.values[key] = m
	}
	s.mu.Unlock()
	m.once.Do(func() { m.value, m.diags = value() })
	return m.value, m.diags
}

// scopes are all instances of a module.
func (e *Evaluator) scopes(mod *module) ([]*scope, hcl.Diagnostics) {
	if mod.parent == nil {
		return []*scope{e.root}, nil
	}
	parents, diags := e.scopes(mod.parent)
	var all []*scope
	for _, parent := range parents {
		made, more := e.called(parent, mod)
		diags = append(diags, more...)
		all = append(all, made...)
	}
	return all, diags
}

// called are the instances of a module that one instance of its caller makes.
func (e *Evaluator) called(parent *scope, mod *module) ([]*scope, hcl.Diagnostics) {
	parent.mu.Lock()
	c := parent.children[mod.call.name]
	if c == nil {
		c = &childScopes{}
		parent.children[mod.call.name] = c
	}
	parent.mu.Unlock()
	c.once.Do(func() {
		var keys []graph.Key
		var data map[graph.Key]repetitionData
		keys, data, c.diags = e.repeat(parent, mod.call.repeat, mod.address.String())
		for _, key := range keys {
			c.scopes = append(c.scopes, newScope(mod, parent, key, data[key]))
		}
	})
	return c.scopes, c.diags
}

// context makes what expressions with these references are evaluated in; each, count and self are not in it.
func (e *Evaluator) context(s *scope, refs []reference) (*hcl.EvalContext, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	vars, locals, modules := map[string]cty.Value{}, map[string]cty.Value{}, map[string]cty.Value{}
	byMode := map[graph.Mode]map[string]map[string]cty.Value{graph.Managed: {}, graph.Data: {}, graph.Ephemeral: {}}
	seen := map[memoRef]bool{}
	wanted := map[string]*outputsWanted{}
	for _, ref := range refs {
		if ref.kind == refModule {
			if wanted[ref.name] == nil {
				wanted[ref.name] = &outputsWanted{names: map[string]bool{}}
			}
			wanted[ref.name].add(ref)
			continue
		}
		key := memoRef{ref.kind, ref.name, ref.resource}
		if seen[key] {
			continue
		}
		seen[key] = true
		var more hcl.Diagnostics
		switch ref.kind {
		case refVariable:
			vars[ref.name], more = e.variable(s, ref.name)
		case refLocal:
			locals[ref.name], more = e.local(s, ref.name)
		case refResource:
			into := byMode[ref.resource.mode]
			if into[ref.resource.typ] == nil {
				into[ref.resource.typ] = map[string]cty.Value{}
			}
			into[ref.resource.typ][ref.resource.name], more = e.value(s, s.mod.declarations[ref.resource])
		}
		diags = append(diags, more...)
	}
	for _, name := range sortedKeys(wanted) {
		var more hcl.Diagnostics
		modules[name], more = e.moduleValue(s, name, wanted[name])
		diags = append(diags, more...)
	}
	all := objectsByType(byMode[graph.Managed])
	all["resource"] = cty.ObjectVal(objectsByType(byMode[graph.Managed]))
	all["var"], all["local"], all["module"] = cty.ObjectVal(vars), cty.ObjectVal(locals), cty.ObjectVal(modules)
	all["data"] = cty.ObjectVal(objectsByType(byMode[graph.Data]))
	all["ephemeral"] = cty.ObjectVal(objectsByType(byMode[graph.Ephemeral]))
	all["path"] = e.paths(s)
	all["terraform"] = cty.ObjectVal(map[string]cty.Value{"workspace": cty.StringVal(e.opts.Workspace)})
	return &hcl.EvalContext{Variables: all, Functions: e.functions}, diags
}

type memoRef struct {
	kind     refKind
	name     string
	resource localName
}

func objectsByType(byType map[string]map[string]cty.Value) map[string]cty.Value {
	all := make(map[string]cty.Value, len(byType)+8)
	for typ, byName := range byType {
		all[typ] = cty.ObjectVal(byName)
	}
	return all
}

// paths is the path object of a module.
func (e *Evaluator) paths(s *scope) cty.Value {
	cwd, err := filepath.Abs(".")
	if err != nil {
		cwd = "."
	}
	return cty.ObjectVal(map[string]cty.Value{
		"module": cty.StringVal(filepath.ToSlash(s.mod.dir)),
		"root":   cty.StringVal(filepath.ToSlash(e.cfg.root.dir)),
		"cwd":    cty.StringVal(filepath.ToSlash(cwd)),
	})
}

// withRepetition adds each and count to a context.
func withRepetition(ctx *hcl.EvalContext, data repetitionData) *hcl.EvalContext {
	if data == (repetitionData{}) {
		return ctx
	}
	child := ctx.NewChild()
	child.Variables = map[string]cty.Value{}
	if data.countIndex != cty.NilVal {
		child.Variables["count"] = cty.ObjectVal(map[string]cty.Value{"index": data.countIndex})
	}
	if data.eachKey != cty.NilVal {
		child.Variables["each"] = cty.ObjectVal(map[string]cty.Value{"key": data.eachKey, "value": data.eachValue})
	}
	return child
}

func (e *Evaluator) local(s *scope, name string) (cty.Value, hcl.Diagnostics) {
	return s.memo(symLocal, name, func() (cty.Value, hcl.Diagnostics) {
		return e.expression(s, s.mod.locals[name].value, repetitionData{})
	})
}

// expression evaluates an expression of a module. The result after an error is unknown.
func (e *Evaluator) expression(s *scope, expr *expression, data repetitionData) (cty.Value, hcl.Diagnostics) {
	ctx, diags := e.context(s, expr.refs)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	v, more := expr.Value(withRepetition(ctx, data))
	if more.HasErrors() {
		v = cty.DynamicVal
	}
	return v, append(diags, clean(more)...)
}

// variable is the value of a variable, converted and marked, not validated.
func (e *Evaluator) variable(s *scope, name string) (cty.Value, hcl.Diagnostics) {
	return s.memo(symVariable, name, func() (cty.Value, hcl.Diagnostics) {
		v := s.mod.variables[name]
		value, diags := e.variableValue(s, v)
		if v.sensitive {
			value = value.Mark(lang.Sensitive)
		}
		if v.ephemeral {
			value = value.Mark(lang.Ephemeral)
		}
		return value, diags
	})
}

func (e *Evaluator) variableValue(s *scope, v *variable) (cty.Value, hcl.Diagnostics) {
	if s.parent == nil {
		given, ok := e.opts.Variables[v.name]
		switch {
		case e.validating || !ok && v.required():
			return cty.UnknownVal(v.typ), nil
		case !ok || given.Value.IsNull() && !v.nullable && !v.required():
			return v.fallback, nil
		}
		return given.Value, nil
	}
	arg := s.mod.call.arguments[v.name]
	if arg == nil {
		return v.fallback, nil // analyze has found required ones
	}
	value, diags := e.expression(s.parent, arg.value, s.data)
	if diags.HasErrors() {
		return cty.UnknownVal(v.typ), diags
	}
	converted, err := v.convert(value)
	if err != nil {
		return cty.UnknownVal(v.typ), diags.Append(errorAt(arg.value.Range(), "Invalid value for module argument",
			"The given value is not suitable for the variable "+v.name+" declared at "+v.at.String()+": "+convertError(err)+"."))
	}
	if lang.ContainsEphemeral(converted) && !v.ephemeral {
		return cty.UnknownVal(v.typ), diags.Append(errorAt(arg.value.Range(), "Ephemeral value not allowed",
			"The variable "+v.name+" declared at "+v.at.String()+" takes ephemeral values only with ephemeral = true."))
	}
	if converted.IsNull() && !v.nullable {
		if v.required() {
			return converted, diags.Append(errorAt(arg.value.Range(), "Required variable not set", "The variable "+v.name+" has nullable = false and no default; the given value is null."))
		}
		return v.fallback, diags
	}
	return converted, diags
}

// outputsWanted are the outputs of a module that expressions use.
type outputsWanted struct {
	names map[string]bool
	all   bool
}

func (w *outputsWanted) add(ref reference) {
	rest := ref.rest
	if len(rest) > 0 {
		if _, ok := rest[0].(hcl.TraverseIndex); ok {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		if attr, ok := rest[0].(hcl.TraverseAttr); ok {
			w.names[attr.Name] = true
			return
		}
	}
	w.all = true
}

// moduleValue is what a reference to a module call means: its outputs, by key when it is repeated. Only the outputs
// that are wanted are in it: others may depend on what is not there yet.
func (e *Evaluator) moduleValue(s *scope, name string, wanted *outputsWanted) (cty.Value, hcl.Diagnostics) {
	mod := s.mod.children[name]
	if e.validating && mod.call.repeat.any() {
		return cty.DynamicVal, nil
	}
	scopes, diags := e.called(s, mod)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	var list []cty.Value
	byKey := map[string]cty.Value{}
	for _, child := range scopes {
		v, more := e.outputs(child, wanted)
		if !mod.call.repeat.any() {
			return v, more
		}
		diags = append(diags, more...)
		_, last := child.instance.Parent()
		if key, ok := last.Key.Str(); ok {
			byKey[key] = v
		} else {
			list = append(list, v)
		}
	}
	if mod.call.repeat.count != nil {
		return cty.TupleVal(list), diags
	}
	return cty.ObjectVal(byKey), diags
}

func (e *Evaluator) outputs(s *scope, wanted *outputsWanted) (cty.Value, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	values := map[string]cty.Value{}
	for name := range s.mod.outputs {
		if !wanted.all && !wanted.names[name] {
			continue
		}
		v, more := e.output(s, name)
		diags = append(diags, more...)
		values[name] = v
	}
	return cty.ObjectVal(values), diags
}

// output is the value of an output with its marks.
func (e *Evaluator) output(s *scope, name string) (cty.Value, hcl.Diagnostics) {
	return s.memo(symOutput, name, func() (cty.Value, hcl.Diagnostics) {
		o := s.mod.outputs[name]
		v, diags := e.expression(s, o.value, repetitionData{})
		if lang.ContainsEphemeral(v) && !o.ephemeral {
			detail := fmt.Sprintf("The value of the output %q is ephemeral: say so with ephemeral = true in its block.", o.name)
			if s.parent == nil {
				detail = fmt.Sprintf("The value of the output %q is ephemeral, and outputs of the root module are kept: leave it out, or take ephemeralasnull() of it.", o.name)
			}
			return cty.DynamicVal, diags.Append(errorAt(o.value.Range(), "Ephemeral value not allowed", detail))
		}
		if o.ephemeral {
			v = v.Mark(lang.Ephemeral)
		}
		if o.sensitive {
			v = v.Mark(lang.Sensitive)
		}
		return v, diags
	})
}
