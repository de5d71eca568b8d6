package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// twin asks the framework too what our server answers without changing anything, and fails where the answers differ. Every
// test of the protocol runs on it.
type twin struct {
	*server
	t *testing.T
}

func (s twin) ValidateResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return both(s, req.TypeName, req, func(server tfprotov6.ProviderServer) (*tfprotov6.ValidateResourceConfigResponse, error) {
		resp, err := server.ValidateResourceConfig(ctx, req)
		if err == nil { // that the framework's texts have items of sets in them is what our server mends
			resp.Diagnostics = withoutItems(resp.Diagnostics)
		}
		return resp, err
	})
}

func (s twin) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return both(s, req.TypeName, req, func(server tfprotov6.ProviderServer) (*tfprotov6.UpgradeResourceStateResponse, error) {
		return server.UpgradeResourceState(ctx, req)
	})
}

func (s twin) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return both(s, req.TypeName, req, func(server tfprotov6.ProviderServer) (*tfprotov6.ReadResourceResponse, error) {
		return server.ReadResource(ctx, req)
	})
}

func (s twin) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	return both(s, req.TypeName, req, func(server tfprotov6.ProviderServer) (*tfprotov6.PlanResourceChangeResponse, error) {
		return server.PlanResourceChange(ctx, req)
	})
}

func both[T any](s twin, name string, req any, call func(tfprotov6.ProviderServer) (T, error)) (T, error) {
	want, wantErr := call(s.framework)
	got, err := call(s.server)
	h := s.types[name]
	if h == nil || wantErr != nil || err != nil {
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			s.t.Errorf("%T: error %v, want %v", req, err, wantErr)
		}
		return got, err
	}
	if diff := cmp.Diff(plainly(s.t, h, want), plainly(s.t, h, got)); diff != "" {
		s.t.Errorf("%T: (-framework +server):\n%s", req, diff)
	}
	return got, nil
}

// plainly is an answer in a form that can be compared: what it means and not how it is written.
func plainly(t *testing.T, h *hosted, answer any) map[string]any {
	t.Helper()
	switch r := answer.(type) {
	case *tfprotov6.ValidateResourceConfigResponse:
		return map[string]any{"diagnostics": texts(r.Diagnostics)}
	case *tfprotov6.UpgradeResourceStateResponse:
		return map[string]any{"diagnostics": texts(r.Diagnostics), "state": meaning(t, h, r.UpgradedState)}
	case *tfprotov6.ReadResourceResponse:
		return map[string]any{
			"diagnostics": texts(r.Diagnostics), "state": meaning(t, h, r.NewState), "private": recorded(t, r.Private),
			"identity": identified(t, h, r.NewIdentity), "deferred": r.Deferred,
		}
	case *tfprotov6.PlanResourceChangeResponse:
		var replace []string
		for _, p := range r.RequiresReplace {
			replace = append(replace, p.String())
		}
		return map[string]any{
			"diagnostics": texts(r.Diagnostics), "state": meaning(t, h, r.PlannedState), "private": recorded(t, r.PlannedPrivate),
			"identity": identified(t, h, r.PlannedIdentity), "deferred": r.Deferred, "replace": replace,
		}
	case *tfprotov6.ApplyResourceChangeResponse:
		return map[string]any{
			"diagnostics": texts(r.Diagnostics), "state": meaning(t, h, r.NewState), "private": recorded(t, r.Private),
			"identity": identified(t, h, r.NewIdentity),
		}
	}
	t.Fatalf("%T is no answer", answer)
	return nil
}

