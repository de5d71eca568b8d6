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

// ephemeralAsNullFunc returns its argument: no value of this language is ephemeral, which is refused when declared.
var ephemeralAsNullFunc = marking(cty.Value.Type, func(v cty.Value) cty.Value { return v })
