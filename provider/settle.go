package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// promised returns result with the planned spelling wherever the plan gave a value and the result means the same.
// Terraform demands planned values back to the letter; only what the plan left unknown, and what really came out
// different, is taken from result.
func promised(ctx context.Context, t contract.Resource, planned, result types.Object) (types.Object, error) {
	different := map[string]bool{}
	for _, c := range t.Diff(result, planned, "") {
		different[c.Path] = true
	}
	values := result.Attributes()
	for name, want := range planned.Attributes() {
		if !different[name] && known(ctx, want) {
			values[name] = want
		}
	}
	return t.Node().Object(values)
}

// settled returns object without unknowns, which no state may hold, and the names of the attributes and blocks that
// had one. What is not known becomes null.
func settled(ctx context.Context, n *contract.Node, object types.Object) (types.Object, []string, error) {
	if object.IsNull() {
		return object, nil, nil
	}
	values := object.Attributes()
	var open []string
	for _, a := range n.Attributes {
		if !known(ctx, values[a.Name]) {
			values[a.Name] = a.Null
			open = append(open, a.Name)
		}
	}
	for _, b := range n.Blocks {
		if known(ctx, values[b.Name]) {
			continue
		}
		open = append(open, b.Name)
		block, err := settledBlock(ctx, b, values[b.Name])
		if err != nil {
			return object, open, err
		}
		values[b.Name] = block
	}
	slices.Sort(open)
	clean, err := n.Object(values)
	return clean, open, err
}

func settledBlock(ctx context.Context, b *contract.Block, value attr.Value) (attr.Value, error) {
	if value.IsUnknown() {
		return b.None, nil
	}
	if object, ok := value.(types.Object); ok {
		clean, _, err := settled(ctx, b.Node, object)
		return clean, err
	}
	var clean []attr.Value
	if list, ok := value.(interface{ Elements() []attr.Value }); ok {
		for _, element := range list.Elements() {
			object, ok := element.(types.Object)
			if !ok || object.IsUnknown() {
				continue
			}
			item, _, err := settled(ctx, b.Node, object)
			if err != nil {
				return nil, err
			}
			clean = append(clean, item)
		}
	}
	if b.Nesting == contract.Set {
		set, diags := types.SetValue(b.Node.Type(), clean)
		return set, firstError(diags)
	}
	blocks, diags := types.ListValue(b.Node.Type(), clean)
	return blocks, firstError(diags)
}
