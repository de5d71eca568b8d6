package config_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/resources/contract"
)

func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	object := types.ObjectType{AttrTypes: map[string]attr.Type{"n": types.Int64Type, "l": types.ListType{ElemType: types.StringType}}}
	text := types.StringValue
	values := []attr.Value{
		text(""), text("x"), types.StringNull(), types.StringUnknown(),
		types.BoolValue(true), types.BoolNull(), types.BoolUnknown(),
		types.Int64Value(math.MaxInt64), types.Int64Value(math.MinInt64), types.Int64Null(), types.Int64Unknown(),
		types.Int32Value(-5), types.Float64Value(0.1), types.Float64Value(1e300), types.Float64Null(), types.Float32Value(0.5),
		types.NumberValue(big.NewFloat(1.5)), types.NumberNull(),
		types.ListNull(types.StringType), types.ListUnknown(types.StringType), types.ListValueMust(types.StringType, nil),
		types.ListValueMust(types.StringType, []attr.Value{text("b"), text("a"), types.StringNull(), types.StringUnknown()}),
		types.SetNull(types.StringType), types.SetUnknown(types.StringType), types.SetValueMust(types.StringType, nil),
		types.SetValueMust(types.StringType, []attr.Value{text("a"), text("b")}),
		types.MapNull(types.StringType), types.MapUnknown(types.StringType), types.MapValueMust(types.StringType, nil),
		types.MapValueMust(types.StringType, map[string]attr.Value{"a": text("b"), "c": types.StringNull()}),
		types.ObjectNull(object.AttrTypes), types.ObjectUnknown(object.AttrTypes),
		types.SetValueMust(object, []attr.Value{types.ObjectValueMust(object.AttrTypes, map[string]attr.Value{
			"n": types.Int64Value(1), "l": types.ListValueMust(types.StringType, nil),
		})}),
	}
	for _, v := range values {
		c, err := config.ToCty(v)
		if err != nil {
			t.Errorf("%s: %v", v, err)
			continue
		}
		typ := v.Type(t.Context())
		if want := config.CtyType(typ); !c.Type().Equals(want) {
			t.Errorf("%s: type %#v, want %#v", v, c.Type(), want)
		}
		back, err := config.FromCty(c, typ)
		if err != nil {
			t.Errorf("%s: %v", v, err)
			continue
		}
		if !back.Equal(v) {
			t.Errorf("%s came back as %s", v, back)
		}
	}
}

func TestFromCtySaysWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	ports := types.ListType{ElemType: types.ObjectType{AttrTypes: map[string]attr.Type{"external": types.Int64Type}}}
	port := func(v cty.Value) cty.Value {
		return cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"external": v})})
	}
	tests := []struct {
		value cty.Value
		typ   attr.Type
		path  string
		text  string
	}{
		{cty.NumberFloatVal(1.5), types.Int64Type, "", "found 1.5, expected a whole number"},
		{cty.MustParseNumberVal("99999999999999999999"), types.Int64Type, "", "found 99999999999999999999, expected a whole number"},
		{cty.NumberIntVal(1 << 40), types.Int32Type, "", "found 1099511627776, expected a whole number of 32 bits"},
		{port(cty.NumberFloatVal(0.5)), ports, "[0].external", "found 0.5, expected a whole number"},
		{cty.MapVal(map[string]cty.Value{"a b": cty.NumberFloatVal(.5)}), types.MapType{ElemType: types.Int64Type}, `["a b"]`, "found 0.5, expected a whole number"},
		{cty.StringVal("x"), types.Int64Type, "", "found string, expected number"},
		{cty.EmptyObjectVal, types.ObjectType{AttrTypes: map[string]attr.Type{"a": types.StringType}}, "a", "missing in the value"},
		{cty.StringVal("x").Mark(1), types.StringType, "", "value is marked"},
	}
	for _, test := range tests {
		_, err := config.FromCty(test.value, test.typ)
		if err == nil {
			t.Errorf("%#v: no error", test.value)
			continue
		}
		path, cause := contract.PathOf(err)
		if path != test.path || cause.Error() != test.text {
			t.Errorf("%#v: %q %q, want %q %q", test.value, path, cause, test.path, test.text)
		}
	}
}

func TestObjectTypeOfSchema(t *testing.T) {
	t.Parallel()
	node := newSchemas(t).resources["docker_container"]
	typ := config.ObjectType(node)
	if got := typ.AttributeType("ports"); !got.IsListType() || !got.ElementType().AttributeType("internal").Equals(cty.Number) {
		t.Errorf("ports: %#v", got)
	}
	if got := typ.AttributeType("labels"); !got.IsSetType() {
		t.Errorf("labels: %#v", got)
	}
	if got := typ.AttributeType("healthcheck"); !got.IsObjectType() || !got.AttributeType("retry").IsListType() {
		t.Errorf("healthcheck: %#v", got)
	}
	for _, v := range []attr.Value{node.Null(), types.ObjectUnknown(node.Type().AttrTypes)} {
		c, err := config.ToCty(v)
		if err != nil || !c.Type().Equals(typ) {
			t.Errorf("%s: %#v %v", v, c, err)
		}
	}
}

