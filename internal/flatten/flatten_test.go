package flatten

import (
	"net/netip"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestNullAndEmpty(t *testing.T) {
	t.Parallel()
	empty := types.ListValueMust(types.StringType, []attr.Value{})
	tests := map[string]struct{ got, want attr.Value }{
		"no text":        {Text(""), types.StringNull()},
		"text":           {Text("x"), types.StringValue("x")},
		"no time":        {Time(""), types.StringNull()},
		"the zero time":  {Time("0001-01-01T00:00:00Z"), types.StringNull()},
		"a time":         {Time("2026-11-22T04:05:19.782407152Z"), types.StringValue("2026-11-22T04:05:19.782407152Z")},
		"no RFC 3339":    {Time("yesterday"), types.StringValue("yesterday")},
		"no address":     {Address(netip.Addr{}), types.StringNull()},
		"address":        {Address(netip.MustParseAddr("fd00:0::1")), types.StringValue("fd00::1")},
		"no prefix":      {Prefix(netip.Prefix{}), types.StringNull()},
		"with host bits": {Prefix(netip.MustParsePrefix("10.0.0.7/8")), types.StringValue("10.0.0.7/8")},
		"nil list":       {Texts[string](nil), empty},
		"nil keys":       {Keys[int](nil), empty},
		"keys in order":  {Keys(map[string]int{"b": 1, "a": 2}), Texts([]string{"a", "b"})},
		"nil map":        {TextMap(nil), types.MapValueMust(types.StringType, map[string]attr.Value{})},
		"no objects":     {Object{"a": types.StringType}.List(nil), types.ListValueMust(types.ObjectType{AttrTypes: map[string]attr.Type{"a": types.StringType}}, []attr.Value{})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !test.got.Equal(test.want) {
				t.Errorf("got %s, want %s", test.got, test.want)
			}
		})
	}
}
