package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/resources/contract"
)

// instance is one declared object on its way to a step.
type instance struct {
	*builder
	step     *Step
	block    *config.Block
	resource contract.Resource
	host     *Host
	declared types.Object
	observed types.Object
	object   observe.Object // the one that counts, when there is one
}

// resource plans one declared object and tells the evaluator what it will be.
func (b *builder) resource(ctx context.Context, address graph.Instance) hcl.Diagnostics {
	i, diags := b.evaluate(ctx, address)
	if diags.HasErrors() {
		return diags
	}
	if err := i.observe(ctx); err != nil {
		return append(diags, i.problem(err)...)
	}
	if err := i.decide(ctx); err != nil {
		return append(diags, i.problem(err)...)
	}
	if err := i.moving(ctx); err != nil {
		return append(diags, i.problem(err)...)
	}
	if err := i.protect(); err != nil {
		return append(diags, i.problem(err)...)
	}
	b.add(i.step)
	if err := b.set(address, i.step.After); err != nil {
		return append(diags, i.problem(err)...)
	}
	return append(diags, b.Evaluator.Postconditions(address)...)
}

// evaluate evaluates and validates a declaration.
func (b *builder) evaluate(ctx context.Context, address graph.Instance) (*instance, hcl.Diagnostics) {
	diags := b.Evaluator.Preconditions(address)
	if diags.HasErrors() {
		return nil, diags
	}
	block, more := b.Evaluator.Eval(address)
	if diags = append(diags, more...); diags.HasErrors() {
		return nil, diags
	}
	i := &instance{builder: b, block: block, resource: b.Types.Resources[address.Type], host: b.Hosts[block.Provider]}
	static, _ := b.Config.Resource(address.Resource())
	i.step = &Step{
		Address: address, Provider: block.Provider, Node: i.resource.Node(), Host: i.host.Name, Declared: &static.Range,
		Sensitive: sensitiveRoots(block.Sensitive), Needs: needs(b.Config.Graph(), config.NodeOf(address.Resource())),
		CreateBeforeDestroy: block.Lifecycle.CreateBeforeDestroy,
		Before:              i.resource.Node().Null(), After: i.resource.Node().Null(),
	}
	var err error
	if i.declared, err = toObject(block.Value, i.resource.Node()); err != nil {
		return nil, append(diags, i.problem(err)...)
	}
	if i.step.Config, err = i.resource.Node().WithDefaults(i.declared); err != nil {
		return nil, append(diags, i.problem(err)...)
	}
	return i, append(diags, Diagnostics(i.resource.Validate(ctx, i.declared), block)...)
}

func toObject(value cty.Value, node *contract.Node) (types.Object, error) {
	v, err := config.FromCty(value, node.Type())
	if err != nil {
		return types.Object{}, err
	}
	object, ok := v.(types.Object)
	if !ok {
		return types.Object{}, fmt.Errorf("declaration is %T, want an object", v)
	}
	return object, nil
}

// observe reads the object that is ours at the address, or the one an import block names.
func (i *instance) observe(ctx context.Context) error {
	objects := i.host.objects(i.step.Address)
	i.observed = i.resource.Node().Null()
	if len(objects) == 0 {
		return i.imported(ctx)
	}
	objects = i.inPlace(objects)
	i.object = objects[0]
	i.step.ID, i.step.Record = i.object.ID, i.object.Record
	if i.object.From != (graph.Instance{}) {
		i.step.PreviousAddress = i.object.From
	}
	last, err := lastKnown(i.resource, i.object, i.step.Config.Attributes())
	if err != nil {
		return err
	}
	gone := false
	err = i.watched(i.step.Address, i.host, func() error {
		observed, err := i.resource.Read(ctx, i.host.Engine, last)
		if gone = errors.Is(err, errs.ErrNotFound); err != nil && !gone {
			return err
		}
		if !gone {
			i.observed, i.step.Before = observed, observed
		}
		return nil
	})
	if err != nil {
		return err
	}
	i.step.Existed = i.object.Record.Existed && !gone
	for _, left := range objects[1:] {
		action := Delete
		if left.Record.Existed {
			action = Forget
		}
		i.add(&Step{
			Address: i.step.Address, Provider: i.step.Provider, Action: action, Node: i.step.Node, Host: i.step.Host, Deposed: cmp.Or(left.ID, "planned"),
			ID: left.ID, Record: left.Record, Before: i.leftOver(left), After: i.step.Node.Null(), Needs: i.step.Needs, Reason: "left behind by an interrupted replacement",
		})
	}
	return nil
}

