package view

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/resources/contract"
)

// kind is what a [value] is, as far as printing goes.
type kind uint8

const (
	null kind = iota
	unknown
	text
	literal // number or bool
	list
	set
	mapping
	object
)

// value is a value of either type system (framework values of objects, cty values of outputs) in the one form the
// printers compare and print.
type value struct {
	kind kind
	text string // of text and literal
	// elems are the elements of lists and sets, and the values of keys of mappings and objects; keys are sorted.
	elems []value
	keys  []string
	// exact: a null in the object is part of its value, as in an output, and not an attribute that is not set.
	exact bool
	// sensitive values compare like others and print masked.
	sensitive bool
	// node is the schema of the object where it is an item of a block.
	node *contract.Node
}

// equal compares what the values are, not how they are printed.
func (v value) equal(other value) bool {
	return v.kind == other.kind && v.text == other.text && slices.Equal(v.keys, other.keys) &&
		slices.EqualFunc(v.elems, other.elems, value.equal)
}

// isNothing reports whether there is nothing worth printing on its own: null, or a collection without elements.
func (v value) isNothing() bool {
	return v.kind == null || v.kind >= list && len(v.elems) == 0
}

// single reports whether the value prints on one line.
func (v value) single() bool {
	if v.sensitive || v.kind < text || v.kind == literal {
		return true
	}
	if v.kind == text {
		return !isMultiline(v.text)
	}
	return len(v.elems) == 0
}

// get returns the value of a key; null when there is none.
func (v value) get(key string) value {
	if i, ok := slices.BinarySearch(v.keys, key); ok {
		return v.elems[i]
	}
	return value{}
}

// masked returns v with it and all inside it sensitive.
func (v value) masked() value {
	v.sensitive = true
	return v
}

// fromAttr converts a framework value.
func fromAttr(v attr.Value) value {
	switch {
	case v == nil || v.IsNull():
		return value{}
	case v.IsUnknown():
		return value{kind: unknown}
	}
	switch v := v.(type) {
	case types.String:
		return value{kind: text, text: v.ValueString()}
	case types.Bool:
		return value{kind: literal, text: strconv.FormatBool(v.ValueBool())}
	case types.Int64:
		return value{kind: literal, text: strconv.FormatInt(v.ValueInt64(), 10)}
	case types.Float64:
		return value{kind: literal, text: strconv.FormatFloat(v.ValueFloat64(), 'f', -1, 64)}
	case types.List:
		return value{kind: list, elems: fromAttrs(v.Elements())}
	case types.Set:
		return value{kind: set, elems: sortedElements(fromAttrs(v.Elements()))}
	case types.Map:
		return fromKeyed(mapping, v.Elements())
	case types.Object:
		return fromKeyed(object, v.Attributes())
	default:
		return value{kind: literal, text: v.String()}
	}
}

func fromAttrs(elements []attr.Value) []value {
	all := make([]value, len(elements))
	for i, e := range elements {
		all[i] = fromAttr(e)
	}
	return all
}

func fromKeyed(k kind, elements map[string]attr.Value) value {
	v := value{kind: k}
	for key := range elements {
		v.keys = append(v.keys, key)
	}
	slices.Sort(v.keys)
	for _, key := range v.keys {
		v.elems = append(v.elems, fromAttr(elements[key]))
	}
	return v
}

// sortedElements orders the elements of a set, so that printing does not depend on the engine.
func sortedElements(elems []value) []value {
	slices.SortStableFunc(elems, compare)
	return elems
}

func compare(a, b value) int {
	if c := cmp.Or(cmp.Compare(a.kind, b.kind), compareText(a, b), slices.Compare(a.keys, b.keys)); c != 0 {
		return c
	}
	return slices.CompareFunc(a.elems, b.elems, compare)
}

