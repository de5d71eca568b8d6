package contract

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
)

// Resource is a [Type] with its parameters erased, as hosts use it: models are objects of its node, the engine is
// any value that has the methods the type asks for. It is safe for concurrent use.
type Resource interface {
	Name() string
	Node() *Node
	Schema(ctx context.Context) schema.Schema
	Rules() Rules
	// IdentifiedBy names the attribute that is the object's identity: see [Identified].
	IdentifiedBy() string

	// Validate runs the validators of single attributes that are known and the type's own ones. Terraform runs the
	// former itself: see ValidateAcross.
	Validate(ctx context.Context, config types.Object) diag.Diagnostics
	// ValidateAcross runs only the type's own conditions across attributes.
	ValidateAcross(ctx context.Context, config types.Object) diag.Diagnostics
	// Plan computes what is to become of an object. It makes at most the read calls of [Resolver] and [Demanding], and
	// none when engine is nil because it is not known yet.
	Plan(ctx context.Context, engine any, in Request) (Plan, error)
	// Diff returns the changes from an observed object to one planned earlier.
	Diff(observed, planned types.Object, apiVersion string) Changes
	// Declaration returns the shortest declaration whose plan leaves an observed object as it is, by a [Declarer] without
	// what the engine would choose again. Sensitive values are not in it.
	Declaration(ctx context.Context, engine any, observed types.Object) (types.Object, error)
	// Check compares what an operation returned with what was planned and reports the attributes that came out
	// different, which is a bug of the type unless Explain knows better.
	Check(planned, result types.Object) error
	// Explain says what an object that differs from its plan did by itself ([Explainer]); nil when that was nothing.
	Explain(ctx context.Context, engine any, planned, result types.Object) error

	Read(ctx context.Context, engine any, last types.Object) (types.Object, error)
	// Create and Update get of planned also what is write-only: see [Node.WithWriteOnly]. It is not in what they return.
	Create(ctx context.Context, engine any, planned types.Object) (types.Object, error)
	Update(ctx context.Context, engine any, observed, planned types.Object, changes Changes) (types.Object, error)
	Delete(ctx context.Context, engine any, observed types.Object) error
	Import(ctx context.Context, engine any, id string) (types.Object, error)

	// Prepares reports whether the type is a [Preparer].
	Prepares() bool
	// Fetch is the operation of a [Fetcher]; nothing for a type that is none.
	Fetch(ctx context.Context, engine any, planned types.Object) error
	// Claims are those of a desired object; none when the type is no [Claimant].
	Claims(desired types.Object) ([]Claim, error)
	// Sweep is the operation of a [Sweeper]; nothing for a type that is none.
	Sweep(ctx context.Context, engine any, before types.Object) error
	// StepsAside reports whether the type is a [Successor], whose operations the next three are.
	StepsAside() bool
	Aside(ctx context.Context, engine any, observed types.Object) (types.Object, error)
	Restore(ctx context.Context, engine any, aside types.Object) error
	Up(ctx context.Context, engine any, created types.Object) error
}

// Host returns the type behind an interface without parameters. It fails on a model that does not fit the schema and
// on rules that name what is not there.
func Host[M, E any](ctx context.Context, t Type[M, E]) (Resource, error) {
	s := t.Schema(ctx)
	node, err := Compile(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("type %q: %w", t.Name(), err)
	}
	bound, err := bind(node, reflect.TypeFor[M]())
	if err != nil {
		return nil, fmt.Errorf("type %q: %w", t.Name(), err)
	}
	if i, ok := any(t).(Identified); ok {
		if a, ok := node.attributes[i.IdentifiedBy()]; !ok || a.Null != types.StringNull() {
			return nil, fmt.Errorf("type %q: identity %q is no text of the schema", t.Name(), i.IdentifiedBy())
		}
	}
	rules := t.Rules()
	if err := lint(node, rules, s); err != nil {
		return nil, fmt.Errorf("type %q: %w", t.Name(), err)
	}
	rules = withImplied(node, rules)
	for _, b := range node.Blocks {
		if err := mark(b, rules, false); err != nil {
			return nil, fmt.Errorf("type %q: %w", t.Name(), err)
		}
	}
	return &host[M, E]{
		Type: t, rules: rules, schema: s, models: models[M]{bound},
		spells:  slices.ContainsFunc(node.Blocks, func(b *Block) bool { return b.leadsTo(rules, false) }),
		planner: planner{node: node, rules: rules, compare: comparer{rules}},
	}, nil
}

