package functions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func envMap() Function {
	return Function{
		Name:    "env_map",
		Summary: "Returns a map of a list of NAME=VALUE, as docker_container.env and an env file have it.",
		Description: "A value ends with its entry and may hold `=`. Of a name that comes twice the last value counts, as in a container. `NAME` alone, " +
			"which takes a variable of the image away, gives null; `NAME=` gives an empty text.",
		Parameters: []Parameter{{Name: "env", Description: "A list of `NAME=VALUE`.", Type: types.ListType{ElemType: types.StringType}}},
		Result:     types.MapType{ElemType: types.StringType},
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			list, _ := arguments[0].(types.List)
			values := map[string]attr.Value{}
			for i, element := range list.Elements() {
				if element.IsNull() {
					return nil, wrong(0, "found null at index %d, want NAME=VALUE", i)
				}
				name, value, given := strings.Cut(str(element), "=")
				if name == "" { // the value is not shown: it may be a secret
					return nil, wrong(0, "found no name before the = at index %d, want NAME=VALUE", i)
				}
				values[name] = types.StringNull()
				if given {
					values[name] = types.StringValue(value)
				}
			}
			m, diags := types.MapValue(types.StringType, values)
			if diags.HasError() {
				return nil, fmt.Errorf("%s: %s", diags[0].Summary(), diags[0].Detail())
			}
			return m, nil
		},
	}
}

func envList() Function {
	return Function{
		Name:        "env_list",
		Summary:     "Returns a list of NAME=VALUE, sorted by name, of a map: for docker_container.env.",
		Description: "The inverse of `env_map`. A null gives `NAME` alone, which takes a variable of the image away.",
		Parameters:  []Parameter{{Name: "env", Description: "Values by name.", Type: types.MapType{ElemType: types.StringType}}},
		Result:      types.ListType{ElemType: types.StringType},
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			m, _ := arguments[0].(types.Map)
			values := m.Elements()
			list := make([]attr.Value, 0, len(values))
			for _, name := range slices.Sorted(maps.Keys(values)) {
				if name == "" || strings.Contains(name, "=") {
					return nil, wrong(0, "found the name %q, want one that is not empty and has no =", name)
				}
				if values[name].IsNull() {
					list = append(list, types.StringValue(name))
				} else {
					list = append(list, types.StringValue(name+"="+str(values[name])))
				}
			}
			l, diags := types.ListValue(types.StringType, list)
			if diags.HasError() {
				return nil, fmt.Errorf("%s: %s", diags[0].Summary(), diags[0].Detail())
			}
			return l, nil
		},
	}
}
