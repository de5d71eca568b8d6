package provider

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

// The real provider has a schema Terraform accepts, with every type of the catalog.
func TestSchemaIsValid(t *testing.T) {
	t.Parallel()
	p, err := New(t.Context(), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := serverOf(t, p).GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range resp.Diagnostics {
		t.Errorf("%s: %s", d.Summary, d.Detail)
	}
	for _, r := range p.resources {
		if resp.ResourceSchemas["docker_"+r.Name()] == nil {
			t.Errorf("docker_%s has no schema", r.Name())
		}
	}
	for _, d := range p.data {
		if resp.DataSourceSchemas["docker_"+d.Name()] == nil {
			t.Errorf("data docker_%s has no schema", d.Name())
		}
	}
	if len(resp.ResourceSchemas) != len(p.resources) || len(resp.DataSourceSchemas) != len(p.data) {
		t.Errorf("got %d resources and %d data sources, want %d and %d", len(resp.ResourceSchemas), len(resp.DataSourceSchemas), len(p.resources), len(p.data))
	}
}

// A session is one provider as Terraform talks to it.
type session struct {
	t      *testing.T
	server tfprotov6.ProviderServer
	p      *Provider
	lamp   *contract.Node
}

func newSession(t *testing.T, p *Provider) session {
	t.Helper()
	return session{t: t, server: serverOf(t, p), p: p, lamp: p.resources[0].Node()}
}

// value builds a protocol value of a schema; what is not given is null, or a block without items.
func value(t testing.TB, n *contract.Node, given map[string]tftypes.Value) tftypes.Value {
	t.Helper()
	object, err := n.Object(n.Empty())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := rawOf(t.Context(), object)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]tftypes.Value{}
	if err := raw.As(&values); err != nil {
		t.Fatal(err)
	}
	for name, v := range given {
		values[name] = v
	}
	return tftypes.NewValue(raw.Type(), values)
}

