package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/cleat-dev/cleat/resources/contract"
)

// create plans and applies a new lamp.
func (s session) create(given map[string]tftypes.Value) *tfprotov6.ApplyResourceChangeResponse {
	s.t.Helper()
	config := value(s.t, s.lamp, given)
	planned := s.plan(config, tftypes.Value{}, nil)
	none(s.t, planned.Diagnostics)
	plan, _ := s.open(planned.PlannedState)
	return s.apply(config, tftypes.Value{}, plan, planned.PlannedPrivate)
}

// What the engine spells in another way comes back to Terraform as it was planned.
func TestCreateKeepsPlannedSpelling(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	none(t, s.configure(nil, false).Diagnostics)
	resp := s.create(map[string]tftypes.Value{"name": str("respelled"), "colour": str("warm")})
	none(t, resp.Diagnostics)
	if _, values := s.open(resp.NewState); !values["colour"].Equal(str("warm")) {
		t.Errorf("colour became %s", values["colour"])
	}
}

// A result that is not what was planned is an error that names the attribute, and the object is kept as it is.
func TestCreateChecksResult(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	none(t, s.configure(nil, false).Diagnostics)
	resp := s.create(map[string]tftypes.Value{"name": str("fading")})
	if got := texts(resp.Diagnostics); len(got) != 1 || !strings.Contains(got[0], "watts: planned 40, the engine has 1") {
		t.Errorf("diagnostics: %q", got)
	}
	if _, values := s.open(resp.NewState); !values["watts"].Equal(tftypes.NewValue(tftypes.Number, 1)) {
		t.Errorf("watts are %s", values["watts"])
	}
}

// An object that is gone as soon as it has done its work is no failure; nobody can tell its computed values any more.
func TestCreateOfShortLife(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	none(t, s.configure(nil, false).Diagnostics)
	resp := s.create(map[string]tftypes.Value{"name": str("burnt")})
	none(t, resp.Diagnostics)
	_, values := s.open(resp.NewState)
	if !values["id"].Equal(str("lamp-1")) || !values["heat"].IsNull() {
		t.Errorf("id %s, heat %s", values["id"], values["heat"])
	}
}

