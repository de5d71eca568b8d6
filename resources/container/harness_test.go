package container

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// str, num and so on make models readable.
func str(s string) types.String   { return types.StringValue(s) }
func num(n int64) types.Int64     { return types.Int64Value(n) }
func yes(b bool) types.Bool       { return types.BoolValue(b) }
func setOf(s ...string) types.Set { return types.SetValueMust(types.StringType, values(s)) }
func listOf(s ...string) types.List {
	return types.ListValueMust(types.StringType, values(s))
}
func mapOf(kv ...string) types.Map {
	m := map[string]string{}
	for i := 0; i+1 < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return followMap(types.MapNull(types.StringType), m)
}

// prepared is the type with an Import that returns a given model: the way to an object from a model.
type prepared struct {
	Type
	model Model
}

func (p prepared) Import(context.Context, API, string) (Model, error) { return p.model, nil }

func object(t *testing.T, m Model) types.Object {
	t.Helper()
	r, err := contract.Host(t.Context(), prepared{model: m})
	if err != nil {
		t.Fatal(err)
	}
	o, err := r.Import(t.Context(), (*client.Client)(nil), "x")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// declared is a minimal declaration changed by f.
func declared(f func(*Model)) Model {
	m := Model{Name: str("web"), Image: str("h2base"), Command: listOf("busybox", "sleep", "1000")}
	if f != nil {
		f(&m)
	}
	return m
}

// plan plans and fails on an error.
func plan(t *testing.T, e API, config, observed types.Object) contract.Plan {
	t.Helper()
	p, err := host(t).Plan(t.Context(), e, contract.Request{Config: config, Observed: observed, APIVersion: "1.41"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wantEmpty fails when a plan changes anything.
func wantEmpty(t *testing.T, what string, p contract.Plan) {
	t.Helper()
	for _, c := range p.Changes {
		t.Errorf("%s: %s (%s): %v -> %v", what, c.Path, c.Effect, c.Before, c.After)
	}
}

// apply creates what is declared, and checks that it is what was planned.
func apply(t *testing.T, e API, config types.Object) types.Object {
	t.Helper()
	h := host(t)
	p := plan(t, e, config, h.Node().Null())
	created, err := h.Create(t.Context(), e, p.Planned)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, e, p.Planned, created)
}

func read(t *testing.T, e API, planned, last types.Object) types.Object {
	t.Helper()
	observed, err := host(t).Read(t.Context(), e, last)
	if err != nil {
		t.Fatal(err)
	}
	if err := host(t).Check(planned, observed); err != nil {
		t.Error(err)
	}
	return observed
}
