package contract

import (
	"context"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// nest has a block in a block, with an attribute the engine chooses where nothing is declared.
type nest struct{}

type nestModel struct {
	ID    types.String      `tfsdk:"id"`
	Color types.String      `tfsdk:"color"`
	Outer Blocks[nestOuter] `tfsdk:"outer"`
}

type nestOuter struct {
	Inner Blocks[nestInner] `tfsdk:"inner"`
}

type nestInner struct {
	Target types.Int64 `tfsdk:"target"`
	Port   types.Int64 `tfsdk:"port"`
	Names  types.Map   `tfsdk:"names"`
	Init   types.Bool  `tfsdk:"init"`
	Quiet  types.Bool  `tfsdk:"quiet"`
}

func (nest) Name() string { return "nest" }

func (nest) Schema(context.Context) schema.Schema {
	return schema.Schema{
		Attributes: map[string]schema.Attribute{"id": schema.StringAttribute{Computed: true}, "color": schema.StringAttribute{Optional: true}},
		Blocks: map[string]schema.Block{"outer": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Blocks: map[string]schema.Block{
			"inner": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"target": schema.Int64Attribute{Required: true}, "port": schema.Int64Attribute{Optional: true, Computed: true},
				"names": schema.MapAttribute{Optional: true, ElementType: types.StringType},
				"init":  schema.BoolAttribute{Optional: true}, "quiet": schema.BoolAttribute{Optional: true},
			}}},
		}}}},
	}
}

func (nest) Rules() Rules {
	return Rules{
		"id": {Stable: true}, "color": {Effect: InPlace}, "outer": {Effect: InPlace},
		"outer.inner.target": {Same: func(o, d attr.Value) bool { return o.Equal(types.Int64Value(1)) && d.Equal(types.Int64Value(-1)) }},
		"outer.inner.port":   {MovedBy: []string{"outer"}},
		"outer.inner.init":   {ZeroIsSet: true},
	}
}

func (nest) Read(_ context.Context, _ any, m nestModel) (nestModel, error)   { return m, nil }
func (nest) Create(_ context.Context, _ any, m nestModel) (nestModel, error) { return m, nil }
func (nest) Delete(context.Context, any, nestModel) error                    { return nil }
func (nest) Import(context.Context, any, string) (nestModel, error)          { return nestModel{}, nil }
func (nest) Update(_ context.Context, _ any, _, m nestModel, _ Changes) (nestModel, error) {
	return m, nil
}

