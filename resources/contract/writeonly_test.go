package contract_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// safe is a type with a write-only attribute. It returns what it got, as a careless type would.
type safe struct {
	broken bool // its rules name the write-only attribute
	got    *[]string
}

type safeModel struct {
	ID      types.String `tfsdk:"id"`
	Code    types.String `tfsdk:"code_wo"`
	Version types.Int64  `tfsdk:"code_wo_version"`
}

func (safe) Name() string { return "safe" }

func (safe) Schema(context.Context) schema.Schema {
	return schema.Schema{Attributes: map[string]schema.Attribute{
		"id":              schema.StringAttribute{Computed: true},
		"code_wo":         schema.StringAttribute{Optional: true, WriteOnly: true},
		"code_wo_version": schema.Int64Attribute{Optional: true},
	}}
}

func (s safe) Rules() contract.Rules {
	rules := contract.Rules{"id": {Stable: true}, "code_wo_version": {Effect: contract.InPlace}}
	if s.broken {
		rules["code_wo"] = contract.Rule{Effect: contract.InPlace}
	}
	return rules
}

func (safe) Read(_ context.Context, _ any, last safeModel) (safeModel, error) {
	last.Code = types.StringValue("read back")
	return last, nil
}

func (s safe) Create(_ context.Context, _ any, planned safeModel) (safeModel, error) {
	*s.got = append(*s.got, "create "+planned.Code.ValueString())
	planned.ID = types.StringValue("1")
	return planned, &contract.Partial{Err: errors.New("made, but not locked")}
}

func (s safe) Update(_ context.Context, _ any, _, planned safeModel, _ contract.Changes) (safeModel, error) {
	*s.got = append(*s.got, "update "+planned.Code.ValueString())
	return planned, nil
}

func (safe) Delete(context.Context, any, safeModel) error { return nil }

func (safe) Import(context.Context, any, string) (safeModel, error) {
	return safeModel{ID: types.StringValue("1"), Code: types.StringValue("read back")}, nil
}

// A write-only value reaches Create and Update, and is in no plan, record or result.
func TestWriteOnly(t *testing.T) {
	t.Parallel()
	var got []string
	r, err := contract.Host(t.Context(), safe{got: &got})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	declare := func(code string, version int64) types.Object {
		return object(t, n, map[string]attr.Value{"code_wo": types.StringValue(code), "code_wo_version": types.Int64Value(version)})
	}
	clean := func(what string, o types.Object, err error) types.Object {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if v := o.Attributes()["code_wo"]; !v.IsNull() {
			t.Errorf("%s holds %s", what, v)
		}
		return o
	}
	plan := func(config, observed types.Object) contract.Plan {
		t.Helper()
		p, err := r.Plan(t.Context(), struct{}{}, contract.Request{Config: config, Observed: observed})
		clean("plan", p.Planned, err)
		return p
	}
	whole := func(p contract.Plan, config types.Object) types.Object {
		t.Helper()
		o, err := n.WithWriteOnly(p.Planned, config)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	first := declare("hunter1", 1)
	made, err := r.Create(t.Context(), struct{}{}, whole(plan(first, n.Null()), first))
	if partial := new(contract.Partial); !errors.As(err, &partial) {
		t.Fatal(err)
	}
	clean("what was created", made, nil)
	if p := plan(declare("hunter2", 1), made); len(p.Changes) > 0 {
		t.Errorf("another value by itself is a change: %v", p.Changes)
	}
	second := declare("hunter2", 2)
	p := plan(second, made)
	updated, err := r.Update(t.Context(), struct{}{}, made, whole(p, second), p.Changes)
	clean("what was updated", updated, err)
	read, err := r.Read(t.Context(), struct{}{}, made)
	clean("what was read", read, err)
	found, err := r.Import(t.Context(), struct{}{}, "1")
	clean("what was imported", found, err)
	if diff := cmp.Diff([]string{"create hunter1", "update hunter2"}, got); diff != "" {
		t.Errorf("operations got (-want +got):\n%s", diff)
	}
	declared, err := n.WithDefaults(second)
	clean("a declaration with its defaults", declared, err)
	for name := range contract.AppliedOf(n, declared, nil) {
		if name == "code_wo" {
			t.Error("a write-only value is recorded")
		}
	}
	if a, _ := n.Attribute("code_wo"); !a.Sensitive {
		t.Error("a write-only attribute is not sensitive")
	}
	if _, err := contract.Host(t.Context(), safe{broken: true}); err == nil || !strings.Contains(err.Error(), `"code_wo" is write-only`) {
		t.Errorf("a rule for a write-only attribute: %v", err)
	}
}
