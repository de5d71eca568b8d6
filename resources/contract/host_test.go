package contract_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// box is a type small enough to read and rich enough to meet every rule.
type box struct{ rules contract.Rules }

type boxModel struct {
	ID      types.String               `tfsdk:"id"`
	Name    types.String               `tfsdk:"name"`
	Image   types.String               `tfsdk:"image"`
	ImageID types.String               `tfsdk:"image_id"`
	Address types.String               `tfsdk:"address"`
	Command types.List                 `tfsdk:"command"`
	Env     types.Set                  `tfsdk:"env"`
	Memory  types.Int64                `tfsdk:"memory"`
	Size    types.String               `tfsdk:"size"`
	Restart types.String               `tfsdk:"restart"`
	Secret  types.String               `tfsdk:"secret"`
	Wait    types.Bool                 `tfsdk:"wait"`
	Ports   contract.Blocks[portModel] `tfsdk:"ports"`
	Labels  contract.Blocks[labels]    `tfsdk:"labels"`
}

type portModel struct {
	Internal types.Int64  `tfsdk:"internal"`
	External types.Int64  `tfsdk:"external"`
	Protocol types.String `tfsdk:"protocol"`
}

type labels struct {
	Label types.String `tfsdk:"label"`
	Value types.String `tfsdk:"value"`
}

// boxes is the engine: what an image name stands for.
type boxes interface{ Resolve(ref string) string }

type registry map[string]string

func (r registry) Resolve(ref string) string { return r[ref] }

func (box) Name() string { return "box" }

func (box) Schema(context.Context) schema.Schema {
	return schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":       schema.StringAttribute{Computed: true},
			"name":     schema.StringAttribute{Required: true},
			"image":    schema.StringAttribute{Required: true},
			"image_id": schema.StringAttribute{Computed: true},
			"address":  schema.StringAttribute{Computed: true},
			"command":  schema.ListAttribute{Optional: true, ElementType: types.StringType},
			"env":      schema.SetAttribute{Optional: true, ElementType: types.StringType},
			"memory":   schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(4)}},
			"size":     schema.StringAttribute{Optional: true},
			"restart":  schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("no")},
			"secret":   schema.StringAttribute{Optional: true, Sensitive: true},
			"wait":     schema.BoolAttribute{Optional: true},
		},
		Blocks: map[string]schema.Block{
			"ports": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"internal": schema.Int64Attribute{Required: true},
				"external": schema.Int64Attribute{Optional: true, Computed: true},
				"protocol": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("tcp")},
			}}},
			"labels": schema.SetNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"label": schema.StringAttribute{Required: true},
				"value": schema.StringAttribute{Required: true},
			}}},
		},
	}
}

func (b box) Rules() contract.Rules {
	if b.rules != nil {
		return b.rules
	}
	return contract.Rules{
		"id":             {Stable: true},
		"image_id":       {Cause: contract.Image, Stable: true},
		"image":          {Effect: contract.InPlace},
		"name":           {Effect: contract.InPlace, Since: "1.17"},
		"restart":        {Effect: contract.InPlace, Since: "1.23"},
		"memory":         {By: noUnset, Since: "1.22", Call: "box update"},
		"wait":           {ConfigOnly: true},
		"size":           {Same: func(o, d attr.Value) bool { return strings.EqualFold(o.String(), d.String()) }, Requires: "1.30"},
		"address":        {MovedBy: []string{"restart"}},
		"ports":          {Key: []string{"internal", "protocol"}},
		"ports.external": {MovedBy: []string{"restart"}},
	}
}

func noUnset(_, desired attr.Value) contract.Effect {
	if desired.IsNull() || desired.Equal(types.Int64Value(0)) {
		return contract.Replace
	}
	return contract.InPlace
}

func (box) Resolve(_ context.Context, e boxes, desired *boxModel) error {
	if !desired.Image.IsUnknown() {
		desired.ImageID = types.StringValue(e.Resolve(desired.Image.ValueString()))
	}
	return nil
}

