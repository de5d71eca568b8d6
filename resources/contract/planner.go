package contract

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Request is what a plan is computed from.
type Request struct {
	// Config is the declaration: nulls where nothing is declared, unknowns where a value is not known yet.
	Config types.Object
	// Observed is the object as Read reported it; null when there is none.
	Observed types.Object
	// Applied is what is recorded of the last apply; nil when nothing is. It decides between the causes
	// [Configuration] and [Drift].
	Applied Applied
	// Inherited names attributes of the observed object that nobody declared though they have a value: while nothing is
	// declared, they stay (see [Inherited]).
	Inherited []string
	// APIVersion is the version the engine speaks ("1.41"); "" is taken as new enough for everything.
	APIVersion string
	// Lacks are the calls the engine has not, see [LacksOf].
	Lacks map[string]string
}

// Plan is what is to become of an object.
type Plan struct {
	// Planned is the object as it will be: declared values, observed ones kept where they mean the same, and
	// unknowns for what only the engine can say.
	Planned types.Object
	// Changes is empty when the object is as declared, or when there is none yet.
	Changes Changes
}

// resolve sets computed attributes of a desired object; see [Resolver].
type resolve func(ctx context.Context, desired types.Object) (types.Object, error)

// planner computes plans for one type. It has no state.
type planner struct {
	node    *Node
	rules   Rules
	compare comparer
}

// plan is the one place where a difference is computed. The order of its steps is that of CONTRACT: defaults,
// Resolve, computed values, comparison, and unknowns for what the changes move.
func (p *planner) plan(ctx context.Context, in Request, resolve resolve) (Plan, error) {
	desired, err := withDefaults(p.node, in.Config.Attributes())
	if err != nil {
		return Plan{}, err
	}
	if err := p.required(desired, in.APIVersion); err != nil {
		return Plan{}, err
	}
	if in.Observed.IsNull() {
		planned, err := p.create(desired)
		return Plan{Planned: planned}, err
	}
	if resolve != nil {
		if desired, err = p.resolved(ctx, desired, resolve); err != nil {
			return Plan{}, err
		}
	}
	d := difference{planner: p, in: in, observed: in.Observed.Attributes(), desired: desired, planned: make(map[string]attr.Value, len(desired))}
	if err := d.compute(); err != nil {
		return Plan{}, err
	}
	planned, err := p.node.Object(d.planned)
	return Plan{Planned: planned, Changes: d.changes}, err
}

// create is the plan of an object that does not exist: what is declared, and unknowns for what is computed.
func (p *planner) create(desired map[string]attr.Value) (types.Object, error) {
	planned, err := openComputed(p.node, desired)
	if err != nil {
		return types.Object{}, err
	}
	return p.node.Object(planned)
}

// openComputed returns values with computed nulls made unknown, also in the items of blocks.
func openComputed(n *Node, values map[string]attr.Value) (map[string]attr.Value, error) {
	open := make(map[string]attr.Value, len(values))
	for _, a := range n.Attributes {
		open[a.Name] = values[a.Name]
		if a.Computed && values[a.Name].IsNull() {
			open[a.Name] = a.Unknown
		}
	}
	for _, b := range n.Blocks {
		block, err := mapItems(b, values[b.Name], func(_ int, item map[string]attr.Value) (map[string]attr.Value, error) {
			return openComputed(b.Node, item)
		})
		if err != nil {
			return nil, err
		}
		open[b.Name] = block
	}
	return open, nil
}

// resolved asks the type and takes over the computed attributes it set.
func (p *planner) resolved(ctx context.Context, desired map[string]attr.Value, resolve resolve) (map[string]attr.Value, error) {
	object, err := p.node.Object(desired)
	if err != nil {
		return nil, err
	}
	answer, err := resolve(ctx, object)
	if err != nil {
		return nil, err
	}
	values := answer.Attributes()
	for _, a := range p.node.Attributes {
		if a.Computed && desired[a.Name].IsNull() {
			desired[a.Name] = values[a.Name]
		}
	}
	return desired, nil
}

// difference is one comparison of an observed with a desired object.
type difference struct {
	*planner
	in                         Request
	observed, desired, planned map[string]attr.Value
	// open are the computed attributes nobody but the engine gives a value.
	open    []*Attribute
	changes Changes
}