func dynamic(t testing.TB, v tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	d, err := tfprotov6.NewDynamicValue(v.Type(), v)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

func str(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func (s session) configure(given map[string]tftypes.Value, deferral bool) *tfprotov6.ConfigureProviderResponse {
	s.t.Helper()
	resp, err := s.server.ConfigureProvider(s.t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config: dynamic(s.t, value(s.t, s.p.node, given)), TerraformVersion: "1.11.4",
		ClientCapabilities: &tfprotov6.ConfigureProviderClientCapabilities{DeferralAllowed: deferral},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// plan asks for a plan of a lamp; a zero prior means that there is none.
func (s session) plan(config, prior tftypes.Value, private []byte) *tfprotov6.PlanResourceChangeResponse {
	s.t.Helper()
	if prior.Type() == nil {
		prior = tftypes.NewValue(config.Type(), nil)
	}
	resp, err := s.server.PlanResourceChange(s.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "docker_lamp", Config: dynamic(s.t, config), PriorState: dynamic(s.t, prior),
		ProposedNewState: dynamic(s.t, config), PriorPrivate: private,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

func (s session) apply(config, prior, planned tftypes.Value, private []byte) *tfprotov6.ApplyResourceChangeResponse {
	s.t.Helper()
	if prior.Type() == nil {
		prior = tftypes.NewValue(config.Type(), nil)
	}
	resp, err := s.server.ApplyResourceChange(s.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "docker_lamp", Config: dynamic(s.t, config), PriorState: dynamic(s.t, prior),
		PlannedState: dynamic(s.t, planned), PlannedPrivate: private,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// open returns the values of a protocol answer.
func (s session) open(d *tfprotov6.DynamicValue) (tftypes.Value, map[string]tftypes.Value) {
	s.t.Helper()
	v, err := d.Unmarshal(s.lamp.Type().TerraformType(s.t.Context()))
	if err != nil {
		s.t.Fatal(err)
	}
	values := map[string]tftypes.Value{}
	if !v.IsNull() {
		if err := v.As(&values); err != nil {
			s.t.Fatal(err)
		}
	}
	return v, values
}

func texts(diags []*tfprotov6.Diagnostic) []string {
	var all []string
	for _, d := range diags {
		at := ""
		if d.Attribute != nil {
			at = " at " + d.Attribute.String()
		}
		all = append(all, d.Severity.String()+at+": "+d.Summary+": "+d.Detail)
	}
	return all
}

func none(t *testing.T, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	if got := texts(diags); len(got) > 0 {
		t.Fatalf("diagnostics: %q", got)
	}
}

func TestValidateProviderConfig(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	resp, err := s.server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{
		Config: dynamic(t, value(t, s.p.node, map[string]tftypes.Value{"host": str("ftp://far")})),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`ERROR at AttributeName("host"): Invalid Docker host: found scheme "ftp", want unix://PATH, npipe://PATH, tcp://HOST:PORT, http(s)://HOST:PORT or ssh://[USER@]HOST`}
	if diff := cmp.Diff(want, texts(resp.Diagnostics)); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

// The engine is reached when the provider is configured, or, where the block says so, when it is needed.
func TestConfigure(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("nobody there")
	unchecked := map[string]tftypes.Value{"disable_docker_daemon_check": tftypes.NewValue(tftypes.Bool, true)}
	for name, c := range map[string]struct {
		config map[string]tftypes.Value
		err    error
		probes int
		want   []string
	}{
		"checked":               {probes: 1},
		"checked, unreachable":  {err: unreachable, probes: 1, want: []string{"ERROR: Docker host cannot be used: nobody there"}},
		"unchecked":             {config: unchecked},
		"unchecked unreachable": {config: unchecked, err: unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := newShop()
			engine.unreachable = c.err
			s := newSession(t, newTestProvider(t, engine))
			if diff := cmp.Diff(c.want, texts(s.configure(c.config, false).Diagnostics)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if engine.probes != c.probes {
				t.Errorf("got %d probes, want %d", engine.probes, c.probes)
			}
		})
	}
}

func TestUserAgentReachesClient(t *testing.T) {
	t.Parallel()
	p := newTestProvider(t, newShop())
	var got client.Config
	connect := p.connect
	p.connect = func(cfg client.Config) func(context.Context) (any, error) {
		got = cfg
		return connect(cfg)
	}
	none(t, newSession(t, p).configure(map[string]tftypes.Value{"host": str("tcp://far:1")}, false).Diagnostics)
	if got.UserAgent != "terraform-provider-docker/test Terraform/1.11.4" || got.Host != "tcp://far:1" {
		t.Errorf("got host %q and agent %q", got.Host, got.UserAgent)
	}
}

// An unchecked host need not be there to plan what is to be created on it.
func TestPlanOfCreateWithoutEngine(t *testing.T) {
	t.Parallel()
	engine := newShop()
	engine.unreachable = errors.New("nobody there")
	s := newSession(t, newTestProvider(t, engine))
	none(t, s.configure(map[string]tftypes.Value{"disable_docker_daemon_check": tftypes.NewValue(tftypes.Bool, true)}, false).Diagnostics)
	config := value(t, s.lamp, map[string]tftypes.Value{"name": str("a")})
	resp := s.plan(config, tftypes.Value{}, nil)
	none(t, resp.Diagnostics)
	if _, values := s.open(resp.PlannedState); values["heat"].IsKnown() {
		t.Errorf("heat is planned as %s, want unknown", values["heat"])
	}
}

// A host that only an apply will tell: objects are planned and kept, not lost.
func TestUnknownHost(t *testing.T) {
	t.Parallel()
	engine := newShop()
	s := newSession(t, newTestProvider(t, engine))
	unknown := map[string]tftypes.Value{"host": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}
	none(t, s.configure(unknown, false).Diagnostics)
	config := value(t, s.lamp, map[string]tftypes.Value{"name": str("a")})
	resp := s.plan(config, tftypes.Value{}, nil)
	none(t, resp.Diagnostics)
	if resp.Deferred != nil {
		t.Error("deferred although Terraform does not know how")
	}

	prior := value(t, s.lamp, map[string]tftypes.Value{"name": str("a"), "id": str("lamp-1"), "watts": tftypes.NewValue(tftypes.Number, 40), "heat": str("40 J")})
	read, err := s.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "docker_lamp", CurrentState: dynamic(t, prior)})
	if err != nil {
		t.Fatal(err)
	}
	none(t, read.Diagnostics)
	if kept, _ := s.open(read.NewState); !kept.Equal(prior) {
		t.Errorf("state became %s", kept)
	}
	if engine.probes+engine.gets != 0 {
		t.Error("an engine was asked although none is known")
	}

	data, err := s.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: "docker_lamps", Config: dynamic(t, value(t, s.p.data[0].Node(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(data.Diagnostics); len(got) != 1 || !strings.Contains(got[0], "not known yet") || !strings.Contains(got[0], "depends_on") {
		t.Errorf("data source: %q", got)
	}
	deferring := newSession(t, newTestProvider(t, engine))
	none(t, deferring.configure(unknown, true).Diagnostics)
	if deferring.plan(config, tftypes.Value{}, nil).Deferred == nil {
		t.Error("not deferred although Terraform allows it")
	}
}

// The plan tells what replaces, why where the values do not say it, and no more.
func TestPlanExplains(t *testing.T) {
	t.Parallel()
	engine := newShop()
	s := newSession(t, newTestProvider(t, engine))
	none(t, s.configure(nil, false).Diagnostics)
	config := value(t, s.lamp, map[string]tftypes.Value{"name": str("a"), "bulb": str("led")})
	created := s.plan(config, tftypes.Value{}, nil)
	none(t, created.Diagnostics)
	planned, _ := s.open(created.PlannedState)
	applied := s.apply(config, tftypes.Value{}, planned, created.PlannedPrivate)
	none(t, applied.Diagnostics)
	state, _ := s.open(applied.NewState)

	again := s.plan(config, state, applied.Private)
	none(t, again.Diagnostics)
	if same, _ := s.open(again.PlannedState); !same.Equal(state) || len(again.RequiresReplace) != 0 {
		t.Errorf("plan is not empty: %s", same)
	}

	engine.bulbs["led"] = "another"
	moved := s.plan(config, state, applied.Private)
	want := []string{`WARNING at AttributeName("bulb_id"): docker_lamp will be replaced: bulb_id: the bulb was exchanged`}
	if diff := cmp.Diff(want, texts(moved.Diagnostics)); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
	if len(moved.RequiresReplace) != 1 || moved.RequiresReplace[0].String() != `AttributeName("bulb_id")` {
		t.Errorf("requires replace: %v", moved.RequiresReplace)
	}
}

// A plan that comes to Update with a change only a replacement can make is refused, and nothing is touched.
func TestUpdateRefusesReplacement(t *testing.T) {
	t.Parallel()
	engine := newShop()
	s := newSession(t, newTestProvider(t, engine))
	none(t, s.configure(nil, false).Diagnostics)
	prior := value(t, s.lamp, map[string]tftypes.Value{"name": str("a"), "id": str("lamp-1"), "bulb_id": str("x")})
	planned := value(t, s.lamp, map[string]tftypes.Value{"name": str("a"), "id": str("lamp-1"), "bulb_id": str("y")})
	resp := s.apply(planned, prior, planned, nil)
	if got := texts(resp.Diagnostics); len(got) != 1 || !strings.Contains(got[0], "only a replacement can: bulb_id") {
		t.Errorf("diagnostics: %q", got)
	}
	if state, _ := s.open(resp.NewState); !state.Equal(prior) || engine.gets != 0 {
		t.Errorf("state became %s after %d calls", state, engine.gets)
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	engine := newShop()
	s := newSession(t, newTestProvider(t, engine))
	none(t, s.configure(nil, false).Diagnostics)
	prior := value(t, s.lamp, map[string]tftypes.Value{"name": str("a"), "id": str("lamp-1")})
	read := func() *tfprotov6.ReadResourceResponse {
		resp, err := s.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "docker_lamp", CurrentState: dynamic(t, prior)})
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	gone := read()
	none(t, gone.Diagnostics)
	if state, _ := s.open(gone.NewState); !state.IsNull() {
		t.Errorf("an object that is gone is still in the state: %s", state)
	}
	kept := func() {
		t.Helper()
		down := read()
		if got := texts(down.Diagnostics); len(got) != 1 || !strings.Contains(got[0], "docker_lamp not read") {
			t.Errorf("diagnostics: %q", got)
		}
		if state, _ := s.open(down.NewState); !state.Equal(prior) {
			t.Errorf("state became %s", state)
		}
	}
	engine.err = errs.ErrUnavailable
	kept()
	engine.err, engine.unreachable = nil, errs.ErrNotFound // such as a docker context that does not exist
	kept()
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err, unreachable error
		want             []string
	}{
		"done":         {},
		"gone already": {err: errs.ErrNotFound},
		"in use":       {err: errs.ErrConflict, want: []string{"ERROR: docker_lamp not deleted: conflict"}},
		"unreachable":  {unreachable: errs.ErrNotFound, want: []string{"ERROR: docker_lamp not deleted: not found"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := newShop()
			s := newSession(t, newTestProvider(t, engine))
			none(t, s.configure(nil, false).Diagnostics)
			engine.err, engine.unreachable = c.err, c.unreachable
			prior := value(t, s.lamp, map[string]tftypes.Value{"name": str("a"), "id": str("lamp-1")})
			resp := s.apply(tftypes.NewValue(prior.Type(), nil), prior, tftypes.NewValue(prior.Type(), nil), nil)
			if diff := cmp.Diff(c.want, texts(resp.Diagnostics)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if state, _ := s.open(resp.NewState); state.IsNull() != (c.want == nil) {
				t.Errorf("state is %s", state)
			}
		})
	}
}

func TestDataSourceErrorsNameTheAttribute(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	none(t, s.configure(nil, false).Diagnostics)
	resp, err := s.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: "docker_lamps", Config: dynamic(t, value(t, s.p.data[0].Node(), map[string]tftypes.Value{"colour": str("none")})),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`ERROR at AttributeName("colour"): data docker_lamps not read: colour: no such colour: invalid argument`}
	if diff := cmp.Diff(want, texts(resp.Diagnostics)); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	n := newTestProvider(t, newShop()).resources[0].Node()
	for text, want := range map[string]string{
		"name":              "name",
		"ports":             "ports",
		"ports[1]":          "ports[1]",
		"ports[1].external": "ports[1].external",
		"labels[0].label":   "labels", // a set
		`tags["x"]`:         `tags["x"]`,
		"tags[0]":           "tags[0]",
		"":                  "", "nothing": "", "ports[": "", "ports[x]": "", "ports[-1]": "", "ports[1]external": "", "ports[1].": "", "ports[1].nothing": "",
	} {
		at, ok := parsePath(n, text)
		if got := at.String(); got != want || ok != (want != "") {
			t.Errorf("path %q: got %q, %v; want %q", text, got, ok, want)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"ports[1].external", `tags["a\"b"]`, "labels[0].x", "[", "."} {
		f.Add(seed)
	}
	r, err := contract.Host(f.Context(), lamp{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := parsePath(r.Node(), text)
		if ok != (len(at.Steps()) > 0) {
			t.Errorf("path %q: %v with %v", text, at, ok)
		}
	})
}

func TestProviderNames(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	resp, err := s.server.GetMetadata(t.Context(), &tfprotov6.GetMetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range resp.Resources {
		names = append(names, r.TypeName)
	}
	for _, d := range resp.DataSources {
		names = append(names, d.TypeName)
	}
	if want := []string{"docker_lamp", "docker_lamps"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}