func (box) Read(_ context.Context, _ boxes, last boxModel) (boxModel, error) { return last, nil }
func (box) Create(_ context.Context, _ boxes, planned boxModel) (boxModel, error) {
	planned.ID = types.StringValue("1")
	return planned, &contract.Partial{Err: errors.New("it did not start")}
}
func (box) Update(_ context.Context, _ boxes, _, planned boxModel, _ contract.Changes) (boxModel, error) {
	return planned, nil
}
func (box) Delete(context.Context, boxes, boxModel) error { return nil }
func (box) Import(_ context.Context, _ boxes, id string) (boxModel, error) {
	return boxModel{ID: types.StringValue(id)}, nil
}

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), box{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func strs(values ...string) []attr.Value {
	out := make([]attr.Value, len(values))
	for i, v := range values {
		out[i] = types.StringValue(v)
	}
	return out
}

func port(internal, external int64) map[string]attr.Value {
	p := map[string]attr.Value{"internal": types.Int64Value(internal), "external": types.Int64Value(external), "protocol": types.StringValue("tcp")}
	if external == 0 {
		p["external"] = types.Int64Null()
		p["protocol"] = types.StringNull()
	}
	return p
}

func ports(t *testing.T, n *contract.Node, list ...map[string]attr.Value) attr.Value {
	t.Helper()
	b, _ := n.Block("ports")
	objects := make([]attr.Value, len(list))
	for i, p := range list {
		objects[i], _ = b.Node.Object(p)
	}
	return types.ListValueMust(b.Node.Type(), objects)
}

// object is an object of the box's node with these values set.
func object(t *testing.T, n *contract.Node, values map[string]attr.Value) types.Object {
	t.Helper()
	all := n.Empty()
	for name, v := range values {
		all[name] = v
	}
	o, err := n.Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// text is a plan as a reader sees it: a line per change, then what is unknown.
func text(p contract.Plan) string {
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s %s: %s -> %s (%s)%s\n", c.Effect, c.Path, c.Before, c.After, c.Cause, c.Reason)
	}
	var unknown []string
	for name, v := range p.Planned.Attributes() {
		if v.IsUnknown() || strings.Contains(v.String(), "<unknown>") {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	if len(unknown) > 0 {
		fmt.Fprintf(&b, "unknown: %s\n", strings.Join(unknown, " "))
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	t.Parallel()
	r := host(t)
	n := r.Node()
	engine := registry{"busybox:1": "sha256:a", "busybox:2": "sha256:b"}
	config := map[string]attr.Value{"name": types.StringValue("web"), "image": types.StringValue("busybox:1")}
	observed := map[string]attr.Value{
		"id": types.StringValue("1"), "name": types.StringValue("web"), "image": types.StringValue("busybox:1"),
		"image_id": types.StringValue("sha256:a"), "address": types.StringValue("10.0.0.2"), "restart": types.StringValue("no"),
	}
	tests := map[string]struct {
		config, observed map[string]attr.Value // beside the two above
		applied          contract.Applied
		engine           registry
		apiVersion       string
		lacks            map[string]string
		want             string
	}{
		"no change": {},
		"create":    {observed: map[string]attr.Value{"id": nil}, want: "unknown: address id image_id\n"},
		"name in place moves nothing": {
			config: map[string]attr.Value{"name": types.StringValue("www")},
			want:   "update name: \"web\" -> \"www\" (configuration)\n",
		},
		"restart moves the address": {
			config: map[string]attr.Value{"restart": types.StringValue("always")},
			want:   "update restart: \"no\" -> \"always\" (configuration)\nunknown: address\n",
		},
		"an old engine replaces and says why": {
			config:     map[string]attr.Value{"restart": types.StringValue("always")},
			apiVersion: "1.18",
			want: "replace restart: \"no\" -> \"always\" (configuration)this engine speaks API 1.18 and can change it in place only from 1.23 on\n" +
				"unknown: address id\n",
		},
		"versions are not compared as numbers": {config: map[string]attr.Value{"name": types.StringValue("www")}, apiVersion: "1.2", want: "replace name: \"web\" -> \"www\" (configuration)this engine speaks API 1.2 and can change it in place only from 1.17 on\nunknown: address id\n"},
		"drift of a default is drift": {
			observed: map[string]attr.Value{"restart": types.StringValue("always")}, applied: contract.Applied{"name": "x"},
			want: "update restart: \"always\" -> \"no\" (drift)\nunknown: address\n",
		},
		"a limit set": {
			config: map[string]attr.Value{"memory": types.Int64Value(64)},
			want:   "update memory: <null> -> 64 (configuration)\nunknown: \n",
		},
		"an engine without the call replaces and says why": {
			config: map[string]attr.Value{"memory": types.Int64Value(64)}, lacks: map[string]string{"box update": "podman 4.3.1"},
			want: "replace memory: <null> -> 64 (configuration)podman 4.3.1 cannot change it in place: it has no call for a box update\nunknown: address id\n",
		},
		"a limit gone replaces": {
			observed: map[string]attr.Value{"memory": types.Int64Value(64)},
			want:     "replace memory: 64 -> <null> (configuration)\nunknown: address id\n",
		},
		"zero and null are the same":  {config: map[string]attr.Value{"memory": types.Int64Value(0)}},
		"empty and null are the same": {config: map[string]attr.Value{"env": types.SetValueMust(types.StringType, nil)}},
		"a moved tag replaces": {
			engine: registry{"busybox:1": "sha256:c"},
			want:   "replace image_id: \"sha256:a\" -> \"sha256:c\" (image)\nunknown: address id\n",
		},
		"another name of the same image is recorded": {
			config: map[string]attr.Value{"image": types.StringValue("library/busybox:1")}, engine: registry{"library/busybox:1": "sha256:a"},
			want: "update image: \"busybox:1\" -> \"library/busybox:1\" (configuration)\n",
		},
		"an unknown counts as changed": {
			config: map[string]attr.Value{"command": types.ListUnknown(types.StringType)},
			want:   "replace command: <null> -> <unknown> (configuration)\nunknown: address command id\n",
		},
		"order of a set": {
			config:   map[string]attr.Value{"env": types.SetValueMust(types.StringType, strs("A=1", "B=2"))},
			observed: map[string]attr.Value{"env": types.SetValueMust(types.StringType, strs("B=2", "A=1"))},
		},
		"equal spelling": {
			config: map[string]attr.Value{"size": types.StringValue("64M")}, observed: map[string]attr.Value{"size": types.StringValue("64m")},
		},
		"config-only moves nothing": {
			config: map[string]attr.Value{"wait": types.BoolValue(true)},
			want:   "update wait: <null> -> true (configuration)\n",
		},
		"keyed blocks in another order": {
			config:   map[string]attr.Value{"ports": ports(t, n, port(80, 0), port(53, 5353))},
			observed: map[string]attr.Value{"ports": ports(t, n, port(53, 5353), port(80, 32768))},
		},
		"a new port replaces, the others keep their partner": {
			config:   map[string]attr.Value{"ports": ports(t, n, port(80, 0), port(53, 5354))},
			observed: map[string]attr.Value{"ports": ports(t, n, port(53, 5353), port(80, 32768))},
			want: "replace ports: [{\"external\":5353,\"internal\":53,\"protocol\":\"tcp\"},{\"external\":32768,\"internal\":80,\"protocol\":\"tcp\"}] -> " +
				"[{\"external\":32768,\"internal\":80,\"protocol\":\"tcp\"},{\"external\":5354,\"internal\":53,\"protocol\":\"tcp\"}] (configuration)\nunknown: address id ports\n",
		},
		"an ephemeral port is moved by a restart": {
			config:   map[string]attr.Value{"ports": ports(t, n, port(80, 0), port(53, 5353)), "restart": types.StringValue("always")},
			observed: map[string]attr.Value{"ports": ports(t, n, port(53, 5353), port(80, 32768))},
			want:     "update restart: \"no\" -> \"always\" (configuration)\nunknown: address ports\n",
		},
		"a replaced object with keyed blocks in another order": {
			config:   map[string]attr.Value{"ports": ports(t, n, port(80, 0), port(53, 5353)), "command": types.ListValueMust(types.StringType, strs("x"))},
			observed: map[string]attr.Value{"ports": ports(t, n, port(53, 5353), port(80, 32768))},
			want:     "replace command: <null> -> [\"x\"] (configuration)\nunknown: address id ports\n",
		},
		"a dynamic block over an unknown": {
			config: map[string]attr.Value{"ports": blockUnknown(n, "ports")},
			want:   "replace ports: [] -> <unknown> (configuration)\nunknown: address id ports\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := contract.Request{Config: object(t, n, merge(config, test.config)), Observed: object(t, n, merge(observed, test.observed)), Applied: test.applied, APIVersion: test.apiVersion, Lacks: test.lacks}
			if v, ok := test.observed["id"]; ok && v == nil {
				in.Observed = n.Null()
			}
			e := engine
			if test.engine != nil {
				e = test.engine
			}
			p, err := r.Plan(t.Context(), e, in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(test.want, "unknown: \n", ""), text(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			assertTerraformAccepts(t, n, in, p)
			assertItemsAccepted(t, n, in, p)
		})
	}
}

// assertTerraformAccepts is core's rule: a planned value of a declared attribute is the declared one, or the prior one
// where both are something.
func assertTerraformAccepts(t *testing.T, n *contract.Node, in contract.Request, p contract.Plan) {
	t.Helper()
	config, planned, prior := in.Config.Attributes(), p.Planned.Attributes(), map[string]attr.Value{}
	if !in.Observed.IsNull() {
		prior = in.Observed.Attributes()
	}
	for _, a := range n.Attributes {
		c, v := config[a.Name], planned[a.Name]
		if a.Computed && c.IsNull() || v.Equal(c) {
			continue
		}
		if o := prior[a.Name]; o == nil || o.IsNull() || c.IsNull() || !v.Equal(o) {
			t.Errorf("%s: planned %s is neither the declared %s nor the prior %s", a.Name, v, c, o)
		}
	}
}

// assertItemsAccepted is the same rule for the items of a list block, which core pairs by their place.
func assertItemsAccepted(t *testing.T, n *contract.Node, in contract.Request, p contract.Plan) {
	t.Helper()
	b, _ := n.Block("ports")
	list := func(o types.Object) []attr.Value {
		if o.IsNull() {
			return nil
		}
		l, _ := o.Attributes()["ports"].(types.List)
		return l.Elements()
	}
	config, planned, prior := list(in.Config), list(p.Planned), list(in.Observed)
	if len(planned) != len(config) {
		t.Errorf("planned %d items of %d", len(planned), len(config))
		return
	}
	for i := range planned {
		for _, a := range b.Node.Attributes {
			c, v := config[i].(types.Object).Attributes()[a.Name], planned[i].(types.Object).Attributes()[a.Name]
			if a.Computed && c.IsNull() || v.Equal(c) {
				continue
			}
			if i >= len(prior) || !v.Equal(prior[i].(types.Object).Attributes()[a.Name]) {
				t.Errorf("ports[%d].%s: planned %s is neither declared nor prior", i, a.Name, v)
			}
		}
	}
}

func TestPlanWithoutAnEngineAsksNothing(t *testing.T) {
	t.Parallel()
	r := host(t)
	values := map[string]attr.Value{"name": types.StringValue("web"), "image": types.StringValue("busybox:1")}
	observed := merge(values, map[string]attr.Value{"image_id": types.StringValue("sha256:a"), "restart": types.StringValue("no")})
	p, err := r.Plan(t.Context(), nil, contract.Request{Config: object(t, r.Node(), values), Observed: object(t, r.Node(), observed)})
	if err != nil || len(p.Changes) != 0 {
		t.Errorf("got %v, %v; want no changes", p.Changes, err)
	}
}

func blockUnknown(n *contract.Node, name string) attr.Value {
	b, _ := n.Block(name)
	return b.Unknown
}

func merge(maps ...map[string]attr.Value) map[string]attr.Value {
	out := map[string]attr.Value{}
	for _, m := range maps {
		for k, v := range m {
			if v != nil {
				out[k] = v
			}
		}
	}
	return out
}

func TestDiffIsWhatUpdateHasToDo(t *testing.T) {
	t.Parallel()
	r := host(t)
	n := r.Node()
	observed := object(t, n, map[string]attr.Value{"name": types.StringValue("web"), "restart": types.StringValue("no"), "address": types.StringValue("10.0.0.2"), "ports": ports(t, n, port(80, 32768))})
	unknown := port(80, 1)
	unknown["external"] = types.Int64Unknown()
	planned := object(t, n, map[string]attr.Value{"name": types.StringValue("web"), "restart": types.StringValue("always"), "address": types.StringUnknown(), "ports": ports(t, n, unknown)})
	got := r.Diff(observed, planned, "")
	if len(got) != 1 || got[0].Path != "restart" || got[0].Effect != contract.InPlace {
		t.Errorf("got %v, want only restart in place", got)
	}
	if err := r.Check(planned, observed); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Errorf("Check: got %v, want it to name restart", err)
	}
}

func TestPartialCreateReturnsTheObject(t *testing.T) {
	t.Parallel()
	r := host(t)
	planned := object(t, r.Node(), map[string]attr.Value{"name": types.StringValue("web"), "image": types.StringValue("i")})
	got, err := r.Create(t.Context(), registry{}, planned)
	var partial *contract.Partial
	if !errors.As(err, &partial) || got.Attributes()["id"].String() != `"1"` {
		t.Errorf("got %v, %v; want the object and its error", got, err)
	}
	if _, err := r.Create(t.Context(), struct{}{}, planned); err == nil {
		t.Error("an engine without the calls was accepted")
	}
}

func TestSecretsStayOutOfErrorsAndRecords(t *testing.T) {
	t.Parallel()
	r := host(t)
	n := r.Node()
	a := object(t, n, map[string]attr.Value{"secret": types.StringValue("hunter2")})
	b := object(t, n, map[string]attr.Value{"secret": types.StringValue("hunter3")})
	if err := r.Check(a, b); err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("Check: %v", err)
	}
	applied, again := contract.AppliedOf(n, a, nil), contract.AppliedOf(n, a, nil)
	if applied["secret"] == again["secret"] {
		t.Errorf("equal secrets have equal fingerprints: %v", applied)
	}
	if !applied.Matches(n, "secret", types.StringValue("hunter2")) || applied.Matches(n, "secret", types.StringValue("hunter3")) {
		t.Error("a keyed fingerprint must know its value and no other")
	}
}

func TestApplied(t *testing.T) {
	t.Parallel()
	n := host(t).Node()
	applied := contract.AppliedOf(n, object(t, n, map[string]attr.Value{
		"name": types.StringValue("web"), "env": types.SetValueMust(types.StringType, strs("A=1", "B=2")), "restart": types.StringValue("no"), "id": types.StringValue("1"),
	}), nil)
	names := make([]string, 0, len(applied))
	for name := range applied {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"env", "name"}, names); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if !applied.Matches(n, "env", types.SetValueMust(types.StringType, strs("B=2", "A=1"))) || applied.Matches(n, "name", types.StringValue("www")) {
		t.Error("a record must know its value in any order, and no other")
	}
	if applied.Matches(n, "restart", types.StringValue("")) || !applied.Matches(n, "restart", types.StringValue("no")) {
		t.Error("nothing recorded of a path with a default means the default was declared, and not the zero value")
	}
	if !applied.Matches(n, "memory", types.Int64Null()) || contract.Applied(nil).Matches(n, "memory", types.Int64Null()) {
		t.Error("nothing recorded of a path means nothing was declared; no record means nothing is known")
	}
}

// TestDriftOfABlock: what the engine chose in a declared item is in no record, and does not make drift a change of the
// configuration.
func TestDriftOfABlock(t *testing.T) {
	t.Parallel()
	r := host(t)
	n := r.Node()
	config := map[string]attr.Value{"name": types.StringValue("web"), "image": types.StringValue("busybox:1"), "ports": ports(t, n, port(80, 0))}
	declared, err := n.WithDefaults(object(t, n, config))
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Plan(t.Context(), registry{"busybox:1": "sha256:a"}, contract.Request{
		Config: object(t, n, config), Applied: contract.AppliedOf(n, declared, nil),
		Observed: object(t, n, merge(config, map[string]attr.Value{
			"id": types.StringValue("1"), "image_id": types.StringValue("sha256:a"), "address": types.StringValue("10.0.0.2"), "restart": types.StringValue("no"),
			"ports": ports(t, n, port(80, 8080), port(81, 8081)),
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 1 || p.Changes[0].Path != "ports" || p.Changes[0].Cause != contract.Drift {
		t.Errorf("planned\n%s want drift of the ports", text(p))
	}
}

func TestValidateRunsAttributeValidators(t *testing.T) {
	t.Parallel()
	r := host(t)
	diags := r.Validate(t.Context(), object(t, r.Node(), map[string]attr.Value{"memory": types.Int64Value(1)}))
	if !diags.HasError() {
		t.Fatal("memory below the validator's bound was accepted")
	}
	if diags := r.Validate(t.Context(), object(t, r.Node(), map[string]attr.Value{"memory": types.Int64Unknown()})); diags.HasError() {
		t.Errorf("an unknown was validated: %v", diags)
	}
}

func TestHostRefusesWrongRules(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]contract.Rules{
		"attribute": {"nosuch": {}},
		"moved by":  {"address": {MovedBy: []string{"nosuch"}}},
		"of":        {"address": {Of: "nosuch"}},
		"key":       {"ports": {Key: []string{"nosuch"}}},
	} {
		if _, err := contract.Host(t.Context(), box{rules: rules}); err == nil || !strings.Contains(err.Error(), "nosuch") {
			t.Errorf("%s: got %v, want an error naming nosuch", name, err)
		}
	}
}

type wrongModel struct {
	box
}

func (wrongModel) Schema(context.Context) schema.Schema {
	return schema.Schema{Attributes: map[string]schema.Attribute{
		"id": schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(1)},
	}}
}

func TestHostRefusesAModelThatDoesNotFit(t *testing.T) {
	t.Parallel()
	if _, err := contract.Host(t.Context(), wrongModel{}); err == nil || !strings.Contains(err.Error(), `"id"`) {
		t.Errorf("got %v, want an error naming the attribute", err)
	}
}