// withImplied adds the rules that follow from the schema: timeouts steer operations only.
func withImplied(n *Node, rules Rules) Rules {
	all := Rules{}
	if _, ok := n.blocks["timeouts"]; ok {
		all["timeouts"] = Rule{ConfigOnly: true}
	}
	for path, rule := range rules {
		all[path] = rule
	}
	return all
}

type host[M, E any] struct {
	Type[M, E]
	rules   Rules
	schema  schema.Schema
	models  models[M]
	planner planner
	spells  bool // whether [absentAs] has something to do
}

func (h *host[M, E]) Node() *Node                          { return h.planner.node }
func (h *host[M, E]) Rules() Rules                         { return h.rules }
func (h *host[M, E]) Schema(context.Context) schema.Schema { return h.schema }

func (h *host[M, E]) IdentifiedBy() string {
	if i, ok := h.Type.(Identified); ok {
		return i.IdentifiedBy()
	}
	return "id"
}

func (h *host[M, E]) Validate(ctx context.Context, config types.Object) diag.Diagnostics {
	diags := validate(ctx, h.planner.node, config)
	diags.Append(validateFilled(h.planner.rules, h.planner.node, config.Attributes(), path.Empty(), false)...)
	diags.Append(h.ValidateAcross(ctx, config)...)
	return diags
}

func (h *host[M, E]) ValidateAcross(ctx context.Context, config types.Object) diag.Diagnostics {
	v, ok := h.Type.(Validator[M])
	if !ok {
		return nil
	}
	m, err := h.models.decode(config)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Invalid configuration", err.Error())}
	}
	return v.Validate(ctx, m)
}

func (h *host[M, E]) Plan(ctx context.Context, engine any, in Request) (Plan, error) {
	if d, ok := h.Type.(Demanding[E]); ok && engine != nil && in.Observed.IsNull() {
		if err := h.planner.tooOld(in.APIVersion); err != nil {
			return Plan{}, err
		}
		e, err := h.engine(engine)
		if err != nil {
			return Plan{}, err
		}
		if err := d.Supported(ctx, e); err != nil {
			return Plan{}, err
		}
	}
	r, ok := h.Type.(Resolver[M, E])
	if !ok || engine == nil { // nobody to ask: what would be resolved stays as observed
		return h.planner.plan(ctx, in, nil)
	}
	return h.planner.plan(ctx, in, func(ctx context.Context, desired types.Object) (types.Object, error) {
		e, err := h.engine(engine)
		if err != nil {
			return desired, err
		}
		m, err := h.models.decode(desired)
		if err != nil {
			return desired, err
		}
		if err := r.Resolve(ctx, e, &m); err != nil {
			return desired, err
		}
		return h.models.encode(m)
	})
}

func (h *host[M, E]) Diff(observed, planned types.Object, apiVersion string) Changes {
	return h.planner.diff(observed, planned, apiVersion)
}

func (h *host[M, E]) Declaration(ctx context.Context, engine any, observed types.Object) (types.Object, error) {
	d, ok := h.Type.(Declarer[M, E])
	if !ok {
		return h.planner.declaration(observed)
	}
	asked, err := h.call(engine, observed, func(e E, m M) (M, error) { return d.Declared(ctx, e, m) })
	if err != nil {
		return observed, err
	}
	return h.planner.declaration(asked)
}