func meaning(t *testing.T, h *hosted, value *tfprotov6.DynamicValue) string {
	t.Helper()
	if value == nil {
		return "none"
	}
	v, err := value.Unmarshal(h.t.Node().Type().TerraformType(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return v.String()
}

func identified(t *testing.T, h *hosted, identity *tfprotov6.ResourceIdentityData) string {
	t.Helper()
	if identity == nil {
		return "none"
	}
	v, err := identity.IdentityData.Unmarshal(h.identityWire)
	if err != nil {
		t.Fatal(err)
	}
	return v.String()
}

// salted is the record of a sensitive value.
var salted = regexp.MustCompile(`~[^"]+`)

func recorded(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	var values map[string][]byte
	if err := json.Unmarshal(raw, &values); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for key, value := range values {
		texts[key] = salted.ReplaceAllString(string(value), "~") // of a secret each record is another
	}
	return texts
}

// What the framework refuses or warns of by the schema alone is left to it; on the rest the two agree (see twin).
func TestServersValidateAlike(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	label := func(name, value any) tftypes.Value {
		set, _ := wireOf(t, s.lamp, "labels").(tftypes.Set)
		object, _ := set.ElementType.(tftypes.Object)
		return tftypes.NewValue(set, []tftypes.Value{tftypes.NewValue(object, map[string]tftypes.Value{
			"label": tftypes.NewValue(tftypes.String, name), "value": tftypes.NewValue(tftypes.String, value),
		})})
	}
	shade := func(cloth any) tftypes.Value { return shades(t, s.lamp, cloth, nil, nil) }
	for name, c := range map[string]struct {
		given  map[string]tftypes.Value
		faults int
	}{
		"inside of an attribute that is a block": {map[string]tftypes.Value{"name": str("a"), "shades": shade("linen")}, 0},
		"required inside of one":                 {map[string]tftypes.Value{"name": str("a"), "shades": shade(nil)}, 1},
		"nothing wrong":                          {map[string]tftypes.Value{"name": str("a"), "labels": label("a", "b")}, 0},
		"what is required is null":               {nil, 1},
		"what is required, unknown":              {map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}, 0},
		"what only the engine says":              {map[string]tftypes.Value{"name": str("a"), "heat": str("1 J")}, 1},
		"the same, not known yet":                {map[string]tftypes.Value{"name": str("a"), "id": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}, 1},
		"required inside of a block":             {map[string]tftypes.Value{"name": str("a"), "labels": label("a", nil)}, 1},
		"across attributes":                      {map[string]tftypes.Value{"name": str("a"), "watts": tftypes.NewValue(tftypes.Number, 101)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, err := s.server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
				TypeName: "docker_lamp", Config: dynamic(t, value(t, s.lamp, c.given)),
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := texts(resp.Diagnostics); len(got) != c.faults {
				t.Errorf("%q, want %d", got, c.faults)
			}
		})
	}
}

// A fault inside of a set is told without what else is in the item, and once.
func TestValidateKeepsItemsOfSets(t *testing.T) {
	t.Parallel()
	p, err := New(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.resources, func(r contract.Resource) bool { return r.Name() == "container" })
	n := p.resources[i].Node()
	set, _ := wireOf(t, n, "labels").(tftypes.Set)
	object, _ := set.ElementType.(tftypes.Object)
	item := tftypes.NewValue(object, map[string]tftypes.Value{"label": str(""), "value": str("hunter2")})
	resp, err := server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: "docker_container",
		Config:   dynamic(t, value(t, n, map[string]tftypes.Value{"name": str("web"), "image": str("i"), "labels": tftypes.NewValue(set, []tftypes.Value{item})})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Diagnostics) != 1 || !strings.HasPrefix(resp.Diagnostics[0].Detail, "Attribute labels.label string length") {
		t.Errorf("%q, want one that names labels.label", texts(resp.Diagnostics))
	}
}

// shades is one block that is an attribute for Terraform; a nil is null, and rings have sizes.
func shades(t *testing.T, n *contract.Node, cloth, width any, rings []int) tftypes.Value {
	t.Helper()
	list, _ := wireOf(t, n, "shades").(tftypes.List)
	object, _ := list.ElementType.(tftypes.Object)
	inside, _ := object.AttributeTypes["rings"].(tftypes.List)
	var sizes any
	if rings != nil {
		all := []tftypes.Value{}
		for _, size := range rings {
			all = append(all, tftypes.NewValue(inside.ElementType, map[string]tftypes.Value{"size": tftypes.NewValue(tftypes.Number, size)}))
		}
		sizes = all
	}
	return tftypes.NewValue(list, []tftypes.Value{tftypes.NewValue(object, map[string]tftypes.Value{
		"cloth": tftypes.NewValue(tftypes.String, cloth), "width": tftypes.NewValue(tftypes.Number, width), "rings": tftypes.NewValue(inside, sizes),
	})})
}

// What is a block for the type and an attribute for Terraform is planned, made, read and stored to the letter of the
// declaration: null and no items are two values to it, though they mean the same.
func TestServersFilledBlock(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	none(t, s.configure(nil, false).Diagnostics)
	var state tftypes.Value
	var private []byte
	for _, c := range []struct {
		name           string
		shades, stored tftypes.Value
	}{
		{"made", shades(t, s.lamp, "linen", nil, nil), shades(t, s.lamp, "linen", nil, nil)},
		{"the same, another spelling, which stays", shades(t, s.lamp, "linen", nil, []int{}), shades(t, s.lamp, "linen", nil, nil)},
		{"changed", shades(t, s.lamp, "silk", 2, []int{}), shades(t, s.lamp, "silk", 2, []int{})},
		{"with something inside", shades(t, s.lamp, "silk", nil, []int{1, 2}), shades(t, s.lamp, "silk", nil, []int{1, 2})},
	} {
		config := value(t, s.lamp, map[string]tftypes.Value{"name": str("a"), "shades": c.shades})
		plan := s.plan(config, state, private)
		none(t, plan.Diagnostics)
		planned, values := s.open(plan.PlannedState)
		if !values["shades"].Equal(c.stored) {
			t.Errorf("%s: planned %s, want %s", c.name, values["shades"], c.stored)
		}
		if state.Type() == nil {
			state = tftypes.NewValue(config.Type(), nil)
		}
		resp, err := s.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
			TypeName: "docker_lamp", Config: dynamic(t, config), PriorState: dynamic(t, state), PlannedState: dynamic(t, planned), PlannedPrivate: plan.PlannedPrivate,
		})
		if err != nil {
			t.Fatal(err)
		}
		none(t, resp.Diagnostics)
		read, err := s.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "docker_lamp", CurrentState: resp.NewState, Private: resp.Private})
		if err != nil {
			t.Fatal(err)
		}
		none(t, read.Diagnostics)
		for what, answer := range map[string]*tfprotov6.DynamicValue{"made": resp.NewState, "read": read.NewState} {
			if _, values := s.open(answer); !values["shades"].Equal(c.stored) {
				t.Errorf("%s: %s %s, want %s", c.name, what, values["shades"], c.stored)
			}
		}
		state, _ = s.open(read.NewState)
		private = read.Private
	}
	stored := `{"name":"a","id":"lamp-1","labels":[],"ports":[],"shades":[{"cloth":"silk","width":null,"rings":[{"size":1}]}]}` // of a block, as of an attribute
	resp, err := s.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: "docker_lamp", Version: s.lamp.Version, RawState: &tfprotov6.RawState{JSON: []byte(stored)},
	})
	if err != nil {
		t.Fatal(err)
	}
	none(t, resp.Diagnostics)
	if _, values := s.open(resp.UpgradedState); !values["shades"].Equal(shades(t, s.lamp, "silk", nil, []int{1})) {
		t.Errorf("stored: %s", values["shades"])
	}
}

