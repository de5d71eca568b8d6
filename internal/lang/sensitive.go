package lang

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// marking returns a function of one value of any kind that sees marks.
func marking(ret func(cty.Value) cty.Type, impl func(cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType,
			AllowUnknown: true, AllowNull: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) { return ret(args[0]), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return impl(args[0]), nil },
	})
}

// sensitiveFunc marks a value.
var sensitiveFunc = marking(cty.Value.Type, func(v cty.Value) cty.Value { return v.Mark(Sensitive) })

// nonSensitiveFunc removes the mark of the value itself.
var nonSensitiveFunc = marking(cty.Value.Type, func(v cty.Value) cty.Value {
	unmarked, marks := v.Unmark()
	delete(marks, Sensitive)
	return unmarked.WithMarks(marks)
})

// isSensitiveFunc reports the mark. Of an unknown value without a mark nothing is known yet.
var isSensitiveFunc = marking(func(cty.Value) cty.Type { return cty.Bool }, func(v cty.Value) cty.Value {
	switch {
	case IsSensitive(v):
		return cty.True
	case !v.IsKnown():
		return cty.UnknownVal(cty.Bool)
	default:
		return cty.False
	}
})

// ephemeralAsNullFunc puts null in the place of what is ephemeral.
var ephemeralAsNullFunc = marking(cty.Value.Type, func(v cty.Value) cty.Value {
	if !ContainsEphemeral(v) {
		return v
	}
	kept, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		unmarked, marks := v.Unmark()
		if _, ok := marks[Ephemeral]; !ok {
			return v, nil
		}
		delete(marks, Ephemeral)
		return cty.NullVal(unmarked.Type()).WithMarks(marks), nil
	})
	if err != nil { // the callback has none
		return cty.NullVal(v.Type())
	}
	return kept
})