func (h *host[M, E]) Check(planned, result types.Object) error {
	changes := h.planner.diff(result, planned, "")
	var found []error
	for _, c := range changes {
		if c.After.IsUnknown() || h.planner.compare.rules[c.Path].Cause == Image {
			continue // an unknown was not promised; an image may move between plan and apply
		}
		found = append(found, fmt.Errorf("%s: planned %s, the engine has %s", c.Path, masked(h.planner.node, c.Path, c.After), masked(h.planner.node, c.Path, c.Before)))
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("this is a bug of cleat, please report it: the result differs from the plan: %w", errors.Join(found...))
}

func (h *host[M, E]) Explain(ctx context.Context, engine any, planned, result types.Object) error {
	x, ok := h.Type.(Explainer[M, E])
	if !ok {
		return nil
	}
	was, err := h.models.decode(planned)
	if err != nil {
		return err
	}
	_, err = h.call(engine, result, func(e E, is M) (M, error) { return is, x.Explain(ctx, e, was, is) })
	return err
}

// masked is the text of a value, unless it is sensitive.
func masked(n *Node, path string, v attr.Value) string {
	if a, ok := n.attributes[path]; ok && a.Sensitive {
		return "(sensitive value)"
	}
	if b, ok := n.blocks[path]; ok && b.hasSensitive() {
		return "(sensitive value)"
	}
	return v.String()
}

func (h *host[M, E]) Read(ctx context.Context, engine any, last types.Object) (types.Object, error) {
	read, err := h.call(engine, last, func(e E, m M) (M, error) { return h.Type.Read(ctx, e, m) })
	if err != nil || !h.spells || last.IsNull() {
		return read, err
	}
	return absentAs(h.planner.node, h.rules, last, read, false)
}

func (h *host[M, E]) Create(ctx context.Context, engine any, planned types.Object) (types.Object, error) {
	if v, ok := engine.(Versioned); ok { // the plan may have been made without an engine
		if err := h.planner.required(planned.Attributes(), v.ClientVersion()); err != nil {
			return planned, err
		}
	}
	return h.call(engine, planned, func(e E, m M) (M, error) { return h.Type.Create(ctx, e, m) })
}

func (h *host[M, E]) Update(ctx context.Context, engine any, observed, planned types.Object, changes Changes) (types.Object, error) {
	before, err := h.models.decode(observed)
	if err != nil {
		return observed, err
	}
	return h.call(engine, planned, func(e E, m M) (M, error) { return h.Type.Update(ctx, e, before, m, changes) })
}

func (h *host[M, E]) Delete(ctx context.Context, engine any, observed types.Object) error {
	_, err := h.call(engine, observed, func(e E, m M) (M, error) { return m, h.Type.Delete(ctx, e, m) })
	return err
}

func (h *host[M, E]) Import(ctx context.Context, engine any, id string) (types.Object, error) {
	return h.call(engine, h.planner.node.Null(), func(e E, _ M) (M, error) { return h.Type.Import(ctx, e, id) })
}

func (h *host[M, E]) Prepares() bool {
	_, ok := h.Type.(Preparer)
	return ok
}

func (h *host[M, E]) Fetch(ctx context.Context, engine any, planned types.Object) error {
	f, ok := h.Type.(Fetcher[M, E])
	if !ok {
		return nil
	}
	_, err := h.call(engine, planned, func(e E, m M) (M, error) { return m, f.Fetch(ctx, e, m) })
	return err
}

func (h *host[M, E]) Claims(desired types.Object) ([]Claim, error) {
	c, ok := h.Type.(Claimant[M])
	if !ok {
		return nil, nil
	}
	m, err := h.models.decode(desired)
	if err != nil {
		return nil, err
	}
	return c.Claims(m), nil
}

func (h *host[M, E]) Sweep(ctx context.Context, engine any, before types.Object) error {
	s, ok := h.Type.(Sweeper[M, E])
	if !ok {
		return nil
	}
	_, err := h.call(engine, before, func(e E, m M) (M, error) { return m, s.Sweep(ctx, e, m) })
	return err
}

func (h *host[M, E]) StepsAside() bool {
	_, ok := h.Type.(Successor[M, E])
	return ok
}

func (h *host[M, E]) Aside(ctx context.Context, engine any, observed types.Object) (types.Object, error) {
	s, ok := h.Type.(Successor[M, E])
	if !ok {
		return observed, fmt.Errorf("docker_%s cannot step aside: %w", h.Name(), errs.ErrInternal)
	}
	return h.call(engine, observed, func(e E, m M) (M, error) { return s.Aside(ctx, e, m) })
}

func (h *host[M, E]) Restore(ctx context.Context, engine any, aside types.Object) error {
	return h.successor(engine, aside, func(s Successor[M, E], e E, m M) error { return s.Restore(ctx, e, m) })
}

func (h *host[M, E]) Up(ctx context.Context, engine any, created types.Object) error {
	return h.successor(engine, created, func(s Successor[M, E], e E, m M) error { return s.Up(ctx, e, m) })
}

func (h *host[M, E]) successor(engine any, object types.Object, operation func(s Successor[M, E], e E, m M) error) error {
	s, ok := h.Type.(Successor[M, E])
	if !ok {
		return fmt.Errorf("docker_%s cannot step aside: %w", h.Name(), errs.ErrInternal)
	}
	_, err := h.call(engine, object, func(e E, m M) (M, error) { return m, operation(s, e, m) })
	return err
}

// call runs one operation on models. Of a failed one the object is returned too where it exists ([Partial]).
func (h *host[M, E]) call(engine any, object types.Object, operation func(e E, m M) (M, error)) (types.Object, error) {
	null := h.planner.node.Null()
	e, err := h.engine(engine)
	if err != nil {
		return null, err
	}
	m, err := h.models.decode(object)
	if err != nil {
		return null, err
	}
	result, failed := operation(e, m)
	var partial *Partial
	if failed != nil && !errors.As(failed, &partial) {
		return null, failed
	}
	encoded, err := h.models.encode(result)
	if err == nil {
		encoded, err = h.planner.node.withoutWriteOnly(encoded)
	}
	if err != nil {
		return null, errors.Join(failed, err)
	}
	return encoded, failed
}

func (h *host[M, E]) engine(engine any) (E, error) {
	e, ok := engine.(E)
	if !ok {
		return e, fmt.Errorf("docker_%s: the engine value %T lacks calls this type needs: %w", h.Name(), engine, errs.ErrInternal)
	}
	return e, nil
}

// models converts between models and objects.
type models[M any] struct{ bound *binding }

func (c models[M]) decode(object types.Object) (M, error) {
	var m M
	if object.IsNull() {
		return m, nil
	}
	return m, c.bound.decode(object, reflect.ValueOf(&m).Elem())
}

func (c models[M]) encode(m M) (types.Object, error) {
	return c.bound.encode(reflect.ValueOf(&m).Elem())
}

// Data is a [DataSource] with its parameters erased.
type Data interface {
	Name() string
	Node() *Node
	Validate(ctx context.Context, config types.Object) diag.Diagnostics
	// Takes reports whether a value has the calls the data source needs: it may need less than an engine.
	Takes(engine any) bool
	Read(ctx context.Context, engine any, config types.Object) (types.Object, error)
}

// HostData returns the data source behind an interface without parameters.
func HostData[M, E any](ctx context.Context, d DataSource[M, E]) (Data, error) {
	node, err := CompileDataSource(ctx, d.Schema(ctx))
	return hostQuestion("data source", d.Name(), node, err, d.Read)
}

// hostQuestion returns what is asked with a declaration and answers with it filled. kind names it in errors.
func hostQuestion[M, E any](kind, name string, node *Node, err error, read func(ctx context.Context, e E, config M) (M, error)) (Data, error) {
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", kind, name, err)
	}
	bound, err := bind(node, reflect.TypeFor[M]())
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", kind, name, err)
	}
	return &dataHost[M, E]{kind: kind, name: name, node: node, models: models[M]{bound}, read: read}, nil
}

type dataHost[M, E any] struct {
	kind, name string
	node       *Node
	models     models[M]
	read       func(ctx context.Context, e E, config M) (M, error)
}

func (h *dataHost[M, E]) Name() string { return h.name }
func (h *dataHost[M, E]) Node() *Node  { return h.node }

func (h *dataHost[M, E]) Validate(ctx context.Context, config types.Object) diag.Diagnostics {
	return validate(ctx, h.node, config)
}

func (h *dataHost[M, E]) Takes(engine any) bool {
	_, ok := engine.(E)
	return ok
}

func (h *dataHost[M, E]) Read(ctx context.Context, engine any, config types.Object) (types.Object, error) {
	null := h.node.Null()
	e, ok := engine.(E)
	if !ok {
		return null, fmt.Errorf("%s docker_%s: the engine value %T lacks calls it needs: %w", h.kind, h.name, engine, errs.ErrInternal)
	}
	m, err := h.models.decode(config)
	if err != nil {
		return null, err
	}
	if m, err = h.read(ctx, e, m); err != nil {
		return null, err
	}
	return h.models.encode(m)
}