func (i *instance) leftOver(o observe.Object) types.Object {
	last, err := lastKnown(i.resource, o, nil)
	if err != nil {
		return i.step.Node.Null()
	}
	return last
}

func (i *instance) imported(ctx context.Context) error {
	wanted, ok := i.imports[i.step.Address]
	if !ok {
		return nil
	}
	observed, err := i.resource.Import(ctx, i.host.Engine, wanted.ID)
	if err != nil {
		return fmt.Errorf("import %q: %w", wanted.ID, err)
	}
	i.observed, i.step.Before, i.step.Adopting = observed, observed, wanted.ID
	return nil
}

// decide computes the difference and the action.
func (i *instance) decide(ctx context.Context) error {
	declared, err := i.ignoring()
	if err != nil {
		return err
	}
	request := contract.Request{Config: declared, Observed: i.observed, Applied: i.step.Record.Applied, APIVersion: i.host.APIVersion, Lacks: i.host.Lacks}
	planned, err := i.resource.Plan(ctx, i.host.Engine, request)
	if err != nil {
		return err
	}
	i.step.After, i.step.Changes = planned.Planned, planned.Changes
	switch {
	case i.observed.IsNull():
		i.step.Action, i.step.Reason = Create, "does not exist"
		if i.object.Labelled {
			i.step.Reason = "was removed while cleat looked"
		}
		if err := i.markable(); err != nil {
			return err
		}
		return i.foreign(ctx)
	case i.step.asked || i.asked():
		i.step.Action, i.step.asked = Replace, true
	case len(planned.Changes) == 0:
		i.step.Action = NoOp
		return nil
	case planned.Changes.Effect() == contract.Replace:
		i.step.Action = Replace
	default:
		i.step.Action = Update
		return nil
	}
	if err := i.markable(); err != nil {
		return err
	}
	request.Observed = i.resource.Node().Null()
	planned, err = i.resource.Plan(ctx, i.host.Engine, request)
	i.step.After = planned.Planned
	return err
}

// asked reports whether the object is to be replaced whatever its attributes say, and notes why.
func (i *instance) asked() bool {
	for _, t := range i.Replace {
		if t.Matches(i.step.Address) && (i.Replaced == nil || i.Replaced[i.step.Address.String()] == i.step.ID) {
			i.step.Reason = "replacement was asked for (-replace)"
			return true
		}
	}
	for _, t := range i.block.Triggers {
		if by, ok := i.fires(t); ok {
			i.step.Reason = fmt.Sprintf("%s changes (replace_triggered_by)", by)
			return true
		}
	}
	return false
}

// fires reports whether what a trigger names changes in this plan.
func (b *builder) fires(t config.Trigger) (graph.Instance, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.declared[graph.Instance(t.Target)]; ok { // one instance: there may be as many triggers as instances
		return s.Address, s.fires(t)
	}
	var first *Step // the same one every time
	for address, s := range b.declared {
		if t.Target.Matches(address) && s.fires(t) && (first == nil || address.Compare(first.Address) < 0) {
			first = s
		}
	}
	if first == nil {
		return graph.Instance{}, false
	}
	return first.Address, true
}

// fires reports whether a step changes what a trigger names of its object.
func (s *Step) fires(t config.Trigger) bool {
	if s.Action != Update && s.Action != Replace {
		return false
	}
	if len(t.Path) == 0 {
		return true
	}
	root, ok := t.Path[0].(cty.GetAttrStep)
	return ok && (s.Action == Replace || s.Changes.Has(root.Name) || unknownAt(s.After, root.Name))
}

