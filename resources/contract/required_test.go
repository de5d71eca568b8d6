package contract_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

func TestPlanRefusesWhatTheEngineCannotExpress(t *testing.T) {
	t.Parallel()
	rules := contract.Rules{
		"restart": {Requires: "1.30"},
		"size":    {Requires: "1.30"},
		"secret": {RequiresFor: func(v attr.Value) string {
			if v.Equal(types.StringValue("new")) {
				return "1.30"
			}
			return ""
		}},
		"ports.external": {Requires: "1.30"},
		"ports.protocol": {Requires: "1.30", Same: func(o, d attr.Value) bool { return strings.EqualFold(o.String(), d.String()) }},
		"labels.value":   {Requires: "1.30"},
	}
	r, err := contract.Host(t.Context(), box{rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	upper, plain, udp := port(80, 0), port(80, 0), port(80, 0)
	upper["protocol"], udp["protocol"] = types.StringValue("TCP"), types.StringValue("udp")
	plain["external"] = types.Int64Unknown()
	labelled, ok := n.Block("labels")
	if !ok {
		t.Fatal("no block labels")
	}
	label := func(value string) attr.Value {
		return types.SetValueMust(labelled.Node.Type(), []attr.Value{types.ObjectValueMust(labelled.Node.Type().AttrTypes, map[string]attr.Value{
			"label": types.StringValue("a"), "value": types.StringValue(value),
		})})
	}
	for name, c := range map[string]struct {
		declared map[string]attr.Value
		version  string
		at       string // "" is expressible
	}{
		"attribute":                   {map[string]attr.Value{"size": types.StringValue("1m")}, "1.24", "size"},
		"nothing in it":               {map[string]attr.Value{"size": types.StringValue("")}, "1.24", ""},
		"value of an old kind":        {map[string]attr.Value{"secret": types.StringValue("old")}, "1.24", ""},
		"value of a new kind":         {map[string]attr.Value{"secret": types.StringValue("new")}, "1.24", "secret"},
		"value, new enough":           {map[string]attr.Value{"secret": types.StringValue("new")}, "1.30", ""},
		"new enough":                  {map[string]attr.Value{"size": types.StringValue("1m")}, "1.30", ""},
		"version not known":           {map[string]attr.Value{"size": types.StringValue("1m")}, "", ""},
		"not known yet":               {map[string]attr.Value{"size": types.StringUnknown()}, "1.24", ""},
		"default":                     {map[string]attr.Value{"restart": types.StringValue("no")}, "1.24", ""},
		"beside the default":          {map[string]attr.Value{"restart": types.StringValue("always")}, "1.24", "restart"},
		"in a block":                  {map[string]attr.Value{"ports": ports(t, n, plain, port(81, 8081))}, "1.24", "ports[1].external"},
		"in a block, default":         {map[string]attr.Value{"ports": ports(t, n, plain)}, "1.24", ""},
		"in a block, means default":   {map[string]attr.Value{"ports": ports(t, n, upper)}, "1.24", ""},
		"in a block, beside default":  {map[string]attr.Value{"ports": ports(t, n, udp)}, "1.24", "ports[0].protocol"},
		"in an unknown block":         {map[string]attr.Value{"ports": unknownBlock(t, n, "ports")}, "1.24", ""},
		"in a set":                    {map[string]attr.Value{"labels": label("x")}, "1.24", "labels[0].value"},
		"in a set, nothing":           {map[string]attr.Value{"labels": label("")}, "1.24", ""},
		"first in the order of paths": {map[string]attr.Value{"size": types.StringValue("1m"), "ports": ports(t, n, udp)}, "1.24", "ports[0].protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := merge(map[string]attr.Value{"name": types.StringValue("web"), "image": types.StringValue("i")}, c.declared)
			_, err := r.Plan(t.Context(), registry{}, contract.Request{Config: object(t, n, config), Observed: n.Null(), APIVersion: c.version})
			at, _ := contract.PathOf(err)
			if at != c.at || (err != nil) != (c.at != "") {
				t.Fatalf("got %v, want an error at %q", err, c.at)
			}
			if err != nil && !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("class of %v", err)
			}
		})
	}
}

// The rule of the id holds for an object that declares nothing at all.
func TestPlanRefusesWhatTheEngineHasNot(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), box{rules: contract.Rules{"id": {Stable: true, Requires: "1.21"}, "size": {Requires: "1.30"}}})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	config := object(t, n, map[string]attr.Value{"name": types.StringValue("web"), "image": types.StringValue("i"), "size": types.StringValue("1m")})
	for version, want := range map[string]string{
		"1.18": "needs engine API 1.21 or newer, this engine speaks 1.18; remove it or upgrade the engine",
		"1.21": "size: needs engine API 1.30 or newer, this engine speaks 1.21; remove it or upgrade the engine",
		"1.30": "",
	} {
		_, err := r.Plan(t.Context(), registry{}, contract.Request{Config: config, Observed: n.Null(), APIVersion: version})
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("at %s: %v, want %q", version, err, want)
		}
	}
}

func unknownBlock(t *testing.T, n *contract.Node, name string) attr.Value {
	t.Helper()
	b, ok := n.Block(name)
	if !ok {
		t.Fatalf("no block %s", name)
	}
	return b.Unknown
}
