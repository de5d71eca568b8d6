package config

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cleat-dev/cleat/internal/lang"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// EvalOptions of [NewEvaluator].
type EvalOptions struct {
	// Variables are the values of root variables, from [Config.Variables]. A variable that is missing here has its
	// default, or is unknown when it has none.
	Variables map[string]VariableValue
	// Workspace is terraform.workspace; "default" when empty.
	Workspace string
	// Time is plantimestamp(), the same in the plan and the apply of it.
	Time time.Time
	// Planning makes functions that differ from call to call (timestamp, uuid, bcrypt) unknown.
	Planning bool
}

// Evaluator gives values for one walk over a configuration. It is safe for the concurrent visits of the walk.
type Evaluator struct {
	cfg        *Config
	opts       EvalOptions
	functions  map[string]function.Function
	validating bool // everything that is not constant is unknown
	root       *scope

	mu      sync.Mutex
	objects map[objectsKey]*objects
}

// NewEvaluator returns an evaluator of a configuration that was loaded without errors.
func NewEvaluator(cfg *Config, opts EvalOptions) *Evaluator {
	opts.Workspace = cmp.Or(opts.Workspace, "default")
	e := &Evaluator{
		cfg: cfg, opts: opts, objects: map[objectsKey]*objects{},
		functions: functionsOf(cfg, lang.Scope{PlanTime: opts.Time, Pure: opts.Planning}),
	}
	e.root = newScope(cfg.root, nil, graph.NoKey, repetitionData{})
	return e
}

// objectsKey names a block in one instance of its module.
type objectsKey struct {
	module    graph.ModuleInstance
	mode      graph.Mode
	typ, name string
}

// objects are the instances of one block in one instance of its module.
type objects struct {
	scope *scope
	decl  *declaration

	expand   sync.Once
	keys     []graph.Key
	data     map[graph.Key]repetitionData
	expanded hcl.Diagnostics

	base      sync.Once // the context all instances share
	baseCtx   *hcl.EvalContext
	baseDiags hcl.Diagnostics

	mu     sync.Mutex
	values map[graph.Key]cty.Value
	marks  map[graph.Key][]cty.Path
	whole  cty.Value // all instances as others see them; cty.NilVal when it has to be made again
}

// repetitionData is what each and count stand for in one instance; NilVal where they mean nothing.
type repetitionData struct{ eachKey, eachValue, countIndex cty.Value }

func (e *Evaluator) objectsOf(s *scope, d *declaration) *objects {
	key := objectsKey{s.instance, d.address.Mode, d.address.Type, d.address.Name}
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.objects[key]
	if o == nil {
		o = &objects{scope: s, decl: d, values: map[graph.Key]cty.Value{}, marks: map[graph.Key][]cty.Path{}}
		e.objects[key] = o
	}
	return o
}

// Expand returns the instances of a resource or data block in all instances of its module, sorted. What count and
// for_each refer to must have been set. A value that is not known yet is an error, as is a block that does not exist.
func (e *Evaluator) Expand(r graph.Resource) ([]graph.Instance, hcl.Diagnostics) {
	d, ok := e.declaration(r)
	if !ok {
		return nil, undeclaredResource(r)
	}
	scopes, diags := e.scopes(d.module)
	var instances []graph.Instance
	for _, s := range scopes {
		o := e.objectsOf(s, d)
		e.expand(o)
		diags = append(diags, o.expanded...)
		for _, key := range o.keys {
			instances = append(instances, r.Instance(s.instance, key))
		}
	}
	slices.SortFunc(instances, graph.Instance.Compare)
	return instances, clean(diags)
}

func undeclaredResource(r graph.Resource) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Resource is not declared", Detail: "There is no block " + r.String() + " in the configuration."}}
}

func (e *Evaluator) declaration(r graph.Resource) (*declaration, bool) {
	mod := e.cfg.modules[r.Module]
	if mod == nil {
		return nil, false
	}
	d, ok := mod.declarations[localName{r.Mode, r.Type, r.Name}]
	return d, ok
}

