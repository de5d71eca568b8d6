package config

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/internal/lang"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// markObject marks what the schema and the declaration of an object say is sensitive.
func markObject(v cty.Value, shape *shape, all *shapes, declared []cty.Path) cty.Value {
	if len(declared) > 0 {
		marks := make([]cty.PathValueMarks, len(declared))
		for i, path := range declared {
			marks[i] = cty.PathValueMarks{Path: path, Marks: cty.NewValueMarks(lang.Sensitive)}
		}
		v = v.MarkWithPaths(marks)
	}
	return markSchema(v, shape, all)
}

// markSchema marks attributes the schema says are sensitive, in nested blocks too; sets with such attributes as a
// whole, because what is in a set has no path.
func markSchema(v cty.Value, shape *shape, all *shapes) cty.Value {
	if len(shape.sensitive) == 0 {
		return v
	}
	v, outer := v.Unmark() // parts that are marked already are marked once more, which changes nothing
	if v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() {
		return v.WithMarks(outer)
	}
	values := v.AsValueMap()
	for _, name := range shape.sensitive {
		block, ok := shape.node.Block(name)
		if !ok || block.Nesting == contract.Set {
			values[name] = values[name].Mark(lang.Sensitive)
			continue
		}
		inside := all.of(block.Node)
		if block.Nesting == contract.Single {
			values[name] = markSchema(values[name], inside, all)
			continue
		}
		list, marks := values[name].Unmark()
		if list.IsNull() || !list.IsKnown() || list.LengthInt() == 0 {
			continue
		}
		items := list.AsValueSlice()
		for i := range items {
			items[i] = markSchema(items[i], inside, all)
		}
		values[name] = cty.ListVal(items).WithMarks(marks)
	}
	return cty.ObjectVal(values).WithMarks(outer)
}

func (d *declaration) isEphemeral() bool { return d.address.Mode == graph.Ephemeral }

// seen is a value of the block as others see it.
func (d *declaration) seen(v cty.Value) cty.Value {
	if d.isEphemeral() {
		return v.Mark(lang.Ephemeral)
	}
	return v
}

// unknownObject is an object nothing is known of but its type and what in it is sensitive.
func unknownObject(shape *shape, all *shapes) cty.Value {
	if len(shape.sensitive) == 0 {
		return cty.UnknownVal(shape.object)
	}
	values := map[string]cty.Value{}
	for name, t := range shape.object.AttributeTypes() {
		values[name] = cty.UnknownVal(t)
	}
	return markSchema(cty.ObjectVal(values), shape, all)
}
