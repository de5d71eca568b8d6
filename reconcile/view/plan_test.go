package view

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// everything is a plan with one step of each kind.
func everything(t *testing.T) *plan.Plan {
	t.Helper()
	n := thing(t)
	web := values{
		"id": str("3f1c"), "image": str("web:1"), "name": str("web"), "memory": num(64), "restart": str("no"),
		"must_run": types.BoolValue(true), "password": str("old secret"), "address": str("10.0.0.2"),
		"env": setOf("A=1", "B=2", "C=3"), "command": listOf("serve", "-v", "--port", "80"),
		"script":  str("#!/bin/sh\nset -e\necho one\necho two\necho three\necho four\necho five\n"),
		"sysctls": types.MapValueMust(types.StringType, map[string]attr.Value{"net.a": str("1"), "net.long.name": str("2")}),
		"ports": blockItems(t, n, "ports",
			values{"internal": num(80), "external": num(8080), "protocol": str("tcp")},
			values{"internal": num(53), "external": num(53), "protocol": str("udp")},
			values{"internal": num(9), "external": num(9), "protocol": str("tcp")}),
		"upload": blockItems(t, n, "upload", values{"file": str("/a"), "content": str("hidden one")}),
	}
	before := objectOf(t, n, web)
	inPlace := objectOf(t, n, web.with(values{
		"memory": num(128), "password": str("new secret"), "env": setOf("A=1", "B=3", "C=3"), "restart": str("always"),
	}))
	replaced := objectOf(t, n, web.with(values{
		"id": types.StringUnknown(), "address": types.StringUnknown(), "image": str("web:2"),
		"command": listOf("serve", "--port", "81", "--fast"),
		"script":  str("#!/bin/sh\nset -e\necho one\necho 2\necho three\necho four\necho five\n"),
		"sysctls": types.MapValueMust(types.StringType, map[string]attr.Value{"net.a": str("1"), "net.long.name": str("3"), "new": types.StringUnknown()}),
		"ports": blockItems(t, n, "ports",
			values{"internal": num(80), "external": num(8081), "protocol": str("tcp")},
			values{"internal": num(53), "external": num(53), "protocol": str("udp")},
			values{"internal": num(443), "external": types.Int64Unknown(), "protocol": str("tcp")}),
		"upload": blockItems(t, n, "upload", values{"file": str("/a"), "content": str("hidden two")}),
	}))
	created := objectOf(t, n, web.with(values{
		"id": types.StringUnknown(), "address": types.StringUnknown(), "name": types.StringUnknown(), "memory": num(32),
		"command": types.ListNull(types.StringType),
	}))
	return &plan.Plan{Project: "demo", Steps: []*plan.Step{
		{Address: address(t, "docker_container.new"), Action: plan.Create, Node: n, Before: n.Null(), After: created, Reason: "does not exist", Declared: at("main.tf", 3), Sensitive: map[string]bool{"env": true}},
		{Address: address(t, `docker_container.old["x"]`), Action: plan.Delete, Node: n, Before: before, After: n.Null(), Reason: "no longer declared"},
		{Address: address(t, "docker_container.same"), Action: plan.NoOp, Node: n, Before: before, After: before},
		{
			Address: address(t, "docker_container.web"), Action: plan.Update, Node: n, Before: before, After: inPlace, Declared: at("main.tf", 12),
			Changes: sorted(changesOf(before, inPlace, map[string]contract.Change{
				"memory": {Effect: contract.InPlace, Cause: contract.Drift}, "password": {Effect: contract.InPlace, Cause: contract.Configuration},
				"env": {Effect: contract.InPlace, Cause: contract.Configuration}, "restart": {Effect: contract.InPlace, Cause: contract.Configuration},
			})),
		},
		{
			Address: address(t, "module.app[0].docker_container.web"), Action: plan.Replace, Node: n, Before: before, After: replaced, Declared: at("app/main.tf", 7),
			Host: "backup", CreateBeforeDestroy: true,
			Changes: sorted(changesOf(before, replaced, map[string]contract.Change{
				"image": {Cause: contract.Image}, "command": {Cause: contract.Configuration}, "script": {Cause: contract.Configuration},
				"sysctls": {Effect: contract.InPlace, Cause: contract.Configuration},
				"ports":   {Cause: contract.Configuration, Reason: "this engine speaks API 1.24"}, "upload": {Cause: contract.Configuration},
			})),
		},
		{Address: address(t, "docker_container.web"), Action: plan.Delete, Node: n, Before: n.Null(), After: n.Null(), Deposed: "3f1c", Reason: "left behind"},
		{Address: address(t, "docker_image.base"), Action: plan.Create, Node: n, Before: n.Null(), After: created, Existed: true},
		{Address: address(t, "docker_volume.data"), Action: plan.Forget, Node: n, Before: before, After: n.Null(), Reason: "removed block"},
		{Address: address(t, "docker_volume.kept"), Action: plan.NoOp, Node: n, Before: before, After: before, Declared: at("main.tf", 40), PreviousAddress: address(t, "docker_volume.was")},
		{Address: address(t, "docker_network.taken"), Action: plan.NoOp, Node: n, Before: before, After: before, Declared: at("main.tf", 50), Adopting: "net1"},
	}, Outputs: []plan.Output{
		{Name: "address", Before: cty.StringVal("10.0.0.2"), After: cty.UnknownVal(cty.String)},
		{Name: "gone", Before: cty.NumberIntVal(4), After: cty.NilVal},
		{Name: "kept", Before: cty.True, After: cty.True},
		{Name: "ports", Before: cty.NilVal, After: cty.TupleVal([]cty.Value{cty.NumberIntVal(80), cty.NumberIntVal(443)})},
		{Name: "token", Before: cty.StringVal("old secret"), After: cty.StringVal("new secret"), Sensitive: true},
	}}
}

