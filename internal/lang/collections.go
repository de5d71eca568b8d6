package lang

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// allTrueFunc reports whether every element of a list of bools is true; of an empty list it is.
var allTrueFunc = allOrAny(true)

// anyTrueFunc reports whether some element of a list of bools is true; of an empty list none is.
var anyTrueFunc = allOrAny(false)

// allOrAny folds a list of bools with "and" (all) or "or". A known element may decide although others are unknown.
func allOrAny(all bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			result := cty.BoolVal(all)
			for _, v := range args[0].Elements() {
				switch {
				case v.IsNull():
					v = cty.False
				case !v.IsKnown():
					v = cty.UnknownVal(cty.Bool)
				}
				if all {
					result = result.And(v)
				} else {
					result = result.Or(v)
				}
			}
			if unmarked, _ := result.Unmark(); unmarked.IsKnown() {
				return result, nil
			}
			return cty.UnknownVal(cty.Bool), nil
		},
	})
}

// lengthFunc counts characters of a string or elements of anything else, objects and tuples too.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{
		Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true,
	}},
	Type: func(args []cty.Value) (cty.Type, error) {
		t := args[0].Type()
		switch {
		case t == cty.String || t.IsTupleType() || t.IsObjectType() || t.IsListType() || t.IsMapType() || t.IsSetType(),
			t == cty.DynamicPseudoType:
			return cty.Number, nil
		default:
			return cty.Number, function.NewArgErrorf(0, "argument must be a string, a collection type, or a structural type")
		}
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		// Marks inside a collection do not concern its length.
		v, marks := args[0].Unmark()
		t := v.Type()
		switch {
		case t == cty.DynamicPseudoType:
			return cty.UnknownVal(cty.Number).WithMarks(marks), nil
		case t.IsTupleType():
			return cty.NumberIntVal(int64(len(t.TupleElementTypes()))).WithMarks(marks), nil
		case t.IsObjectType():
			return cty.NumberIntVal(int64(len(t.AttributeTypes()))).WithMarks(marks), nil
		case t == cty.String:
			n, err := stdlib.Strlen(v)
			return n.WithMarks(marks), err
		default:
			return v.Length().WithMarks(marks), nil
		}
	},
})

// indexFunc finds the position of a value in a list.
var indexFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "list", Type: cty.DynamicPseudoType},
		{Name: "value", Type: cty.DynamicPseudoType},
	},
	Type: function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		list := args[0]
		if t := list.Type(); !t.IsListType() && !t.IsTupleType() {
			return cty.NilVal, function.NewArgErrorf(0, "argument must be a list or tuple")
		}
		if !list.IsKnown() {
			return cty.UnknownVal(cty.Number), nil
		}
		if list.LengthInt() == 0 {
			return cty.NilVal, errors.New("cannot search an empty list")
		}
		for i, v := range list.Elements() {
			equal, err := stdlib.Equal(v, args[1])
			if err != nil {
				return cty.NilVal, err
			}
			if !equal.IsKnown() {
				return cty.UnknownVal(cty.Number), nil
			}
			if equal.True() {
				return i, nil
			}
		}
		return cty.NilVal, errors.New("item not found")
	},
})

// lookupFunc is a map or object element by key, or the default.
var lookupFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "inputMap", Type: cty.DynamicPseudoType, AllowMarked: true},
		{Name: "key", Type: cty.String, AllowMarked: true},
	},
	VarParam: &function.Parameter{
		Name: "default", Type: cty.DynamicPseudoType,
		AllowUnknown: true, AllowDynamicType: true, AllowNull: true, AllowMarked: true,
	},
	Type: lookupType,
	Impl: lookup,
})

func lookupType(args []cty.Value) (cty.Type, error) {
	if len(args) > 3 {
		return cty.NilType, fmt.Errorf("lookup() takes two or three arguments, got %d", len(args))
	}
	t := args[0].Type()
	switch {
	case t.IsObjectType():
		if !args[1].IsKnown() {
			return cty.DynamicPseudoType, nil
		}
		key, _ := args[1].Unmark()
		if t.HasAttribute(key.AsString()) {
			return t.AttributeType(key.AsString()), nil
		}
		if len(args) == 3 {
			return args[2].Type(), nil
		}
		return cty.DynamicPseudoType, function.NewArgErrorf(0, "the given object has no attribute of that name")
	case t.IsMapType():
		if len(args) == 3 {
			if _, err := convert.Convert(args[2], t.ElementType()); err != nil {
				return cty.NilType, function.NewArgErrorf(2, "the default value must have the same type as the map elements")
			}
		}
		return t.ElementType(), nil
	default:
		return cty.NilType, function.NewArgErrorf(0, "lookup() requires a map as the first argument")
	}
}

func lookup(args []cty.Value, ret cty.Type) (cty.Value, error) {
	from, marks := args[0].Unmark()
	key, keyMarks := args[1].Unmark()
	all := []cty.ValueMarks{marks, keyMarks}
	if !from.IsKnown() || !key.IsKnown() {
		return cty.UnknownVal(ret).WithMarks(all...), nil
	}
	name := key.AsString()
	if from.Type().IsObjectType() {
		if from.Type().HasAttribute(name) {
			return from.GetAttr(name).WithMarks(all...), nil
		}
	} else if from.HasIndex(cty.StringVal(name)) == cty.True {
		return from.Index(cty.StringVal(name)).WithMarks(all...), nil
	}
	if len(args) == 3 {
		v, err := convert.Convert(args[2], ret)
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(2, "the default value: %s", err)
		}
		return v.WithMarks(all...), nil
	}
	return cty.UnknownVal(cty.DynamicPseudoType), errors.New("lookup failed to find the key, and there is no default")
}

// matchKeysFunc are the elements of one list whose counterpart in another is in a set.
var matchKeysFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "values", Type: cty.List(cty.DynamicPseudoType)},
		{Name: "keys", Type: cty.List(cty.DynamicPseudoType)},
		{Name: "searchset", Type: cty.List(cty.DynamicPseudoType)},
	},
	Type: func(args []cty.Value) (cty.Type, error) {
		if t, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()}); t == cty.NilType {
			return cty.NilType, errors.New("keys and searchset must be of the same type")
		}
		return args[0].Type(), nil
	},
	Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
		for _, arg := range args {
			if !arg.IsWhollyKnown() {
				return cty.UnknownVal(ret), nil
			}
		}
		if args[0].LengthInt() != args[1].LengthInt() {
			return cty.NilVal, errors.New("length of keys and values should be equal")
		}
		t, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()})
		keys, err := convert.Convert(args[1], t)
		if err != nil {
			return cty.NilVal, err
		}
		wanted, err := convert.Convert(args[2], t)
		if err != nil {
			return cty.NilVal, err
		}
		values, search := args[0].AsValueSlice(), wanted.AsValueSlice()
		var found []cty.Value
		for i, key := range keys.AsValueSlice() {
			if slices.ContainsFunc(search, func(v cty.Value) bool { return v.RawEquals(key) }) {
				found = append(found, values[i])
			}
		}
		if len(found) == 0 {
			return cty.ListValEmpty(ret.ElementType()), nil
		}
		return cty.ListVal(found), nil
	},
})
