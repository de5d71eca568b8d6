package truth_test

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// note notes what a plan shows, for the matrix of design/provider-conformance.md.
func (b *bench) note(made *plan.Plan) {
	for _, s := range made.Steps {
		kind := s.Address.Type
		switch s.Action {
		case plan.NoOp:
			b.shows.Add(kind, acctest.Settles)
		case plan.Create:
			b.shows.Change(kind, nil, map[string]any{}, nil, b.applied == b.declared)
		case plan.Update, plan.Replace:
			before, after := s.Before.Attributes(), s.After.Attributes()
			for _, c := range s.Changes {
				b.shows.Change(kind, map[string]any{c.Path: plain(before[c.Path])}, map[string]any{c.Path: plain(after[c.Path])}, nil, c.Cause == contract.Drift)
			}
		}
	}
}

// plain is a value as JSON has it; nil for one that is not known.
func plain(v attr.Value) any {
	if v == nil || v.IsNull() || v.IsUnknown() {
		return nil
	}
	switch v := v.(type) {
	case types.String:
		return v.ValueString()
	case types.Bool:
		return v.ValueBool()
	case types.Int64:
		return v.ValueInt64()
	case types.Float64:
		return v.ValueFloat64()
	case types.Number:
		return v.ValueBigFloat().String()
	case types.Object:
		return all(v.Attributes())
	case types.Map:
		return all(v.Elements())
	case interface{ Elements() []attr.Value }: // lists and sets
		out := make([]any, len(v.Elements()))
		for i, item := range v.Elements() {
			out[i] = plain(item)
		}
		return out
	}
	return v.String()
}

func all(values map[string]attr.Value) map[string]any {
	out := make(map[string]any, len(values))
	for name, v := range values {
		out[name] = plain(v)
	}
	return out
}