func sorted(c contract.Changes) contract.Changes {
	for i := range c {
		for j := i + 1; j < len(c); j++ {
			if c[j].Path < c[i].Path {
				c[i], c[j] = c[j], c[i]
			}
		}
	}
	return c
}

func TestPlanned(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan        func(t *testing.T) *plan.Plan
		json, color bool
	}{
		"plan":       {plan: everything},
		"plan_color": {plan: everything, color: true},
		"plan_json":  {plan: everything, json: true},
		"nothing": {plan: func(*testing.T) *plan.Plan {
			return &plan.Plan{}
		}},
		"nothing_destroy": {plan: func(*testing.T) *plan.Plan { return &plan.Plan{Destroy: true} }},
		"nothing_refresh": {plan: func(*testing.T) *plan.Plan { return &plan.Plan{RefreshOnly: true} }},
		"outputs_only": {plan: func(*testing.T) *plan.Plan {
			return &plan.Plan{Outputs: []plan.Output{{Name: "a", Before: cty.StringVal("x\ny\n"), After: cty.StringVal("x\nz\n")}}}
		}},
		"refresh_only": {plan: func(t *testing.T) *plan.Plan {
			p := everything(t)
			return &plan.Plan{RefreshOnly: true, Steps: p.Steps[3:4]}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScreen()
			s.Color = test.color
			o := options(s)
			o.JSON = test.json
			NewPlan(o).Planned(test.plan(t))
			golden(t, name, s.out.String())
			if s.err.Len() > 0 {
				t.Errorf("on stderr: %s", &s.err)
			}
		})
	}
}

// No printing may show what is sensitive.
func TestPlannedHidesSecrets(t *testing.T) {
	t.Parallel()
	p := everything(t)
	for _, json := range []bool{false, true} {
		s := newScreen()
		o := options(s)
		o.JSON = json
		v := NewApply(o)
		v.Planned(p)
		v.Saved("plan.out")
		NewShow(o).Objects(p.Steps[3:5])
		NewExplain(o).Explained(Explanation{Step: p.Steps[3], ID: "3f1c", Engine: "unix:///x", Needs: []graph.Resource{p.Steps[0].Address.Resource()}})
		for _, secret := range []string{"secret", "hidden one", "hidden two"} {
			if containsText(s.out.String(), secret) {
				t.Errorf("json %v: %q is printed:\n%s", json, secret, &s.out)
			}
		}
	}
}
