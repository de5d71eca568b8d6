package contract_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// What a foreign state has of the image or the engine is told from what was declared by a read with the identity alone.
func TestInherited(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), box{rules: contract.Rules{
		"id": {Stable: true}, "image_id": {Stable: true}, "restart": {Effect: contract.InPlace}, "wait": {ConfigOnly: true}, "size": {Unreported: true},
		"memory": {ZeroIsSet: true}, "labels": {Unreported: true, Filled: true}, "ports": {FromImage: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	label := func(name, value attr.Value) attr.Value {
		b, _ := n.Block("labels")
		item, err := b.Node.Object(map[string]attr.Value{"label": name, "value": value})
		if err != nil {
			t.Fatal(err)
		}
		return types.SetValueMust(b.Node.Type(), []attr.Value{item})
	}
	block, _ := n.Block("ports")
	empty, err := block.Node.Object(block.Node.Empty())
	if err != nil {
		t.Fatal(err)
	}
	nothing := types.ListValueMust(block.Node.Type(), []attr.Value{empty})
	state := map[string]attr.Value{
		"id": types.StringValue("1"), "name": types.StringValue("a"), "image": types.StringValue("i"), "size": types.StringValue("XL"), "wait": types.BoolValue(true),
		"command": types.ListValueMust(types.StringType, strs("serve")), "memory": types.Int64Value(0), "secret": types.StringValue(""),
		"ports":  ports(t, n, port(80, 8080)),
		"labels": label(types.StringValue("a"), types.StringValue("1")),
	}
	read := object(t, n, state)

	identity, err := contract.Identity(r, read)
	if err != nil {
		t.Fatal(err)
	}
	want := object(t, n, map[string]attr.Value{
		"id": state["id"], "name": state["name"], "image": state["image"], "size": state["size"], "wait": state["wait"],
		"ports": nothing,
	})
	if !identity.Equal(want) {
		t.Errorf("identity is %s, want %s", identity, want)
	}

	for _, c := range []struct {
		name  string
		plain map[string]attr.Value
		want  []string
		ports int
	}{
		{"all of the image", map[string]attr.Value{"ports": nothing}, []string{"command", "memory", "size", "wait", "labels"}, 0},
		{"all declared", state, []string{"memory"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			taken, names, err := contract.Inherited(r, read, object(t, n, c.plain))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names); diff != "" {
				t.Errorf("inherited (-want +got):\n%s", diff)
			}
			if got := len(taken.Attributes()["ports"].(types.List).Elements()); got != c.ports {
				t.Errorf("%d ports, want %d", got, c.ports)
			}
			if got := taken.Attributes()["restart"]; !got.Equal(types.StringValue("no")) {
				t.Errorf("restart is %s: the default of what is not recorded was in force", got)
			}
		})
	}
}

// What is inherited stays while nothing is declared, and not a moment longer.
func TestPlanInherited(t *testing.T) {
	t.Parallel()
	r := host(t)
	n := r.Node()
	observed := object(t, n, map[string]attr.Value{
		"id": types.StringValue("1"), "name": types.StringValue("a"), "image": types.StringValue("i"), "restart": types.StringValue("no"),
		"command": types.ListValueMust(types.StringType, strs("serve")), "ports": ports(t, n, port(80, 8080)),
	})
	for _, c := range []struct {
		name      string
		inherited []string
		command   attr.Value
		want      []string
	}{
		{"not declared", []string{"command", "ports"}, types.ListNull(types.StringType), nil},
		{"declared", []string{"command", "ports"}, types.ListValueMust(types.StringType, strs("other")), []string{"command"}},
		{"not inherited", nil, types.ListNull(types.StringType), []string{"command", "ports"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := object(t, n, map[string]attr.Value{"name": types.StringValue("a"), "image": types.StringValue("i"), "command": c.command})
			plan, err := r.Plan(t.Context(), nil, contract.Request{Config: config, Observed: observed, Inherited: c.inherited})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range plan.Changes {
				got = append(got, change.Path)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if len(c.want) == 0 && !plan.Planned.Equal(observed) {
				t.Errorf("planned %s, want what is there: %s", plan.Planned, observed)
			}
		})
	}
}