// wireOf is the protocol's type of an attribute or block.
func wireOf(t *testing.T, n *contract.Node, name string) tftypes.Type {
	t.Helper()
	object, _ := n.Type().TerraformType(t.Context()).(tftypes.Object)
	return object.AttributeTypes[name]
}

// What changes something is done on two engines alike: once by the framework's server, once by ours.
func TestServersApplyAlike(t *testing.T) {
	t.Parallel()
	number := func(n int) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }
	for name, steps := range map[string][]struct {
		config map[string]tftypes.Value // nil destroys
		before func(*fakeShop)
	}{
		"made, changed, gone": {
			{config: map[string]tftypes.Value{"name": str("a"), "bulb": str("led"), "secret": str("s")}},
			{config: map[string]tftypes.Value{"name": str("b"), "watts": number(7)}},
			{config: map[string]tftypes.Value{"name": str("b"), "watts": number(7), "wait": tftypes.NewValue(tftypes.Bool, true)}},
			{},
		},
		"respelled":       {{config: map[string]tftypes.Value{"name": str("respelled"), "colour": str("warm")}}},
		"not as planned":  {{config: map[string]tftypes.Value{"name": str("fading")}}, {}},
		"of a short life": {{config: map[string]tftypes.Value{"name": str("burnt")}}},
		"made in part":    {{config: map[string]tftypes.Value{"name": str("broken")}}},
		"not made": {{config: map[string]tftypes.Value{"name": str("a")}, before: func(s *fakeShop) {
			s.err = contract.At("name", "is taken: %w", errs.ErrConflict)
		}}},
		"not changed": {
			{config: map[string]tftypes.Value{"name": str("a")}},
			{config: map[string]tftypes.Value{"name": str("b")}, before: func(s *fakeShop) { s.err = errs.ErrUnavailable }},
		},
		"not removed": {{config: map[string]tftypes.Value{"name": str("a")}}, {before: func(s *fakeShop) { s.err = errs.ErrUnavailable }}},
		"removed by somebody": {
			{config: map[string]tftypes.Value{"name": str("a")}},
			{before: func(s *fakeShop) { clear(s.lamps) }},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answers [2][]map[string]any
			for i := range answers {
				shop := newShop()
				s := newSession(t, newTestProvider(t, shop))
				none(t, s.configure(nil, false).Diagnostics)
				ours := s.server.(twin)
				if i == 0 {
					s.server = ours.framework
				}
				var state tftypes.Value
				var private []byte
				var identity *tfprotov6.ResourceIdentityData
				for _, step := range steps {
					config := value(t, s.lamp, step.config)
					planned := tftypes.NewValue(config.Type(), nil)
					if step.config == nil {
						config = planned
					} else {
						plan := s.plan(config, state, private)
						none(t, plan.Diagnostics)
						planned, _ = s.open(plan.PlannedState)
						private = plan.PlannedPrivate
					}
					if step.before != nil {
						step.before(shop)
					}
					if state.Type() == nil {
						state = tftypes.NewValue(config.Type(), nil)
					}
					resp, err := s.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
						TypeName: "docker_lamp", Config: dynamic(t, config), PriorState: dynamic(t, state), PlannedState: dynamic(t, planned),
						PlannedPrivate: private, PlannedIdentity: identity,
					})
					if err != nil {
						t.Fatal(err)
					}
					answers[i] = append(answers[i], plainly(t, ours.types["docker_lamp"], resp))
					state, _ = s.open(resp.NewState)
					private, identity = resp.Private, resp.NewIdentity
				}
			}
			if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
				t.Errorf("(-framework +server):\n%s", diff)
			}
		})
	}
}

