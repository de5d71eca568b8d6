package lang

import (
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// timestampFunc is the time now. In a plan it is unknown (see [Scope.Pure]).
var timestampFunc = function.New(&function.Spec{
	Type: function.StaticReturnType(cty.String),
	Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
		return cty.StringVal(time.Now().UTC().Format(time.RFC3339)), nil
	},
})

func planTimestamp(at time.Time) function.Function {
	return function.New(&function.Spec{
		Type: function.StaticReturnType(cty.String),
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
			if at.IsZero() {
				return cty.UnknownVal(cty.String), nil
			}
			return cty.StringVal(at.UTC().Format(time.RFC3339)), nil
		},
	})
}

// timeCmpFunc orders two RFC 3339 times: -1, 0 or 1.
var timeCmpFunc = text(cty.Number, []string{"timestamp_a", "timestamp_b"}, func(args []string) (cty.Value, error) {
	var times [2]time.Time
	for i, arg := range args {
		var err error
		if times[i], err = time.Parse(time.RFC3339, arg); err != nil {
			return cty.NilVal, function.NewArgError(i, fmt.Errorf("not a valid RFC3339 timestamp: %w", err))
		}
	}
	return cty.NumberIntVal(int64(times[0].Compare(times[1]))), nil
})