func (d *difference) compute() error {
	for _, a := range d.node.Attributes {
		d.attribute(a)
	}
	for _, b := range d.node.Blocks {
		if err := d.block(b); err != nil {
			return err
		}
	}
	slices.SortFunc(d.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	if len(d.changes) == 0 {
		return nil
	}
	for _, a := range d.open {
		if d.moved(a.Name) {
			d.planned[a.Name] = a.Unknown
		}
	}
	for _, b := range d.node.Blocks {
		if err := d.openItems(b); err != nil {
			return err
		}
	}
	return nil
}

func (d *difference) attribute(a *Attribute) {
	observed, desired := d.observed[a.Name], d.desired[a.Name]
	switch {
	case a.Computed && desired.IsNull():
		d.planned[a.Name] = observed
		d.open = append(d.open, a)
	case desired.IsNull() && slices.Contains(d.in.Inherited, a.Name):
		d.planned[a.Name] = observed
	case d.compare.attribute(a.Name, observed, desired):
		d.planned[a.Name] = keep(observed, desired)
	default:
		d.planned[a.Name] = desired
		d.change(a.Name, observed, desired)
	}
}

// keep chooses between two spellings of the same: the observed one, unless it is null and what is declared is not, when
// Terraform insists on that.
func keep(observed, desired attr.Value) attr.Value {
	if observed.IsNull() {
		return desired
	}
	return observed
}

// block compares a block and fills the computed attributes its items leave open from the observed items they pair with.
func (d *difference) block(b *Block) error {
	observed := d.observed[b.Name]
	desired, err := d.inherited(b, observed, d.desired[b.Name])
	if err != nil {
		return err
	}
	d.desired[b.Name] = desired
	same := d.compare.block(b, observed, desired)
	have := items(b, observed)
	if same && !d.compare.nullsDiffer(b, have, items(b, desired)) {
		d.planned[b.Name] = observed
		return nil
	}
	filled, err := d.filled(b, have, desired)
	if err != nil {
		return err
	}
	d.planned[b.Name] = filled
	if !same {
		d.change(b.Name, observed, filled)
	}
	return nil
}

// filled gives the computed attributes that desired items leave open the values of the observed items they pair with,
// also in blocks inside; those of items without a partner are open.
func (d *difference) filled(b *Block, have []types.Object, desired attr.Value) (attr.Value, error) {
	pairs := d.compare.pair(b, have, items(b, desired))
	return mapItems(b, desired, func(i int, item map[string]attr.Value) (map[string]attr.Value, error) {
		if pairs[i] < 0 {
			return openComputed(b.Node, item)
		}
		partner := have[pairs[i]].Attributes()
		for _, a := range b.Node.Attributes {
			if a.Computed && item[a.Name].IsNull() {
				item[a.Name] = partner[a.Name]
			}
		}
		for _, nested := range b.Node.Blocks {
			inside, err := d.filled(nested, items(nested, partner[nested.Name]), item[nested.Name])
			if err != nil {
				return nil, err
			}
			item[nested.Name] = inside
		}
		return item, nil
	})
}

// openItems makes the computed attributes in a block's items unknown that the changes move. The items are then in the
// declared order and spelling: Terraform pairs them with the declaration by their place.
func (d *difference) openItems(b *Block) error {
	if !d.leavesOpen(b, d.desired[b.Name]) {
		return nil
	}
	opened, err := d.opened(b, d.planned[b.Name], d.desired[b.Name])
	d.planned[b.Name] = opened
	return err
}

func (d *difference) opened(b *Block, planned, desired attr.Value) (attr.Value, error) {
	have := items(b, planned)
	pairs := d.compare.pair(b, have, items(b, desired))
	return mapItems(b, desired, func(i int, item map[string]attr.Value) (map[string]attr.Value, error) {
		if pairs[i] < 0 {
			return openComputed(b.Node, item)
		}
		partner := have[pairs[i]].Attributes()
		for _, a := range b.Node.Attributes {
			if !a.Computed || !item[a.Name].IsNull() {
				continue
			}
			item[a.Name] = partner[a.Name]
			if d.movedInside(b, a) {
				item[a.Name] = a.Unknown
			}
		}
		for _, nested := range b.Node.Blocks {
			inside, err := d.opened(nested, partner[nested.Name], item[nested.Name])
			if err != nil {
				return nil, err
			}
			item[nested.Name] = inside
		}
		return item, nil
	})
}

// movedInside reports whether the changes may move a computed attribute of a block's items.
func (d *difference) movedInside(b *Block, a *Attribute) bool {
	return a.Computed && a.Default == nil && d.moved(b.Path+"."+a.Name)
}

// leavesOpen reports whether any item declares nothing for an attribute the changes may move.
func (d *difference) leavesOpen(b *Block, desired attr.Value) bool {
	for _, item := range items(b, desired) {
		values := item.Attributes()
		for _, a := range b.Node.Attributes {
			if v, ok := values[a.Name]; ok && v.IsNull() && d.movedInside(b, a) {
				return true
			}
		}
		for _, nested := range b.Node.Blocks {
			if v, ok := values[nested.Name]; ok && d.leavesOpen(nested, v) {
				return true
			}
		}
	}
	return false
}

// moved reports whether the changes found may give a computed attribute another value.
func (d *difference) moved(path string) bool {
	if d.changes.Effect() == Replace {
		return true
	}
	rule := d.rules[path]
	if rule.Stable {
		return false
	}
	if len(rule.MovedBy) > 0 {
		return d.changes.Has(rule.MovedBy...)
	}
	return slices.ContainsFunc(d.changes, func(c Change) bool { return !d.rules[c.Path].ConfigOnly })
}

func (d *difference) change(path string, observed, desired attr.Value) {
	c := Change{Path: path, Before: observed, After: desired}
	c.Effect, c.Reason = d.effect(path, observed, desired)
	c.Cause = d.cause(path)
	if explain := d.rules[path].Explain; explain != nil && c.Reason == "" {
		c.Reason = explain(observed, desired)
	}
	d.changes = append(d.changes, c)
}

// effect applies the rule of a path to a change.
func (p *planner) effect(path string, observed, desired attr.Value, apiVersion string, lacks map[string]string) (Effect, string) {
	rule := p.rules[path]
	if rule.ConfigOnly {
		return InPlace, ""
	}
	effect := rule.Effect
	if rule.By != nil {
		effect = rule.By(observed, desired)
	}
	if effect == InPlace && rule.Since != "" && apiVersion != "" && older(apiVersion, rule.Since) {
		return Replace, fmt.Sprintf("this engine speaks API %s and can change it in place only from %s on", apiVersion, rule.Since)
	}
	if who, lacking := lacks[rule.Call]; effect == InPlace && lacking {
		return Replace, fmt.Sprintf("%s cannot change it in place: it has no call for a %s", who, rule.Call)
	}
	return effect, ""
}

func (d *difference) effect(path string, observed, desired attr.Value) (Effect, string) {
	return d.planner.effect(path, observed, desired, d.in.APIVersion, d.in.Lacks)
}

// cause asks the record for what was declared: what is computed, also in the items of a block, is in none.
func (d *difference) cause(path string) Cause {
	rule := d.rules[path]
	declared := cmp.Or(rule.Of, path)
	switch {
	case rule.Cause != "":
		return rule.Cause
	case d.in.Applied.Matches(d.node, declared, d.desired[declared]):
		return Drift
	}
	return Configuration
}

// diff compares an observed object with one that was planned: what Update is to do. Unknown computed values of the
// plan are results, not changes.
func (p *planner) diff(observed, planned types.Object, apiVersion string) Changes {
	before, after := observed.Attributes(), planned.Attributes()
	var changes Changes
	add := func(path string, o, d attr.Value) {
		c := Change{Path: path, Before: o, After: d, Cause: Configuration}
		c.Effect, c.Reason = p.effect(path, o, d, apiVersion, nil)
		changes = append(changes, c)
	}
	for _, a := range p.node.Attributes {
		o, d := before[a.Name], after[a.Name]
		if a.Computed && d.IsUnknown() || p.compare.attribute(a.Name, o, d) {
			continue
		}
		add(a.Name, o, d)
	}
	for _, b := range p.node.Blocks {
		if o, d := before[b.Name], after[b.Name]; !p.compare.settledBlock(b, o, d) {
			add(b.Name, o, d)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes
}
