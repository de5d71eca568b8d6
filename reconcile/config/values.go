package config

import (
	"context"
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/resources/contract"
)

// CtyType is the type of the language that holds values of a framework type: numbers of every kind are numbers.
// Types a schema cannot have (see contract.Lint) are dynamic.
func CtyType(t attr.Type) cty.Type {
	switch t := t.(type) {
	case basetypes.StringType:
		return cty.String
	case basetypes.BoolType:
		return cty.Bool
	case basetypes.Int64Type, basetypes.Int32Type, basetypes.Float64Type, basetypes.Float32Type, basetypes.NumberType:
		return cty.Number
	case basetypes.ListType:
		return cty.List(CtyType(t.ElemType))
	case basetypes.SetType:
		return cty.Set(CtyType(t.ElemType))
	case basetypes.MapType:
		return cty.Map(CtyType(t.ElemType))
	case basetypes.ObjectType:
		attributes := make(map[string]cty.Type, len(t.AttrTypes))
		for name, attribute := range t.AttrTypes {
			attributes[name] = CtyType(attribute)
		}
		return cty.Object(attributes)
	case basetypes.TupleType:
		elements := make([]cty.Type, len(t.ElemTypes))
		for i, element := range t.ElemTypes {
			elements[i] = CtyType(element)
		}
		return cty.Tuple(elements)
	default:
		return cty.DynamicPseudoType
	}
}

// ObjectType is the type of an object of a schema: attributes by name, list and set blocks as collections of objects,
// single blocks as an object or null.
func ObjectType(node *contract.Node) cty.Type { return CtyType(node.Type()) }

// noContext stands where the framework asks for a context to tell the type of a value: the types a schema can have
// (see contract.Lint) are built in and never look at it.
type noContext struct{ context.Context }

// ToCty converts a framework value. The result has the type CtyType gives for the value's type.
func ToCty(v attr.Value) (cty.Value, error) {
	if v == nil {
		return cty.NilVal, fmt.Errorf("no value")
	}
	if v.IsNull() || v.IsUnknown() {
		t := CtyType(v.Type(noContext{}))
		if v.IsNull() {
			return cty.NullVal(t), nil
		}
		return cty.UnknownVal(t), nil
	}
	switch v := v.(type) {
	case basetypes.StringValue:
		return cty.StringVal(v.ValueString()), nil
	case basetypes.BoolValue:
		return cty.BoolVal(v.ValueBool()), nil
	case basetypes.Int64Value:
		return cty.NumberIntVal(v.ValueInt64()), nil
	case basetypes.Int32Value:
		return cty.NumberIntVal(int64(v.ValueInt32())), nil
	case basetypes.Float64Value:
		return cty.NumberFloatVal(v.ValueFloat64()), nil
	case basetypes.Float32Value:
		return cty.NumberFloatVal(float64(v.ValueFloat32())), nil
	case basetypes.NumberValue:
		return cty.NumberVal(v.ValueBigFloat()), nil
	case basetypes.ListValue:
		return collect(v.Elements(), CtyType(v.ElementType(noContext{})), cty.ListValEmpty, cty.ListVal)
	case basetypes.SetValue:
		return collect(v.Elements(), CtyType(v.ElementType(noContext{})), cty.SetValEmpty, cty.SetVal)
	case basetypes.MapValue:
		if len(v.Elements()) == 0 {
			return cty.MapValEmpty(CtyType(v.ElementType(noContext{}))), nil
		}
		values, err := toMap(v.Elements())
		if err != nil {
			return cty.NilVal, err
		}
		return cty.MapVal(values), nil
	case basetypes.ObjectValue:
		values, err := toMap(v.Attributes())
		if err != nil {
			return cty.NilVal, err
		}
		return cty.ObjectVal(values), nil
	case basetypes.TupleValue:
		return collect(v.Elements(), cty.DynamicPseudoType, func(cty.Type) cty.Value { return cty.EmptyTupleVal }, cty.TupleVal)
	default:
		return cty.NilVal, fmt.Errorf("values of %T have no counterpart", v)
	}
}

func collect(elements []attr.Value, t cty.Type, empty func(cty.Type) cty.Value, full func([]cty.Value) cty.Value) (cty.Value, error) {
	if len(elements) == 0 {
		return empty(t), nil
	}
	values := make([]cty.Value, len(elements))
	for i, element := range elements {
		var err error
		if values[i], err = ToCty(element); err != nil {
			return cty.NilVal, within(fmt.Sprintf("[%d]", i), err)
		}
	}
	return full(values), nil
}

func toMap(elements map[string]attr.Value) (map[string]cty.Value, error) {
	values := make(map[string]cty.Value, len(elements))
	for name, element := range elements {
		v, err := ToCty(element)
		if err != nil {
			return nil, within(name, err)
		}
		values[name] = v
	}
	return values, nil
}