// Every value of the protocol, written and read by its library and by us, is the same.
func FuzzObjects(f *testing.F) {
	node := mustCompile(f)
	wire := node.Type().TerraformType(f.Context())
	for _, given := range []map[string]tftypes.Value{
		{}, {"name": str("a"), "watts": tftypes.NewValue(tftypes.Number, -1<<40)}, {"id": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)},
		{"tags": tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{str("x"), tftypes.NewValue(tftypes.String, tftypes.UnknownValue)})},
		{"watts": tftypes.NewValue(tftypes.Number, 1e300)},
	} {
		f.Add(dynamic(f, value(f, node, given)).MsgPack)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := decodeObject(t.Context(), node, raw)
		if err != nil {
			return // left to the library
		}
		v, err := tfprotov6.DynamicValue{MsgPack: raw}.Unmarshal(wire)
		if err != nil {
			t.Fatalf("the library refuses what we read as %s: %v", got, err)
		}
		want, err := objectOf(t.Context(), node, v)
		if err != nil || !want.Equal(got) {
			t.Fatalf("got %s, want %s (%v)", got, want, err)
		}
		again, err := encodeObject(t.Context(), node, got)
		if err != nil {
			t.Fatal(err)
		}
		if v, err = (tfprotov6.DynamicValue{MsgPack: again}).Unmarshal(wire); err != nil {
			t.Fatalf("the library refuses what we write of %s: %v", got, err)
		}
		if read, err := objectOf(t.Context(), node, v); err != nil || !read.Equal(got) {
			t.Fatalf("written as %s, want %s (%v)", read, got, err)
		}
	})
}