// generate makes a value and its type from bytes: every kind, null, unknown, empty and nested.
type generator struct{ data []byte }

func (g *generator) next() byte {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return b
}

func (g *generator) typ(depth int) attr.Type {
	kind := g.next() % 9
	if depth > 3 {
		kind %= 5
	}
	switch kind {
	case 0:
		return types.StringType
	case 1:
		return types.BoolType
	case 2:
		return types.Int64Type
	case 3:
		return types.Float64Type
	case 4:
		return types.NumberType
	case 5:
		return types.ListType{ElemType: g.typ(depth + 1)}
	case 6:
		return types.SetType{ElemType: g.typ(depth + 1)}
	case 7:
		return types.MapType{ElemType: g.typ(depth + 1)}
	default:
		attributes := map[string]attr.Type{}
		for i := range g.next() % 4 {
			attributes[fmt.Sprintf("a%d", i)] = g.typ(depth + 1)
		}
		return types.ObjectType{AttrTypes: attributes}
	}
}

// value makes a value of the language that conforms to a type.
func (g *generator) value(t attr.Type) cty.Value {
	switch g.next() % 6 {
	case 0:
		return cty.NullVal(config.CtyType(t))
	case 1:
		return cty.UnknownVal(config.CtyType(t))
	}
	number := func() int64 {
		var b [8]byte
		for i := range b {
			b[i] = g.next()
		}
		return int64(binary.LittleEndian.Uint64(b[:])) //nolint:gosec // any bits will do
	}
	elements := func(element attr.Type) (all []cty.Value) {
		for range g.next() % 3 {
			all = append(all, g.value(element))
		}
		return all
	}
	switch t := t.(type) {
	case types.ListType:
		if all := elements(t.ElemType); len(all) > 0 {
			return cty.ListVal(all)
		}
		return cty.ListValEmpty(config.CtyType(t.ElemType))
	case types.SetType:
		if all := elements(t.ElemType); len(all) > 0 {
			return cty.SetVal(all)
		}
		return cty.SetValEmpty(config.CtyType(t.ElemType))
	case types.MapType:
		all := map[string]cty.Value{}
		for i, v := range elements(t.ElemType) {
			all[fmt.Sprint(i)] = v
		}
		if len(all) == 0 {
			return cty.MapValEmpty(config.CtyType(t.ElemType))
		}
		return cty.MapVal(all)
	case types.ObjectType:
		all := map[string]cty.Value{}
		for name, attribute := range t.AttrTypes {
			all[name] = g.value(attribute)
		}
		return cty.ObjectVal(all)
	}
	switch {
	case t.Equal(types.StringType):
		return cty.StringVal(string([]byte{g.next() % 128, g.next() % 128}))
	case t.Equal(types.BoolType):
		return cty.BoolVal(g.next()%2 == 0)
	case t.Equal(types.Float64Type):
		return cty.NumberFloatVal(float64(int32(number())) / 8) //nolint:gosec // any bits will do
	default:
		return cty.NumberIntVal(number())
	}
}

func FuzzValues(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{8, 3, 0, 5, 0, 6, 2, 2, 2, 2, 2, 2, 2, 2, 2})
	f.Add([]byte{5, 8, 2, 6, 0, 7, 2, 3, 2, 3, 2, 0, 2, 1, 3, 1, 9, 9, 9, 9})
	f.Add([]byte{6, 8, 1, 0, 4, 2, 5, 1, 5, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &generator{data}
		typ := g.typ(0)
		v := g.value(typ)
		framework, err := config.FromCty(v, typ)
		if err != nil {
			t.Fatalf("%#v as %s: %v", v, typ, err)
		}
		back, err := config.ToCty(framework)
		if err != nil {
			t.Fatalf("%s: %v", framework, err)
		}
		if !back.RawEquals(v) {
			t.Fatalf("%#v came back as %#v", v, back)
		}
		if _, err := config.FromCty(v, types.StringType); err == nil && v.IsKnown() && !v.IsNull() && v.Type() != cty.String {
			t.Fatalf("%#v taken for a string", v)
		}
		var at *contract.PathError
		if _, err := config.FromCty(v, types.ListType{ElemType: types.Int32Type}); err != nil && errors.As(err, &at) && at.Path == "" {
			t.Fatalf("error with an empty path: %v", err)
		}
	})
}
