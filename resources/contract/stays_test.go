package contract_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// shelf has blocks of which another provider records more than is declared.
type shelf struct{}

type shelfModel struct {
	ID    types.String                 `tfsdk:"id"`
	Mode  contract.Blocks[shelfMode]   `tfsdk:"mode"`
	Spec  contract.Blocks[shelfSpec]   `tfsdk:"spec"`
	Check contract.Blocks[shelfPolicy] `tfsdk:"check"`
}

type shelfMode struct {
	Count types.Int64 `tfsdk:"count"`
}

type shelfSpec struct {
	Image  types.String                 `tfsdk:"image"`
	Grace  types.String                 `tfsdk:"grace"`
	Health contract.Blocks[shelfPolicy] `tfsdk:"health"`
	Policy contract.Blocks[shelfRule]   `tfsdk:"policy"`
}

type shelfPolicy struct {
	Every types.String `tfsdk:"every"`
}

type shelfRule struct {
	Delay types.String `tfsdk:"delay"`
	Tries types.Int64  `tfsdk:"tries"`
	Kind  types.String `tfsdk:"kind"`
}

func (shelf) Name() string { return "shelf" }

func (shelf) Schema(context.Context) schema.Schema {
	block := func(attributes map[string]schema.Attribute, blocks map[string]schema.Block) schema.Block {
		return schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: attributes, Blocks: blocks}}
	}
	text, number := schema.StringAttribute{Optional: true}, schema.Int64Attribute{Optional: true}
	every := schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("0s")}
	return schema.Schema{
		Attributes: map[string]schema.Attribute{"id": schema.StringAttribute{Computed: true}},
		Blocks: map[string]schema.Block{
			"mode":  block(map[string]schema.Attribute{"count": number}, nil),
			"check": block(map[string]schema.Attribute{"every": every}, nil),
			"spec": block(map[string]schema.Attribute{"image": schema.StringAttribute{Required: true}, "grace": text}, map[string]schema.Block{
				"health": block(map[string]schema.Attribute{"every": every}, nil),
				"policy": block(map[string]schema.Attribute{"delay": text, "tries": number, "kind": schema.StringAttribute{Required: true}}, nil),
			}),
		},
	}
}

func (shelf) Rules() contract.Rules {
	return contract.Rules{
		"id": {Stable: true}, "mode": {Effect: contract.InPlace, Filled: true, Stays: true}, "spec": {Effect: contract.InPlace},
		"check": {Hollow: true}, "spec.health": {Hollow: true}, "spec.grace": {ZeroIsSet: true, Stays: true},
		"spec.policy": {Filled: true, Stays: true}, "spec.policy.delay": {ZeroIsSet: true, Stays: true},
	}
}

func (shelf) Read(_ context.Context, _ any, m shelfModel) (shelfModel, error)   { return m, nil }
func (shelf) Create(_ context.Context, _ any, m shelfModel) (shelfModel, error) { return m, nil }
func (shelf) Delete(context.Context, any, shelfModel) error                     { return nil }
func (shelf) Import(context.Context, any, string) (shelfModel, error)           { return shelfModel{}, nil }
func (shelf) Update(_ context.Context, _ any, _, m shelfModel, _ contract.Changes) (shelfModel, error) {
	return m, nil
}

// of is the value of a node that text describes: image=a policy{delay=0s,tries=3}.
func of(t *testing.T, n *contract.Node, text string) types.Object {
	t.Helper()
	values := n.Empty()
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := strings.IndexAny(text, "={")
		name, sign := text[:end], text[end]
		text = text[end+1:]
		if b, ok := n.Block(name); ok && sign == '{' {
			depth, at := 1, 0
			for ; depth > 0; at++ {
				depth += strings.Count(text[at:at+1], "{") - strings.Count(text[at:at+1], "}")
			}
			values[name] = types.ListValueMust(b.Node.Type(), []attr.Value{of(t, b.Node, text[:at-1])})
			text = text[at:]
			continue
		}
		value, rest, _ := strings.Cut(text, " ")
		text = rest
		if a, _ := n.Attribute(name); a.Type == types.Int64Type {
			values[name] = types.Int64Value(int64(len(value)))
		} else {
			values[name] = types.StringValue(value)
		}
	}
	object, err := n.Object(values)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// Of a state that is taken over, what is hollow goes, what the engine cannot tell stays while nothing is declared, and what
// is declared in a block that is an attribute for Terraform is planned to the letter, or stays as a whole.
func TestStays(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), shelf{})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	const state = "id=1 mode{count=xx } check{every=0s } spec{image=a grace=0s health{every=0s } policy{delay=0s tries=xxx kind=k } } "
	taken, names, err := contract.Inherited(r, of(t, n, state), of(t, n, state))
	if err != nil {
		t.Fatal(err)
	}
	const kept = "id=1 mode{count=xx } spec{image=a grace=0s policy{delay=0s tries=xxx kind=k } } "
	if want := of(t, n, kept); !taken.Equal(want) {
		t.Errorf("taken over\n%s, want\n%s", taken, want)
	}
	if diff := cmp.Diff([]string{"mode", "spec.grace", "spec.policy", "spec.policy.delay"}, names); diff != "" {
		t.Errorf("inherited (-want +got):\n%s", diff)
	}
	told, _, err := contract.Inherited(r, of(t, n, "check{every=9s } spec{image=a health{every=9s } } "), of(t, n, "id=1 "))
	if err != nil || !told.Equal(of(t, n, "check{every=9s } spec{image=a health{every=9s } } ")) {
		t.Errorf("what says something became %s, %v", told, err)
	}
	for _, c := range []struct {
		name, config, planned string
		changes               []string
	}{
		{"nothing declared", "spec{image=a } ", kept, nil},
		{"declared alike", "mode{count=xx } spec{image=a grace=0s policy{tries=xxx kind=k } } ", kept, nil},
		{"other things declared", "mode{count=x } spec{image=b } ",
			"id=1 mode{count=x } spec{image=b grace=0s policy{delay=0s tries=xxx kind=k } } ", []string{"mode", "spec"}},
		{"in a block that stays no longer", "spec{image=a policy{tries=x kind=k } } ", "id=1 mode{count=xx } spec{image=a grace=0s policy{tries=x kind=k } } ", []string{"spec"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan, err := r.Plan(t.Context(), nil, contract.Request{Config: of(t, n, c.config), Observed: taken, Inherited: names})
			if err != nil {
				t.Fatal(err)
			}
			var changes []string
			for _, change := range plan.Changes {
				changes = append(changes, change.Path)
			}
			if diff := cmp.Diff(c.changes, changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if want := of(t, n, c.planned); !plan.Planned.Equal(want) {
				t.Errorf("planned\n%s, want\n%s", plan.Planned, want)
			}
		})
	}
}

// What is required in a block that is an attribute for Terraform is demanded here: nobody else does.
func TestRequiredInFilled(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), shelf{})
	if err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]string{
		"spec{image=a policy{kind=k } } ":   "",
		"spec{image=a policy{delay=1s } } ": "spec[0].policy[0].kind: Missing required argument",
	} {
		var got string
		for _, d := range r.Validate(t.Context(), of(t, r.Node(), config)) {
			got += d.(interface{ Path() path.Path }).Path().String() + ": " + d.Summary()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", config, got, want)
		}
	}
}