// FromCty converts a value of the language to a framework value of type t. Marks must have been removed; the value
// must have the type CtyType(t). Numbers must fit: the error names the number and what is expected, and is a
// *contract.PathError when it is about something inside the value.
func FromCty(v cty.Value, t attr.Type) (attr.Value, error) {
	if v.IsMarked() {
		return nil, fmt.Errorf("value is marked")
	}
	if !v.IsKnown() || v.IsNull() {
		return absent(t, !v.IsKnown())
	}
	if err := checkKind(v, t); err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case basetypes.StringType:
		return types.StringValue(v.AsString()), nil
	case basetypes.BoolType:
		return types.BoolValue(v.True()), nil
	case basetypes.Int64Type:
		n, accuracy := v.AsBigFloat().Int64()
		if accuracy != big.Exact {
			return nil, fmt.Errorf("found %s, expected a whole number", v.AsBigFloat().Text('f', -1))
		}
		return types.Int64Value(n), nil
	case basetypes.Int32Type:
		n, accuracy := v.AsBigFloat().Int64()
		if accuracy != big.Exact || int64(int32(n)) != n {
			return nil, fmt.Errorf("found %s, expected a whole number of 32 bits", v.AsBigFloat().Text('f', -1))
		}
		return types.Int32Value(int32(n)), nil
	case basetypes.Float64Type:
		f, _ := v.AsBigFloat().Float64()
		return types.Float64Value(f), nil
	case basetypes.Float32Type:
		f, _ := v.AsBigFloat().Float32()
		return types.Float32Value(f), nil
	case basetypes.NumberType:
		return types.NumberValue(v.AsBigFloat()), nil
	case basetypes.ListType:
		elements, err := fromElements(v, t.ElemType)
		if err != nil {
			return nil, err
		}
		return types.ListValueMust(t.ElemType, elements), nil
	case basetypes.SetType:
		elements, err := fromElements(v, t.ElemType)
		if err != nil {
			return nil, err
		}
		return types.SetValueMust(t.ElemType, elements), nil
	case basetypes.MapType:
		return fromMap(v, t)
	case basetypes.ObjectType:
		return fromObject(v, t)
	default:
		return nil, fmt.Errorf("values of type %s have no counterpart", t)
	}
}

// checkKind reports a value of another kind than wanted, which the accessors of cty would answer with a panic.
func checkKind(v cty.Value, t attr.Type) error {
	got, ok := v.Type(), false
	switch t.(type) {
	case basetypes.StringType:
		ok = got == cty.String
	case basetypes.BoolType:
		ok = got == cty.Bool
	case basetypes.ListType:
		ok = got.IsListType() || got.IsTupleType()
	case basetypes.SetType:
		ok = got.IsSetType()
	case basetypes.MapType:
		ok = got.IsMapType()
	case basetypes.ObjectType:
		ok = got.IsObjectType()
	default:
		ok = got == cty.Number
	}
	if !ok {
		return fmt.Errorf("found %s, expected %s", got.FriendlyName(), CtyType(t).FriendlyName())
	}
	return nil
}

func absent(t attr.Type, isUnknown bool) (attr.Value, error) {
	null, unknown, err := contract.Absent(t)
	if isUnknown {
		return unknown, err
	}
	return null, err
}

// within says where in a value an error is; the host finds the position by the path (see contract.PathOf).
func within(step string, err error) error {
	path, cause := contract.PathOf(err)
	if path != "" && path[0] != '[' {
		path = "." + path
	}
	return &contract.PathError{Path: step + path, Err: cause}
}

func fromElements(v cty.Value, t attr.Type) ([]attr.Value, error) {
	elements := make([]attr.Value, 0, v.LengthInt())
	for _, element := range v.Elements() {
		value, err := FromCty(element, t)
		if err != nil {
			return nil, within(fmt.Sprintf("[%d]", len(elements)), err)
		}
		elements = append(elements, value)
	}
	return elements, nil
}

func fromMap(v cty.Value, t basetypes.MapType) (attr.Value, error) {
	elements := make(map[string]attr.Value, v.LengthInt())
	for key, element := range v.Elements() {
		value, err := FromCty(element, t.ElemType)
		if err != nil {
			return nil, within(fmt.Sprintf("[%q]", key.AsString()), err)
		}
		elements[key.AsString()] = value
	}
	return types.MapValueMust(t.ElemType, elements), nil
}

func fromObject(v cty.Value, t basetypes.ObjectType) (attr.Value, error) {
	attributes := make(map[string]attr.Value, len(t.AttrTypes))
	for name, attribute := range t.AttrTypes {
		if !v.Type().HasAttribute(name) {
			return nil, contract.At(name, "missing in the value")
		}
		value, err := FromCty(v.GetAttr(name), attribute)
		if err != nil {
			return nil, within(name, err)
		}
		attributes[name] = value
	}
	return types.ObjectValueMust(t.AttrTypes, attributes), nil
}
