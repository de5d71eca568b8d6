package provider

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cleat-dev/cleat/resources/contract"
)

// storedObject reads the object of a node from a state of the current version, which is JSON. What the schema does not have
// is passed over, as Terraform does it; what is not of its form is an error, and left to the protocol's library.
func storedObject(n *contract.Node, raw []byte) (types.Object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return n.Null(), err
	}
	return objectStored(n, value)
}

func objectStored(n *contract.Node, value any) (types.Object, error) {
	given, ok := value.(map[string]any)
	if !ok {
		return n.Null(), fmt.Errorf("an object is %T: %w", value, errForm)
	}
	values := n.Empty()
	for _, a := range n.Attributes {
		v, err := valueStored(a.Type, a.Null, given[a.Name])
		if err != nil {
			return n.Null(), fmt.Errorf("%s: %w", a.Name, err)
		}
		values[a.Name] = v
	}
	for _, b := range n.Blocks {
		v, err := blockStored(b, given[b.Name])
		if err != nil {
			return n.Null(), fmt.Errorf("%s: %w", b.Name, err)
		}
		values[b.Name] = v
	}
	return n.Object(values)
}

func blockStored(b *contract.Block, value any) (attr.Value, error) {
	if value == nil {
		return b.None, nil
	}
	if b.Nesting == contract.Single {
		return objectStored(b.Node, value)
	}
	given, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("a block is %T: %w", value, errForm)
	}
	items := make([]attr.Value, len(given))
	for i, item := range given {
		object, err := objectStored(b.Node, item)
		if err != nil {
			return nil, err
		}
		items[i] = object
	}
	return collection(b.Type, items)
}

// valueStored reads a value of a type whose null is given.
func valueStored(t attr.Type, none attr.Value, value any) (attr.Value, error) {
	if value == nil && none != nil {
		return none, nil
	}
	if value == nil {
		null, _, err := contract.Absent(t)
		return null, err
	}
	switch v := value.(type) {
	case string:
		if _, ok := t.(basetypes.StringType); ok {
			return types.StringValue(v), nil
		}
	case bool:
		if _, ok := t.(basetypes.BoolType); ok {
			return types.BoolValue(v), nil
		}
	case json.Number:
		if _, ok := t.(basetypes.Int64Type); ok {
			number, err := v.Int64()
			return types.Int64Value(number), err
		}
	case []any:
		return elementsStored(t, v)
	case map[string]any:
		switch t := t.(type) {
		case basetypes.MapType:
			return mappingStored(t, v)
		case basetypes.ObjectType:
			return membersStored(t, v)
		}
	}
	return nil, fmt.Errorf("a %s is %T: %w", t, value, errForm)
}

func elementsStored(t attr.Type, given []any) (attr.Value, error) {
	collects, ok := t.(attr.TypeWithElementType)
	if !ok {
		return nil, fmt.Errorf("a %s is a list: %w", t, errForm)
	}
	items := make([]attr.Value, len(given))
	for i, item := range given {
		v, err := valueStored(collects.ElementType(), nil, item)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	return collection(t, items)
}

func mappingStored(t basetypes.MapType, given map[string]any) (attr.Value, error) {
	items := make(map[string]attr.Value, len(given))
	for key, item := range given {
		v, err := valueStored(t.ElemType, nil, item)
		if err != nil {
			return nil, err
		}
		items[key] = v
	}
	value, diags := types.MapValue(t.ElemType, items)
	return value, firstError(diags)
}

// membersStored reads an object that is the value of an attribute, or an element of one.
func membersStored(t basetypes.ObjectType, given map[string]any) (attr.Value, error) {
	values := make(map[string]attr.Value, len(t.AttrTypes))
	for name, member := range t.AttrTypes {
		v, err := valueStored(member, nil, given[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		values[name] = v
	}
	object, diags := types.ObjectValue(t.AttrTypes, values)
	return object, firstError(diags)
}
