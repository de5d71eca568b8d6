package lang

import (
	"errors"
	"fmt"
	"sort"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// oneFunc is the only element of a collection, or null of an empty one.
var oneFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		t := args[0].Type()
		switch {
		case t.IsListType() || t.IsSetType():
			return t.ElementType(), nil
		case t.IsTupleType():
			switch elements := t.TupleElementTypes(); len(elements) {
			case 0:
				return cty.DynamicPseudoType, nil
			case 1:
				return elements[0], nil
			}
		}
		return cty.NilType, function.NewArgErrorf(0, "must be a list, set, or tuple value with either zero or one elements")
	},
	Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
		v := args[0]
		n := v.Length()
		if v.Type().IsTupleType() {
			n = cty.NumberIntVal(int64(v.Type().Length()))
		}
		if !n.IsKnown() {
			return cty.UnknownVal(ret), nil
		}
		switch length, _ := n.AsBigFloat().Int64(); length {
		case 0:
			return cty.NullVal(ret), nil
		case 1:
			for _, element := range v.Elements() {
				return element, nil
			}
		}
		return cty.NilVal, function.NewArgErrorf(0, "must be a list, set, or tuple value with either zero or one elements")
	},
})

// sumFunc adds the numbers of a collection.
var sumFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v := args[0]
		if !v.CanIterateElements() || v.Type().IsMapType() || v.Type().IsObjectType() {
			return cty.NilVal, function.NewArgErrorf(0, "argument must be list, set, or tuple, not %s", v.Type().FriendlyName())
		}
		if v.LengthInt() == 0 {
			return cty.NilVal, function.NewArgErrorf(0, "cannot sum an empty list")
		}
		result := cty.Zero
		for _, element := range v.Elements() {
			if element.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "argument must be list, set, or tuple of number values")
			}
			n, err := convert.Convert(element, cty.Number)
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "argument must be list, set, or tuple of number values")
			}
			if result, err = stdlib.Add(result, n); err != nil {
				return cty.NilVal, err
			}
		}
		return result, nil
	},
})

// transposeFunc swaps keys and values of a map of lists of strings.
var transposeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "values", Type: cty.Map(cty.List(cty.String))}},
	Type:   function.StaticReturnType(cty.Map(cty.List(cty.String))),
	Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(ret), nil
		}
		swapped := map[string][]string{}
		for key, list := range args[0].Elements() {
			if list.IsNull() {
				return cty.NilVal, errors.New("a list is null, want a list of strings")
			}
			for _, v := range list.Elements() {
				if v.IsNull() {
					return cty.NilVal, errors.New("an element is null, want a string")
				}
				swapped[v.AsString()] = append(swapped[v.AsString()], key.AsString())
			}
		}
		if len(swapped) == 0 {
			return cty.MapValEmpty(cty.List(cty.String)), nil
		}
		result := make(map[string]cty.Value, len(swapped))
		for key, list := range swapped {
			sort.Strings(list)
			values := make([]cty.Value, len(list))
			for i, s := range list {
				values[i] = cty.StringVal(s)
			}
			result[key] = cty.ListVal(values)
		}
		return cty.MapVal(result), nil
	},
})

// toFunc is an explicit conversion. A value that is null or unknown keeps its marks; a sensitive one is not shown in
// the error.
func toFunc(want cty.Type) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "v", Type: cty.DynamicPseudoType,
			AllowNull: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) {
			got := args[0].Type()
			if got.Equals(want) {
				return want, nil
			}
			result, err := convert.Convert(cty.UnknownVal(got), want)
			if err == nil {
				return result.Type(), nil
			}
			conversion := convert.GetConversionUnsafe(got, want)
			switch {
			case got.IsTupleType() && want.Equals(cty.List(cty.DynamicPseudoType)):
				return cty.NilType, function.NewArgErrorf(0, "cannot convert tuple to list: all elements must be of the same type")
			case got.IsObjectType() && want.Equals(cty.Map(cty.DynamicPseudoType)):
				return cty.NilType, function.NewArgErrorf(0, "cannot convert object to map: all attributes must be of the same type")
			case conversion == nil:
				return cty.NilType, function.NewArgErrorf(0, "cannot convert %s to %s", got.FriendlyName(), want.FriendlyNameForConstraint())
			default:
				return want, nil
			}
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			result, err := convert.Convert(args[0], ret)
			if err == nil {
				return result, nil
			}
			v, _ := args[0].UnmarkDeep()
			if v.Type() == cty.String && !ContainsSensitive(args[0]) && v.IsKnown() && !v.IsNull() && ret == cty.Number {
				return cty.NilVal, function.NewArgErrorf(0, "cannot convert %q to number; given string must be a decimal representation of a number", v.AsString())
			}
			if v.Type() == cty.String && ret == cty.Bool && !ContainsSensitive(args[0]) {
				return cty.NilVal, function.NewArgErrorf(0, "cannot convert %q to bool; only the strings \"true\" or \"false\" are allowed", v.AsString())
			}
			return cty.NilVal, function.NewArgError(0, fmt.Errorf("cannot convert %s to %s: %w", v.Type().FriendlyName(), ret.FriendlyNameForConstraint(), err))
		},
	})
}
