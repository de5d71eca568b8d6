package contract

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// comparer tells whether an observed and a desired value mean the same, by the rules of a type.
type comparer struct{ rules Rules }

// attribute compares one attribute; path is its name, or block.name inside a block.
func (c comparer) attribute(path string, observed, desired attr.Value) bool {
	switch {
	case desired.IsUnknown() || observed.IsUnknown():
		return false
	case observed.Equal(desired):
		return true
	case (observed.IsNull() || desired.IsNull()) && !c.rules[path].ZeroIsSet:
		return isZero(observed) && isZero(desired)
	}
	same := c.rules[path].Same
	return same != nil && same(observed, desired)
}

// isZero reports whether a known value is null, false, 0, "" or without elements.
func isZero(v attr.Value) bool {
	if v.IsNull() {
		return true
	}
	switch v := v.(type) {
	case types.String:
		return v.ValueString() == ""
	case types.Bool:
		return !v.ValueBool()
	case types.Int64:
		return v.ValueInt64() == 0
	case types.Float64:
		return v.ValueFloat64() == 0
	case interface{ Elements() []attr.Value }:
		return len(v.Elements()) == 0
	case types.Map:
		return len(v.Elements()) == 0
	}
	return false
}

// isEmpty reports whether a known value is a collection without elements.
func isEmpty(v attr.Value) bool {
	switch v.(type) {
	case types.List, types.Set, types.Map:
		return isZero(v)
	}
	return false
}

// item compares two items of a block. Computed attributes the declaration leaves open are passed over.
func (c comparer) item(b *Block, observed, desired map[string]attr.Value) bool {
	for _, a := range b.Node.Attributes {
		if a.Computed && a.Default == nil && desired[a.Name].IsNull() {
			continue
		}
		if a.Computed && !a.Optional { // only ever what the engine says
			continue
		}
		if !c.attribute(b.Path+"."+a.Name, observed[a.Name], desired[a.Name]) {
			return false
		}
	}
	for _, nested := range b.Node.Blocks {
		if !c.block(nested, observed[nested.Name], desired[nested.Name]) {
			return false
		}
	}
	return true
}

// block compares two values of a block.
func (c comparer) block(b *Block, observed, desired attr.Value) bool {
	if desired.IsUnknown() || observed.IsUnknown() {
		return false
	}
	if same := c.rules[b.Path].Same; same != nil && same(observed, desired) {
		return true
	}
	have, want := items(b, observed), items(b, desired)
	if len(have) != len(want) {
		return false
	}
	pairs := c.pair(b, have, want)
	for i, object := range want {
		if pairs[i] < 0 || object.IsUnknown() || !c.item(b, have[pairs[i]].Attributes(), object.Attributes()) {
			return false
		}
	}
	return true
}

// pair returns for each wanted item the index of the observed item that stands for it, or -1. Positions count in a
// list without a key. Else items that mean the same are paired first, then those whose key attributes do, so that a
// changed item still finds what it was. An observed item is used once.
func (c comparer) pair(b *Block, have, want []types.Object) []int {
	key := c.rules[b.Path].Key
	pairs := make([]int, len(want))
	for i := range pairs {
		pairs[i] = -1
		if b.Nesting != Set && len(key) == 0 && i < len(have) {
			pairs[i] = i
		}
	}
	if b.Nesting != Set && len(key) == 0 {
		return pairs
	}
	used := make([]bool, len(have))
	c.match(b, have, want, pairs, used, func(observed, wanted map[string]attr.Value) bool { return c.item(b, observed, wanted) })
	if len(key) > 0 {
		c.match(b, have, want, pairs, used, func(observed, wanted map[string]attr.Value) bool {
			for _, name := range key {
				if !c.attribute(b.Path+"."+name, observed[name], wanted[name]) {
					return false
				}
			}
			return true
		})
	}
	return pairs
}

// match pairs wanted items that have no partner yet with unused observed ones that are the same.
func (c comparer) match(b *Block, have, want []types.Object, pairs []int, used []bool, same func(observed, wanted map[string]attr.Value) bool) {
	attributes := make([]map[string]attr.Value, len(have))
	for i, object := range have {
		attributes[i] = object.Attributes()
	}
	for i, object := range want {
		if pairs[i] >= 0 || object.IsUnknown() {
			continue
		}
		wanted := object.Attributes()
		for j := range have {
			if !used[j] && same(attributes[j], wanted) {
				pairs[i], used[j] = j, true
				break
			}
		}
	}
}

// settledBlock compares an observed block with a planned one, in which unknown computed attributes are results still
// to come.
func (c comparer) settledBlock(b *Block, observed, planned attr.Value) bool {
	open, err := unsettled(b, planned)
	return err == nil && c.block(b, observed, open)
}

// unsettled is a block with unknown computed attributes as if they were not declared, also in blocks inside.
func unsettled(b *Block, value attr.Value) (attr.Value, error) {
	return mapItems(b, value, func(_ int, item map[string]attr.Value) (map[string]attr.Value, error) {
		for _, a := range b.Node.Attributes {
			if a.Computed && item[a.Name].IsUnknown() {
				item[a.Name] = a.Null
			}
		}
		for _, nested := range b.Node.Blocks {
			inside, err := unsettled(nested, item[nested.Name])
			if err != nil {
				return nil, err
			}
			item[nested.Name] = inside
		}
		return item, nil
	})
}

// nullsDiffer reports whether items that mean the same lack something that is declared: Terraform allows the observed
// spelling in place of the declared one only where it is one.
func (c comparer) nullsDiffer(b *Block, have, want []types.Object) bool {
	pairs := c.pair(b, have, want)
	for i, object := range want {
		if pairs[i] < 0 {
			continue
		}
		observed, desired := have[pairs[i]].Attributes(), object.Attributes()
		for _, a := range b.Node.Attributes {
			if !a.Computed && observed[a.Name].IsNull() && !desired[a.Name].IsNull() {
				return true
			}
		}
		for _, nested := range b.Node.Blocks {
			if c.nullsDiffer(nested, items(nested, observed[nested.Name]), items(nested, desired[nested.Name])) {
				return true
			}
		}
	}
	return false
}
