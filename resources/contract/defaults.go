package contract

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// defaultOf returns the default an attribute of a schema declares, or nil.
func defaultOf(ctx context.Context, attribute any) (attr.Value, error) {
	switch a := attribute.(type) {
	case interface{ StringDefaultValue() defaults.String }:
		if d := a.StringDefaultValue(); d != nil {
			var r defaults.StringResponse
			d.DefaultString(ctx, defaults.StringRequest{}, &r)
			return r.PlanValue, firstError(r.Diagnostics)
		}
	case interface{ BoolDefaultValue() defaults.Bool }:
		if d := a.BoolDefaultValue(); d != nil {
			var r defaults.BoolResponse
			d.DefaultBool(ctx, defaults.BoolRequest{}, &r)
			return r.PlanValue, firstError(r.Diagnostics)
		}
	case interface{ Int64DefaultValue() defaults.Int64 }:
		if d := a.Int64DefaultValue(); d != nil {
			var r defaults.Int64Response
			d.DefaultInt64(ctx, defaults.Int64Request{}, &r)
			return r.PlanValue, firstError(r.Diagnostics)
		}
	case interface{ Float64DefaultValue() defaults.Float64 }:
		if d := a.Float64DefaultValue(); d != nil {
			var r defaults.Float64Response
			d.DefaultFloat64(ctx, defaults.Float64Request{}, &r)
			return r.PlanValue, firstError(r.Diagnostics)
		}
	default:
		return collectionDefault(ctx, attribute)
	}
	return nil, nil
}

func collectionDefault(ctx context.Context, attribute any) (attr.Value, error) {
	switch a := attribute.(type) {
	case interface{ ListDefaultValue() defaults.List }:
		if d := a.ListDefaultValue(); d != nil {
			var r defaults.ListResponse
			d.DefaultList(ctx, defaults.ListRequest{}, &r)
			return r.PlanValue, firstError(r.Diagnostics)
		}
	case interface{ SetDefaultValue() defaults.Set }:
		if d := a.SetDefaultValue(); d != nil {
			var r defaults.SetResponse
			d.DefaultSet(ctx, defaults.SetRequest{}, &r)
			return r.PlanValue, firstError(r.Diagnostics)
		}
	case interface{ MapDefaultValue() defaults.Map }:
		if d := a.MapDefaultValue(); d != nil {
			var r defaults.MapResponse
			d.DefaultMap(ctx, defaults.MapRequest{}, &r)
			return r.PlanValue, firstError(r.Diagnostics)
		}
	}
	return nil, nil
}

func firstError(diags diag.Diagnostics) error {
	if diags.HasError() {
		return errors.New(diags.Errors()[0].Summary())
	}
	return nil
}

// WithDefaults returns a declaration with the schema's defaults where it gives nothing, also inside blocks.
func (n *Node) WithDefaults(config types.Object) (types.Object, error) {
	values, err := withDefaults(n, config.Attributes())
	if err != nil {
		return config, err
	}
	return n.Object(values)
}

// withDefaults returns the attributes of config with the schema's defaults where config gives nothing, also
// inside blocks. What is write-only is not in it: nothing is compared with it, recorded of it or shown.
func withDefaults(n *Node, config map[string]attr.Value) (map[string]attr.Value, error) {
	values := make(map[string]attr.Value, len(config))
	for _, a := range n.Attributes {
		values[a.Name] = config[a.Name]
		if a.WriteOnly {
			values[a.Name] = a.Null
		}
		if a.Default != nil && config[a.Name].IsNull() {
			values[a.Name] = a.Default
		}
	}
	for _, b := range n.Blocks {
		block, err := mapItems(b, config[b.Name], func(_ int, item map[string]attr.Value) (map[string]attr.Value, error) {
			return withDefaults(b.Node, item)
		})
		if err != nil {
			return nil, err
		}
		values[b.Name] = block
	}
	return values, nil
}

// items returns the items of a known block value, nil of an unknown or undeclared one. The items of a block are
// objects; an item that is itself unknown is reported as nil.
func items(b *Block, value attr.Value) []types.Object {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	var elements []attr.Value
	switch v := value.(type) {
	case types.Object:
		return []types.Object{v}
	case types.List:
		elements = v.Elements()
	case types.Set:
		elements = v.Elements()
	}
	objects := make([]types.Object, len(elements))
	for i, e := range elements {
		if object, ok := e.(types.Object); ok {
			objects[i] = object
		} else {
			objects[i] = types.ObjectNull(b.Node.object.AttrTypes)
		}
	}
	return objects
}

// blockOf returns the value of a block with these items.
func blockOf(b *Block, objects []types.Object) (attr.Value, error) {
	if len(objects) == 0 {
		return b.None, nil
	}
	if b.Nesting == Single {
		return objects[0], nil
	}
	elements := make([]attr.Value, len(objects))
	for i, object := range objects {
		elements[i] = object
	}
	if b.Nesting == Set {
		value, diags := types.SetValue(b.Node.object, elements)
		return value, firstError(diags)
	}
	value, diags := types.ListValue(b.Node.object, elements)
	return value, firstError(diags)
}

// mapItems returns the block with f applied to each of its known items; unknown blocks and items stay as they are.
func mapItems(b *Block, value attr.Value, f func(i int, item map[string]attr.Value) (map[string]attr.Value, error)) (attr.Value, error) {
	if value.IsNull() || value.IsUnknown() {
		return value, nil
	}
	objects := items(b, value)
	if len(objects) == 0 {
		return value, nil
	}
	for i, object := range objects {
		if object.IsNull() || object.IsUnknown() {
			continue
		}
		mapped, err := f(i, object.Attributes())
		if err != nil {
			return nil, err
		}
		if objects[i], err = b.Node.Object(mapped); err != nil {
			return nil, err
		}
	}
	return blockOf(b, objects)
}