// lookup finds the objects an instance belongs to and whether the instance is one of them.
func (e *Evaluator) lookup(i graph.Instance) (*objects, hcl.Diagnostics) {
	d, ok := e.declaration(i.Resource())
	if !ok {
		return nil, undeclaredResource(i.Resource())
	}
	scopes, diags := e.scopes(d.module)
	for _, s := range scopes {
		if s.instance != i.Module {
			continue
		}
		o := e.objectsOf(s, d)
		e.expand(o)
		if o.expanded.HasErrors() {
			return nil, append(diags, o.expanded...)
		}
		if _, ok := o.data[i.Key]; ok {
			return o, diags
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return nil, hcl.Diagnostics{errorAt(d.at, "Instance is not declared", "The configuration makes no instance "+i.String()+".")}
}

// Eval returns the declaration of one instance. What it refers to must have been set; what was not is unknown.
func (e *Evaluator) Eval(i graph.Instance) (*Block, hcl.Diagnostics) {
	o, diags := e.lookup(i)
	if diags.HasErrors() {
		return nil, clean(diags)
	}
	d := o.decl
	o.base.Do(func() {
		o.baseCtx, o.baseDiags = e.context(o.scope, d.bodyRefs)
	})
	if o.baseDiags.HasErrors() {
		return nil, clean(slices.Clone(o.baseDiags))
	}
	ctx := withRepetition(o.baseCtx, o.data[i.Key])
	b := &Block{Address: i, Schema: d.schema, Provider: d.resolved, Lifecycle: d.lifecycle}
	ev := bodyEvaluator{transient: d.isEphemeral()}
	b.Value, b.ranges = ev.object(d.body, ctx, nil)
	b.ranges.at = d.at
	b.Sensitive = ev.sensitive
	diags = append(diags, ev.diags...)
	for _, trigger := range d.triggers {
		t, problem := e.trigger(o, trigger, ctx)
		if problem != nil {
			diags = diags.Append(problem)
			continue
		}
		b.Triggers = append(b.Triggers, t)
	}
	if len(b.Sensitive) > 0 {
		o.mu.Lock()
		o.marks[i.Key] = b.Sensitive
		o.mu.Unlock()
	}
	if diags.HasErrors() {
		return nil, clean(diags)
	}
	return b, clean(diags)
}

func (e *Evaluator) trigger(o *objects, trigger *expression, ctx *hcl.EvalContext) (Trigger, *hcl.Diagnostic) {
	at := trigger.Expression.Range()
	steps, problem := addressSteps(trigger.Expression, ctx)
	if problem != nil {
		return Trigger{}, problem
	}
	target, rest, problem := splitSteps(o.scope.instance, steps, at)
	if problem != nil {
		return Trigger{}, problem
	}
	return Trigger{Target: target, Path: stepsPath(rest), Range: at}, nil
}

// Set records what others see of an instance: its planned value, with unknowns or unknown as a whole, or its real
// one. value has the type of the schema and no marks; what the schema or the declaration made sensitive is marked here
// (the declaration only after [Evaluator.Eval]). Instances a walk leaves out, such as those not named by -target, are
// unknown to others unless they are set to what is observed of them.
func (e *Evaluator) Set(i graph.Instance, value cty.Value) {
	o, diags := e.lookup(i)
	if diags.HasErrors() {
		return // nothing declared can refer to it
	}
	if !value.IsKnown() {
		value = unknownObject(o.decl.shape, e.cfg.shapes)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.values[i.Key] = markObject(value, o.decl.shape, e.cfg.shapes, o.marks[i.Key])
	o.whole = cty.NilVal
}

// value is what a reference to the block as a whole means.
func (e *Evaluator) value(s *scope, d *declaration) (cty.Value, hcl.Diagnostics) {
	if e.validating {
		if d.repeat.any() {
			return d.seen(cty.DynamicVal), nil
		}
		return d.seen(unknownObject(d.shape, e.cfg.shapes)), nil
	}
	o := e.objectsOf(s, d)
	e.expand(o)
	if o.expanded.HasErrors() {
		return cty.DynamicVal, o.expanded
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.whole != cty.NilVal {
		return o.whole, nil
	}
	get := func(key graph.Key) cty.Value {
		if v, ok := o.values[key]; ok {
			return d.seen(v)
		}
		return d.seen(unknownObject(d.shape, e.cfg.shapes))
	}
	switch {
	case d.repeat.count != nil:
		values := make([]cty.Value, len(o.keys))
		for i, key := range o.keys {
			values[i] = get(key)
		}
		o.whole = cty.TupleVal(values)
	case d.repeat.forEach != nil:
		values := make(map[string]cty.Value, len(o.keys))
		for _, key := range o.keys {
			name, _ := key.Str()
			values[name] = get(key)
		}
		o.whole = cty.ObjectVal(values)
	default:
		o.whole = get(graph.NoKey)
	}
	return o.whole, nil
}
