package contract_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// TestDeclaration: what is written of an object is short, holds no secret, and plans nothing.
func TestDeclaration(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), box{rules: contract.Rules{}})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	base := map[string]attr.Value{"id": types.StringValue("1"), "name": types.StringValue("web"), "image": types.StringValue("i")}
	for name, c := range map[string]struct{ observed, want map[string]attr.Value }{
		"computed and defaults are left out": {
			map[string]attr.Value{"restart": types.StringValue("no"), "size": types.StringValue("")}, nil,
		},
		"what was set is in it": {
			map[string]attr.Value{"restart": types.StringValue("always"), "ports": ports(t, n, port(80, 8080))},
			map[string]attr.Value{"restart": types.StringValue("always"), "ports": ports(t, n, port(80, 8080))},
		},
		"secrets are not": {map[string]attr.Value{"secret": types.StringValue("hidden")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := r.Declaration(t.Context(), registry{}, object(t, n, merge(base, c.observed)))
			if err != nil {
				t.Fatal(err)
			}
			want := object(t, n, merge(map[string]attr.Value{"name": base["name"], "image": base["image"]}, c.want))
			for name, v := range want.Attributes() {
				if name == "ports" { // their defaults are left out
					continue
				}
				if diff := cmp.Diff(v.String(), got.Attributes()[name].String()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if got := len(elements(got.Attributes()["ports"])); got != len(elements(want.Attributes()["ports"])) {
				t.Errorf("%d ports", got)
			}
		})
	}
}

func elements(v attr.Value) []attr.Value {
	list, _ := v.(interface{ Elements() []attr.Value })
	if list == nil {
		return nil
	}
	return list.Elements()
}
