package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/internal/lang"
	"github.com/cleat-dev/cleat/resources/contract"
)

// bodyEvaluator makes the value of a body in a context.
type bodyEvaluator struct {
	// transient: nothing of the body is kept, so it may have ephemeral values. Elsewhere only a write-only attribute may.
	transient bool
	// sensitive are the paths of what must not be shown, which ephemeral values are as well.
	sensitive []cty.Path
	diags     hcl.Diagnostics
}

// object returns the value of a body without marks, which are noted under path, and where its parts are.
func (ev *bodyEvaluator) object(b *body, ctx *hcl.EvalContext, path cty.Path) (cty.Value, *blockRanges) {
	values := maps.Clone(b.shape.empty)
	ranges := &blockRanges{body: b}
	for i := range b.attributes {
		a := &b.attributes[i]
		if a.constant != cty.NilVal {
			values[a.spec.Name] = a.constant
		} else {
			values[a.spec.Name] = ev.attribute(a, ctx, path)
		}
		if _, block := b.shape.node.Block(a.spec.Name); block && values[a.spec.Name].IsNull() {
			values[a.spec.Name] = b.shape.empty[a.spec.Name]
		}
	}
	for _, spec := range b.shape.node.Blocks {
		if declared := b.blocks[spec.Name]; len(declared) > 0 {
			if ranges.items == nil {
				ranges.items = map[string][]*blockRanges{}
			}
			values[spec.Name], ranges.items[spec.Name] = ev.block(spec, declared, ctx, path.GetAttr(spec.Name), b.shape.empty[spec.Name])
		}
	}
	return cty.ObjectVal(values), ranges
}

func (ev *bodyEvaluator) attribute(a *bodyAttribute, ctx *hcl.EvalContext, path cty.Path) cty.Value {
	v, diags := a.expr.Value(ctx)
	ev.diags = append(ev.diags, clean(diags)...)
	if diags.HasErrors() {
		return cty.UnknownVal(a.typ)
	}
	v, problem := a.convert(v)
	if problem != nil {
		ev.diags = ev.diags.Append(problem)
		return cty.UnknownVal(a.typ)
	}
	if v.ContainsMarked() {
		var marks []cty.PathValueMarks
		if !ev.transient && !a.spec.WriteOnly && lang.ContainsEphemeral(v) {
			ev.refuseEphemeral(a.expr.Range(), fmt.Sprintf("%q is kept and shown, and what is ephemeral must not be: it may be the value of a write-only argument, "+
				"of a provider block and of another ephemeral block.", a.spec.Name))
			return cty.UnknownVal(a.typ)
		}
		v, marks = v.UnmarkDeepWithPaths()
		at := path.GetAttr(a.spec.Name)
		for _, mark := range marks {
			ev.sensitive = append(ev.sensitive, append(at.Copy(), mark.Path...))
		}
	}
	return v
}

func (ev *bodyEvaluator) refuseEphemeral(at hcl.Range, detail string) {
	ev.diags = ev.diags.Append(errorAt(at, "Invalid use of ephemeral value", detail))
}

// block returns the value of all blocks of one type.
func (ev *bodyEvaluator) block(spec *contract.Block, declared []bodyBlock, ctx *hcl.EvalContext, path cty.Path, none cty.Value) (cty.Value, []*blockRanges) {
	c := &blockCollector{ev: ev, spec: spec, path: path}
	for _, block := range declared {
		if block.dynamic == nil {
			c.add(block, ctx)
		} else {
			c.dynamic(block, ctx)
		}
	}
	switch {
	case c.unknown:
		return cty.UnknownVal(none.Type()), c.ranges
	case len(c.values) == 0:
		return none, c.ranges
	case spec.Nesting == contract.List:
		return cty.ListVal(c.values), c.ranges
	case spec.Nesting == contract.Set:
		set := cty.SetVal(c.values)
		return set, c.inOrder(set)
	}
	if len(c.values) > 1 {
		ev.diags = ev.diags.Append(errorAt(declared[0].at, "Duplicate "+spec.Name+" block",
			fmt.Sprintf("Only one %s block is allowed, found %d.", spec.Name, len(c.values))))
	}
	return c.values[0], c.ranges
}