// Every state of the current version is read as the protocol's library reads it, or left to it.
func FuzzStored(f *testing.F) {
	node := mustCompile(f)
	wire := node.Type().TerraformType(f.Context())
	for _, state := range []string{
		`{}`, `{"name":"a","watts":40,"gone":[1],"labels":[{"label":"a","value":"b"}]}`, `{"watts":1.5}`, `{"watts":"7"}`, `{"tags":["a",null]}`,
		`{"ports":[{"internal":80,"external":null,"protocol":"tcp"}]}`, `null`, `[]`, `{"watts":1e2}`,
	} {
		f.Add(state)
	}
	f.Fuzz(func(t *testing.T, state string) {
		got, err := storedObject(node, []byte(state))
		if err != nil {
			return
		}
		v, err := (&tfprotov6.RawState{JSON: []byte(state)}).UnmarshalWithOpts(wire, tfprotov6.UnmarshalOpts{
			ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
		})
		if err != nil {
			t.Fatalf("the library refuses what we read as %s: %v", got, err)
		}
		var want types.Object
		if want, err = objectOf(t.Context(), node, v); err != nil || !want.Equal(got) {
			t.Fatalf("got %s, want %s (%v)", got, want, err)
		}
	})
}

// Values of every type of the catalog are read and written as the protocol's library does it: null, not known, given.
func TestObjectsOfEveryType(t *testing.T) {
	t.Parallel()
	p, err := New(t.Context(), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range p.resources {
		t.Run(r.Name(), func(t *testing.T) {
			t.Parallel()
			n, wire := r.Node(), r.Node().Type().TerraformType(t.Context())
			for _, kind := range []sample{nulls, unknowns, values} {
				raw := kind.of(wire)
				want, err := objectOf(t.Context(), n, raw)
				if err != nil {
					t.Fatal(err)
				}
				got, err := decodeObject(t.Context(), n, dynamic(t, raw).MsgPack)
				if err != nil || !got.Equal(want) {
					t.Fatalf("kind %d: got %s, want %s (%v)", kind, got, want, err)
				}
				written, err := encodeObject(t.Context(), n, got)
				if err != nil {
					t.Fatal(err)
				}
				again, err := tfprotov6.DynamicValue{MsgPack: written}.Unmarshal(wire)
				if err != nil {
					t.Fatal(err)
				}
				if read, err := objectOf(t.Context(), n, again); err != nil || !read.Equal(want) {
					t.Fatalf("kind %d: written as %s, want %s (%v)", kind, read, want, err)
				}
			}
		})
	}
}

// sample is a kind of value: what the members of an object are.
type sample int

const (
	nulls sample = iota
	unknowns
	values
)

func (s sample) of(t tftypes.Type) tftypes.Value {
	switch t := t.(type) {
	case tftypes.Object:
		members := map[string]tftypes.Value{}
		for name, member := range t.AttributeTypes {
			members[name] = s.member(member)
		}
		return tftypes.NewValue(t, members)
	case tftypes.List:
		return tftypes.NewValue(t, []tftypes.Value{s.of(t.ElementType), s.of(t.ElementType)})
	case tftypes.Set:
		return tftypes.NewValue(t, []tftypes.Value{s.of(t.ElementType)})
	case tftypes.Map:
		return tftypes.NewValue(t, map[string]tftypes.Value{"a": s.of(t.ElementType), "b": s.of(t.ElementType)})
	}
	switch {
	case t.Is(tftypes.Bool):
		return tftypes.NewValue(t, true)
	case t.Is(tftypes.Number):
		return tftypes.NewValue(t, 1<<40)
	}
	return tftypes.NewValue(t, "é\x00")
}

func (s sample) member(t tftypes.Type) tftypes.Value {
	switch s {
	case nulls:
		return tftypes.NewValue(t, nil)
	case unknowns:
		return tftypes.NewValue(t, tftypes.UnknownValue)
	}
	return s.of(t)
}