// An interrupted create still saves what it made.
func TestCreateInterrupted(t *testing.T) {
	t.Parallel()
	engine := newShop()
	s := newSession(t, newTestProvider(t, engine))
	none(t, s.configure(nil, false).Diagnostics)
	config := value(t, s.lamp, map[string]tftypes.Value{"name": str("broken")})
	planned := s.plan(config, tftypes.Value{}, nil)
	ctx, interrupt := context.WithCancel(t.Context())
	engine.interrupt = interrupt
	resp, err := s.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "docker_lamp", Config: dynamic(t, config), PlannedState: planned.PlannedState, PlannedPrivate: planned.PlannedPrivate,
		PriorState: dynamic(t, tftypes.NewValue(config.Type(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(resp.Diagnostics); len(got) != 1 || !strings.Contains(got[0], "created, but not as planned: made, but does not light") {
		t.Errorf("diagnostics: %q", got)
	}
	if _, values := s.open(resp.NewState); !values["heat"].Equal(str("40 J")) {
		t.Errorf("the state does not hold what was made: %v", values)
	}
}

// A failed update leaves in the state what the object has become, config-only values included, also when it cannot
// be read.
func TestUpdateFailed(t *testing.T) {
	t.Parallel()
	for name, readable := range map[string]bool{"readable": true, "unreadable": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := newShop()
			s := newSession(t, newTestProvider(t, engine))
			none(t, s.configure(nil, false).Diagnostics)
			created := s.create(map[string]tftypes.Value{"name": str("a"), "wait": tftypes.NewValue(tftypes.Bool, true)})
			prior, _ := s.open(created.NewState)
			config := value(t, s.lamp, map[string]tftypes.Value{"name": str("b"), "watts": tftypes.NewValue(tftypes.Number, 13)})
			planned := s.plan(config, prior, created.Private)
			none(t, planned.Diagnostics)
			plan, _ := s.open(planned.PlannedState)
			if !readable {
				engine.mu.Lock()
				clear(engine.lamps)
				engine.mu.Unlock()
				engine.err = context.DeadlineExceeded
			}
			resp := s.apply(config, prior, plan, planned.PlannedPrivate)
			if got := texts(resp.Diagnostics); len(got) != 1 || !strings.Contains(got[0], "docker_lamp not updated") {
				t.Errorf("diagnostics: %q", got)
			}
			state, values := s.open(resp.NewState)
			want := map[bool]string{true: "b", false: "a"}[readable]
			if !values["name"].Equal(str(want)) || !values["watts"].Equal(tftypes.NewValue(tftypes.Number, 40)) || values["wait"].IsNull() {
				t.Errorf("state is %s", state)
			}
			if !bytes.Equal(resp.Private, created.Private) {
				t.Error("a failed update changed the record of what was applied")
			}
		})
	}
}

// What was applied is recorded beside the state, after a create and after an update, without any secret; it tells
// drift from configuration.
func TestAppliedRecord(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	none(t, s.configure(nil, false).Diagnostics)
	given := map[string]tftypes.Value{"name": str("a"), "colour": str("warm"), "secret": str("hunter2")}
	created := s.create(given)
	none(t, created.Diagnostics)
	if bytes.Contains(created.Private, []byte("hunter2")) {
		t.Error("the record holds a secret")
	}
	given["tags"] = tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{str("x")})
	config := value(t, s.lamp, given)
	prior, _ := s.open(created.NewState)
	if got, want := s.causes(config, prior, created.Private), []string{"tags configuration"}; !slices.Equal(got, want) {
		t.Errorf("causes of a new value: got %q, want %q", got, want)
	}
	planned := s.plan(config, prior, created.Private)
	plan, _ := s.open(planned.PlannedState)
	updated := s.apply(config, prior, plan, planned.PlannedPrivate)
	none(t, updated.Diagnostics)

	_, values := s.open(updated.NewState)
	values["tags"] = tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, nil)
	drifted := tftypes.NewValue(config.Type(), values)
	if got, want := s.causes(config, drifted, updated.Private), []string{"tags drift"}; !slices.Equal(got, want) {
		t.Errorf("causes of a value lost: got %q, want %q", got, want)
	}
}

// causes are the changes of a plan with their causes, as the log has them.
func (s session) causes(config, prior tftypes.Value, private []byte) []string {
	s.t.Helper()
	var log bytes.Buffer
	resp, err := s.server.(twin).server.PlanResourceChange(tflogtest.RootLogger(s.t.Context(), &log), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "docker_lamp", Config: dynamic(s.t, config), PriorState: dynamic(s.t, prior),
		ProposedNewState: dynamic(s.t, config), PriorPrivate: private,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	none(s.t, resp.Diagnostics)
	if strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), "warm") {
		s.t.Errorf("the log holds values: %s", log.String())
	}
	var causes []string
	for line := range strings.Lines(log.String()) {
		var entry struct{ Attribute, Cause string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			s.t.Fatal(err)
		}
		if entry.Cause != "" {
			causes = append(causes, entry.Attribute+" "+entry.Cause)
		}
	}
	return causes
}

// Terraform's framework hands blocks without items over as null; types get blocks without items.
func TestObjectOf(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), lamp{})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Node()
	raw := n.Type().TerraformType(t.Context()).(tftypes.Object)
	nulls := map[string]tftypes.Value{}
	for name, typ := range raw.AttributeTypes {
		nulls[name] = tftypes.NewValue(typ, nil)
	}
	got, err := objectOf(t.Context(), n, tftypes.NewValue(raw, nulls))
	if err != nil {
		t.Fatal(err)
	}
	want, err := n.Object(n.Empty())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