// compareText orders numbers by value.
func compareText(a, b value) int {
	if a.kind == literal {
		x, errX := strconv.ParseFloat(a.text, 64)
		y, errY := strconv.ParseFloat(b.text, 64)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(a.text, b.text)
}

// fromBlock converts the value of a nested block; the sensitive attributes inside are masked. A single block becomes
// a list with one item, for all blocks to print alike.
func fromBlock(b *contract.Block, v attr.Value) value {
	converted := fromAttr(v)
	switch {
	case converted.kind == object:
		converted = value{kind: list, elems: []value{converted}}
	case converted.kind == null:
		return value{kind: list}
	}
	for i, item := range converted.elems {
		converted.elems[i] = annotate(b.Node, item)
	}
	return converted
}

// annotate gives an item of a block its schema and masks what the schema says is sensitive.
func annotate(n *contract.Node, item value) value {
	if item.kind != object {
		return item
	}
	item.node = n
	elems := slices.Clone(item.elems)
	for i, key := range item.keys {
		if a, ok := n.Attribute(key); ok && a.Sensitive {
			elems[i] = elems[i].masked()
		}
		b, ok := n.Block(key)
		if !ok {
			continue
		}
		if elems[i].kind == object { // a single block
			elems[i] = value{kind: list, elems: []value{elems[i]}}
		}
		if elems[i].kind == null {
			elems[i] = value{kind: list}
		}
		nested := elems[i]
		nested.elems = slices.Clone(nested.elems)
		for k, inside := range nested.elems {
			nested.elems[k] = annotate(b.Node, inside)
		}
		elems[i] = nested
	}
	item.elems = elems
	return item
}

// fromCty converts a value without marks.
func fromCty(v cty.Value) value {
	switch {
	case v == cty.NilVal || v.IsNull():
		return value{}
	case !v.IsKnown():
		return value{kind: unknown}
	}
	t := v.Type()
	switch {
	case t == cty.String:
		return value{kind: text, text: v.AsString()}
	case t == cty.Bool:
		return value{kind: literal, text: strconv.FormatBool(v.True())}
	case t == cty.Number:
		return value{kind: literal, text: v.AsBigFloat().Text('f', -1)}
	case t.IsMapType() || t.IsObjectType():
		return fromCtyKeyed(v)
	case t.IsListType() || t.IsSetType() || t.IsTupleType():
		c := value{kind: list}
		for _, e := range v.AsValueSlice() {
			c.elems = append(c.elems, fromCty(e))
		}
		if t.IsSetType() {
			c.kind, c.elems = set, sortedElements(c.elems)
		}
		return c
	default:
		return value{kind: literal, text: t.FriendlyName()}
	}
}

func fromCtyKeyed(v cty.Value) value {
	c := value{kind: mapping}
	if v.Type().IsObjectType() {
		c.kind, c.exact = object, true
	}
	elements := v.AsValueMap()
	for key := range elements {
		c.keys = append(c.keys, key)
	}
	slices.Sort(c.keys)
	for _, key := range c.keys {
		c.elems = append(c.elems, fromCty(elements[key]))
	}
	return c
}

// plain is the value as encoding/json takes it: masked and unknown values are as the documentation of the package
// says.
func (v value) plain() any {
	switch {
	case v.sensitive && v.kind != null:
		return maskedText
	case v.kind == null || v.kind == unknown:
		return nil
	case v.kind == text:
		return v.text
	case v.kind == literal:
		return rawLiteral(v.text)
	case v.kind == mapping || v.kind == object:
		all := make(map[string]any, len(v.keys))
		for i, key := range v.keys {
			if v.kind == object && !v.exact && v.elems[i].kind == null {
				continue // an attribute that is not set says nothing
			}
			all[key] = v.elems[i].plain()
		}
		return all
	default:
		all := make([]any, len(v.elems))
		for i, e := range v.elems {
			all[i] = e.plain()
		}
		return all
	}
}

// hasUnknown reports whether some part of the value is known only after apply.
func (v value) hasUnknown() bool {
	return v.kind == unknown || slices.ContainsFunc(v.elems, value.hasUnknown)
}
