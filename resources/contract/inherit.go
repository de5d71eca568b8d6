package contract

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Identity returns of an object what a read needs to find it, and what no engine reports. What is read with nothing else
// is what was set on the object itself: the image's and the engine's defaults are not in it (see [Type.Read]).
func Identity(r Resource, o types.Object) (types.Object, error) {
	node, values := r.Node(), o.Attributes()
	kept := node.Empty()
	for _, a := range node.Attributes {
		rule := r.Rules()[a.Name]
		if a.Name == "id" || a.Name == "name" || a.Required || !a.Optional || rule.ConfigOnly || rule.Unreported {
			kept[a.Name] = values[a.Name]
		}
	}
	for _, b := range node.Blocks {
		rule := r.Rules()[b.Name]
		if rule.Filled {
			continue
		}
		kept[b.Name] = values[b.Name]
		if rule.FromImage {
			empty, err := mapItems(b, values[b.Name], func(int, map[string]attr.Value) (map[string]attr.Value, error) { return b.Node.Empty(), nil })
			if err != nil {
				return o, err
			}
			kept[b.Name] = empty
		}
	}
	return node.Object(kept)
}

// Inherited tells what of an object, read as another provider recorded it, the image or the engine gave: plain is the
// same object read by its [Identity]. It returns the names of the attributes that are not in plain: they stay while
// nothing else is declared ([Request.Inherited]). The object is returned without blocks that are the image's or hollow,
// for a block cannot stay so, and with the defaults of the schema where the record has nothing.
func Inherited(r Resource, read, plain types.Object) (types.Object, []string, error) {
	node, values, own := r.Node(), read.Attributes(), plain.Attributes()
	names := []string{}
	for _, a := range node.Attributes {
		if a.Optional && !a.Computed && !values[a.Name].IsNull() && isZero(own[a.Name]) && (!isZero(values[a.Name]) || r.Rules()[a.Name].ZeroIsSet) {
			names = append(names, a.Name)
		}
	}
	for _, b := range node.Blocks {
		block, inside, err := staying(r.Rules(), b, values[b.Name])
		if err != nil {
			return read, nil, err
		}
		values[b.Name], names = block, append(names, inside...)
		switch rule := r.Rules()[b.Name]; {
		case rule.Stays || len(items(b, block)) == 0 || !b.saysNothing(own[b.Name]):
		case rule.Filled:
			names = append(names, b.Name)
		case rule.FromImage:
			values[b.Name] = b.None
		}
	}
	object, err := node.Object(values)
	if err == nil {
		object, err = node.WithDefaults(object)
	}
	return object, names, err
}

// staying returns a block of a foreign record without what is hollow in it, and the paths of what stays.
func staying(rules Rules, b *Block, value attr.Value) (attr.Value, []string, error) {
	all := items(b, value)
	switch {
	case len(all) == 0:
		return value, nil, nil
	case rules[b.Path].Hollow && b.saysNothing(value):
		return b.None, nil, nil
	}
	var paths []string
	if rules[b.Path].Stays {
		paths = append(paths, b.Path)
	}
	if b.Nesting != List || len(all) > 1 { // items that come and go have no path
		return value, paths, nil
	}
	left, err := mapItems(b, value, func(_ int, item map[string]attr.Value) (map[string]attr.Value, error) {
		for _, a := range b.Node.Attributes {
			if path := b.Path + "." + a.Name; rules[path].Stays && !item[a.Name].IsNull() {
				paths = append(paths, path)
			}
		}
		for _, nested := range b.Node.Blocks {
			block, inside, err := staying(rules, nested, item[nested.Name])
			if err != nil {
				return nil, err
			}
			item[nested.Name], paths = block, append(paths, inside...)
		}
		return item, nil
	})
	return left, paths, err
}

// saysNothing reports whether a block has no item, or only some in which every attribute is zero or its default.
func (b *Block) saysNothing(value attr.Value) bool {
	for _, item := range items(b, value) {
		values := item.Attributes()
		for _, a := range b.Node.Attributes {
			if v := values[a.Name]; !isZero(v) && (a.Default == nil || !a.Default.Equal(v)) {
				return false
			}
		}
		for _, nested := range b.Node.Blocks {
			if !nested.saysNothing(values[nested.Name]) {
				return false
			}
		}
	}
	return true
}

// inherited is a desired block with what it inherits of the observed one: what is not declared stays. In a [Rule.Filled]
// block that is declared, nothing is planned that is not declared, unless all of it stays as it is.
func (d *difference) inherited(b *Block, observed, desired attr.Value) (attr.Value, error) {
	have, want := items(b, observed), items(b, desired)
	switch {
	case desired.IsUnknown() || len(d.in.Inherited) == 0:
		return desired, nil
	case len(want) == 0 && slices.Contains(d.in.Inherited, b.Path):
		return observed, nil
	case b.Nesting != List || len(have) != 1 || len(want) != 1 || have[0].IsNull() || have[0].IsUnknown():
		return desired, nil
	}
	was := have[0].Attributes()
	whole, err := mapItems(b, desired, func(_ int, item map[string]attr.Value) (map[string]attr.Value, error) {
		for _, a := range b.Node.Attributes {
			if item[a.Name].IsNull() && slices.Contains(d.in.Inherited, b.Path+"."+a.Name) {
				item[a.Name] = was[a.Name]
			}
		}
		for _, nested := range b.Node.Blocks {
			inside, err := d.inherited(nested, was[nested.Name], item[nested.Name])
			if err != nil {
				return nil, err
			}
			item[nested.Name] = inside
		}
		return item, nil
	})
	switch {
	case err != nil || !d.rules[b.Path].Filled:
		return whole, err
	case d.compare.block(b, observed, whole):
		return observed, nil
	}
	return desired, nil
}