// blockCollector collects the items of one type of block.
type blockCollector struct {
	ev      *bodyEvaluator
	spec    *contract.Block
	path    cty.Path
	values  []cty.Value
	ranges  []*blockRanges
	unknown bool // how many there are is not known
	noted   bool // the block as a whole is sensitive
}

func (c *blockCollector) add(block bodyBlock, ctx *hcl.EvalContext) {
	path := c.path
	switch c.spec.Nesting {
	case contract.List:
		path = path.IndexInt(len(c.values))
	case contract.Set: // items of a set have no path
		inside := &bodyEvaluator{transient: c.ev.transient}
		value, ranges := inside.object(block.inside, ctx, nil)
		c.ev.diags = append(c.ev.diags, inside.diags...)
		if len(inside.sensitive) > 0 {
			c.note()
		}
		c.append(value, ranges, block)
		return
	}
	value, ranges := c.ev.object(block.inside, ctx, path)
	c.append(value, ranges, block)
}

func (c *blockCollector) append(value cty.Value, ranges *blockRanges, block bodyBlock) {
	ranges.at = block.at
	c.values = append(c.values, value)
	c.ranges = append(c.ranges, ranges)
}

// inOrder are the ranges in the order in which a set of the values has its elements; of equal ones the first counts.
func (c *blockCollector) inOrder(set cty.Value) []*blockRanges {
	ranges := make([]*blockRanges, 0, len(c.ranges))
	for _, element := range set.AsValueSlice() {
		i := slices.IndexFunc(c.values, element.RawEquals)
		ranges = append(ranges, c.ranges[max(i, 0)])
	}
	return ranges
}

// note marks the whole block as sensitive, once.
func (c *blockCollector) note() {
	if !c.noted {
		c.noted = true
		c.ev.sensitive = append(c.ev.sensitive, c.path.Copy())
	}
}

func (c *blockCollector) dynamic(block bodyBlock, ctx *hcl.EvalContext) {
	d := block.dynamic
	at := d.forEach.Range()
	bad := func(detail string) {
		c.ev.diags = c.ev.diags.Append(errorAt(at, "Invalid dynamic for_each value", detail))
	}
	over, diags := d.forEach.Value(ctx)
	c.ev.diags = append(c.ev.diags, clean(diags)...)
	if diags.HasErrors() {
		return
	}
	over, marks := over.Unmark()
	if _, ok := marks[lang.Ephemeral]; ok && !c.ev.transient {
		c.ev.refuseEphemeral(at, "How many blocks there are is shown, and what is ephemeral must not be.")
		return
	}
	if len(marks) > 0 {
		c.note() // how many blocks there are says something about the value
	}
	iterate := func(key, value cty.Value) {
		inside := ctx.NewChild()
		inside.Variables = map[string]cty.Value{d.iterator: cty.ObjectVal(map[string]cty.Value{"key": key.WithMarks(marks), "value": value.WithMarks(marks)})}
		c.add(block, inside)
	}
	switch {
	case over.IsNull():
		bad("Cannot use a null value in for_each; use an empty list for no blocks.")
	case !over.IsKnown():
		known := len(c.values)
		iterate(cty.DynamicVal, cty.DynamicVal) // to find what is wrong whatever the value will be
		c.values, c.ranges = c.values[:known], c.ranges[:known]
		c.unknown = true
	case !over.CanIterateElements():
		bad(fmt.Sprintf("Cannot use a %s value in for_each. An iterable collection is required.", over.Type().FriendlyName()))
	default:
		for key, value := range over.Elements() {
			iterate(key, value)
		}
	}
}