// TestNestedComputed: what is computed in a block of a block is unknown when it is made, kept while nothing moves it,
// and open when something does.
func TestNestedComputed(t *testing.T) {
	t.Parallel()
	r, err := Host(t.Context(), nest{})
	if err != nil {
		t.Fatal(err)
	}
	object := func(id, color types.String, target int64, port types.Int64) types.Object {
		t.Helper()
		o, err := r.Node().Object(map[string]attr.Value{"id": id, "color": color, "outer": nested(r.Node(), map[string]attr.Value{
			"target": types.Int64Value(target), "port": port,
		})})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	none, x, red := types.StringNull(), types.StringValue("x"), types.StringValue("red")
	open, port := types.Int64Unknown(), types.Int64Value(30000)
	for name, c := range map[string]struct {
		observed, config, want types.Object
		changes                int
	}{
		"create":     {r.Node().Null(), object(none, none, 1, types.Int64Null()), object(types.StringUnknown(), none, 1, open), 0},
		"no change":  {object(x, none, 1, port), object(none, none, 1, types.Int64Null()), object(x, none, 1, port), 0},
		"same":       {object(x, none, 1, port), object(none, none, -1, types.Int64Null()), object(x, none, 1, port), 0},
		"not it":     {object(x, none, 1, port), object(none, red, 1, types.Int64Null()), object(x, red, 1, port), 1},
		"moved":      {object(x, none, 1, port), object(none, none, 2, types.Int64Null()), object(x, none, 2, open), 1},
		"configured": {object(x, none, 1, port), object(none, none, 2, types.Int64Value(80)), object(x, none, 2, types.Int64Value(80)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := r.Plan(t.Context(), nil, Request{Config: c.config, Observed: c.observed})
			if err != nil {
				t.Fatal(err)
			}
			if !plan.Planned.Equal(c.want) || len(plan.Changes) != c.changes {
				t.Errorf("planned %v with %d changes, want %v with %d", plan.Planned, len(plan.Changes), c.want, c.changes)
			}
			if c.observed.IsNull() {
				return
			}
			if again := r.Diff(c.observed, plan.Planned, ""); len(again) != c.changes {
				t.Errorf("the planned object differs from the observed one in %v, want %d changes", again, c.changes)
			}
		})
	}
}

// nested is an outer block with one inner one.
func nested(n *Node, values map[string]attr.Value) attr.Value {
	outer := n.blocks["outer"]
	inner := outer.Node.blocks["inner"]
	all := inner.Node.Empty()
	maps.Copy(all, values)
	in := types.ListValueMust(inner.Node.object, []attr.Value{types.ObjectValueMust(inner.Node.object.AttrTypes, all)})
	return types.ListValueMust(outer.Node.object, []attr.Value{types.ObjectValueMust(outer.Node.object.AttrTypes, map[string]attr.Value{"inner": in})})
}

// TestNestedZeros: in blocks of blocks, too, a zero is the same as nothing unless its rule says otherwise: for the record
// of what was applied, and for the shortest declaration of an object.
func TestNestedZeros(t *testing.T) {
	t.Parallel()
	r, err := Host(t.Context(), nest{})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	whole := func(values map[string]attr.Value) types.Object {
		t.Helper()
		block := nested(n, merged(map[string]attr.Value{"target": types.Int64Value(1)}, values))
		o, err := n.Object(merged(n.Empty(), map[string]attr.Value{"id": types.StringValue("x"), "outer": block}))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	empty := types.MapValueMust(types.StringType, map[string]attr.Value{})
	some := types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringValue("")})
	for name, c := range map[string]struct {
		values map[string]attr.Value
		same   bool // as nothing
	}{
		"empty map":        {map[string]attr.Value{"names": empty}, true},
		"false":            {map[string]attr.Value{"quiet": types.BoolValue(false)}, true},
		"both":             {map[string]attr.Value{"names": empty, "quiet": types.BoolValue(false)}, true},
		"map":              {map[string]attr.Value{"names": some}, false},
		"true":             {map[string]attr.Value{"quiet": types.BoolValue(true)}, false},
		"zero that is set": {map[string]attr.Value{"init": types.BoolValue(false)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nothing, with := whole(nil), whole(c.values)
			for _, pair := range [][2]types.Object{{nothing, with}, {with, nothing}} {
				applied := AppliedOf(n, pair[0], nil)
				if got := applied.Matches(n, "outer", pair[1].Attributes()["outer"]); got != c.same {
					t.Errorf("a record of %v matches %v: %v, want %v", pair[0], pair[1], got, c.same)
				}
				if !applied.Matches(n, "outer", pair[0].Attributes()["outer"]) {
					t.Errorf("a record of %v does not match it", pair[0])
				}
			}
			old := Applied{"outer": fingerprint(with.Attributes()["outer"])}
			if !old.Matches(n, "outer", with.Attributes()["outer"]) {
				t.Errorf("a record of %v, as they were written before, does not match it", with)
			}
			declared, err := r.Declaration(t.Context(), nil, with)
			if err != nil {
				t.Fatal(err)
			}
			if got := declared.Attributes()["outer"].Equal(nothing.Attributes()["outer"]); got != c.same {
				t.Errorf("%v is declared as %v", with, declared)
			}
		})
	}
}

func merged(base, over map[string]attr.Value) map[string]attr.Value {
	all := maps.Clone(base)
	maps.Copy(all, over)
	return all
}
