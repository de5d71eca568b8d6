package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/resources/contract"
)

// objectOf returns the object a protocol value stands for. Blocks of a state written by other tools may be null,
// which the contract does not know: they become blocks without items.
func objectOf(ctx context.Context, n *contract.Node, raw tftypes.Value) (types.Object, error) {
	if raw.Type() == nil || raw.IsNull() {
		return n.Null(), nil
	}
	value, err := n.Type().ValueFromTerraform(ctx, raw)
	if err != nil {
		return n.Null(), fmt.Errorf("value from terraform: %w", err)
	}
	object, ok := value.(types.Object)
	if !ok {
		return n.Null(), fmt.Errorf("value from terraform: got %T, want an object", value)
	}
	return withBlocks(n, object)
}

// withBlocks returns object with null blocks replaced by blocks without items, at every depth.
func withBlocks(n *contract.Node, object types.Object) (types.Object, error) {
	if len(n.Blocks) == 0 || object.IsNull() || object.IsUnknown() {
		return object, nil
	}
	values := object.Attributes()
	for _, b := range n.Blocks {
		block, err := blockWithBlocks(b, values[b.Name])
		if err != nil {
			return object, fmt.Errorf("%s: %w", b.Name, err)
		}
		values[b.Name] = block
	}
	return n.Object(values)
}

func blockWithBlocks(b *contract.Block, value attr.Value) (attr.Value, error) {
	switch {
	case value.IsNull():
		return b.None, nil
	case value.IsUnknown() || len(b.Node.Blocks) == 0:
		return value, nil
	}
	if object, ok := value.(types.Object); ok {
		return withBlocks(b.Node, object)
	}
	list, ok := value.(interface{ Elements() []attr.Value })
	if !ok {
		return nil, fmt.Errorf("value is %T, want a list, set or object", value)
	}
	elements := list.Elements()
	for i, element := range elements {
		object, ok := element.(types.Object)
		if !ok {
			return nil, fmt.Errorf("item is %T, want an object", element)
		}
		var err error
		if elements[i], err = withBlocks(b.Node, object); err != nil {
			return nil, err
		}
	}
	if b.Nesting == contract.Set {
		set, diags := types.SetValue(b.Node.Type(), elements)
		return set, firstError(diags)
	}
	blocks, diags := types.ListValue(b.Node.Type(), elements)
	return blocks, firstError(diags)
}

// rawOf returns the protocol's value of an object.
func rawOf(ctx context.Context, object types.Object) (tftypes.Value, error) {
	raw, err := object.ToTerraformValue(ctx)
	if err != nil {
		return raw, fmt.Errorf("value to terraform: %w", err)
	}
	return raw, nil
}

// known reports whether a value holds no unknown at any depth.
func known(ctx context.Context, v attr.Value) bool {
	if v.IsUnknown() {
		return false
	}
	switch v.(type) {
	case types.String, types.Bool, types.Int64, types.Float64:
		return true
	}
	raw, err := v.ToTerraformValue(ctx)
	return err == nil && raw.IsFullyKnown()
}