func unknownAt(o types.Object, name string) bool {
	v, ok := o.Attributes()[name]
	return ok && v.IsUnknown()
}

// foreign notes that what a type which cannot carry labels would make is there already: it is used and not ours.
func (i *instance) foreign(ctx context.Context) error {
	if observe.Listed(i.step.Address.Type) || i.host.Engine == nil {
		return nil
	}
	found, err := i.resource.Read(ctx, i.host.Engine, i.step.After)
	if err != nil || found.IsNull() {
		if err == nil || errors.Is(err, errs.ErrNotFound) || errors.Is(err, errs.ErrInvalid) {
			return nil
		}
		return err
	}
	claims, err := i.resource.Claims(i.step.After)
	if err != nil {
		return err
	}
	for _, c := range claims {
		return contract.Refuse(c.Path, errs.ErrConflict, "%s %q exists on the engine and is not managed here; choose another name, or take it over: cleat adopt '%s' %s",
			c.Kind, c.Value, i.step.Address, c.Value)
	}
	i.step.Existed = true
	return nil
}

// protect refuses what prevent_destroy forbids.
func (i *instance) protect() error {
	if i.step.Action == Replace && i.block.Lifecycle.PreventDestroy {
		return fmt.Errorf("the plan would replace it (%s) and its lifecycle says prevent_destroy; change the configuration back, or remove prevent_destroy: %w",
			i.step.why(), errs.ErrConflict)
	}
	return nil
}

// why names the changes that force a replacement.
func (s *Step) why() string {
	if s.Reason != "" {
		return s.Reason
	}
	text := ""
	for _, c := range s.Changes {
		if c.Effect != contract.Replace {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += c.Path
	}
	return text + " changes"
}

// ignoring is the declaration with what ignore_changes names as it is on the object.
func (i *instance) ignoring() (types.Object, error) {
	life := i.block.Lifecycle
	if i.observed.IsNull() || !life.IgnoreAll && len(life.IgnoreChanges) == 0 {
		return i.declared, nil
	}
	observed, err := config.ToCty(i.observed)
	if err != nil {
		return types.Object{}, err
	}
	kept := i.block.Value
	if life.IgnoreAll {
		return i.keepAll()
	}
	for _, path := range life.IgnoreChanges {
		value, err := path.Apply(observed)
		if err != nil {
			continue // there is nothing to keep
		}
		kept, err = cty.Transform(kept, func(at cty.Path, v cty.Value) (cty.Value, error) {
			if at.Equals(path) {
				return value, nil
			}
			return v, nil
		})
		if err != nil {
			return types.Object{}, err
		}
	}
	return toObject(kept, i.resource.Node())
}

// keepAll is the declaration of an object whose every change is ignored: what it is, without what is only computed.
func (i *instance) keepAll() (types.Object, error) {
	values := i.observed.Attributes()
	kept := make(map[string]attr.Value, len(values))
	for name, v := range values {
		kept[name] = v
		if a, ok := i.step.Node.Attribute(name); ok && a.Computed && !a.Optional {
			kept[name] = a.Null
		}
	}
	return i.step.Node.Object(kept)
}

func (i *instance) problem(err error) hcl.Diagnostics {
	return problem(i.step.Address, i.block, err)
}

func sensitiveRoots(paths []cty.Path) map[string]bool {
	roots := map[string]bool{}
	for _, p := range paths {
		if len(p) == 0 {
			continue
		}
		if step, ok := p[0].(cty.GetAttrStep); ok {
			roots[step.Name] = true
		}
	}
	return roots
}

// needs are the resource blocks a node is made from, also through data sources.
func needs(g *graph.Graph[config.Node], n config.Node) []graph.Resource {
	var found []graph.Resource
	seen := map[config.Node]bool{}
	var visit func(config.Node)
	visit = func(n config.Node) {
		for _, need := range g.Needs(n) {
			if seen[need] {
				continue
			}
			seen[need] = true
			if need.Kind == config.ResourceNode {
				found = append(found, need.Resource())
				continue
			}
			visit(need)
		}
	}
	visit(n)
	return found
}
