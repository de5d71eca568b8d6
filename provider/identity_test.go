package provider

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/api/errs"
)

// Every type has an identity of one attribute that imports need.
func TestIdentitySchemas(t *testing.T) {
	t.Parallel()
	p, err := New(t.Context(), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := serverOf(t, p).GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	none(t, resp.Diagnostics)
	others := map[string]string{"docker_image": "name", "docker_tag": "target_image"}
	for _, r := range p.resources {
		name := "docker_" + r.Name()
		schema := resp.IdentitySchemas[name]
		if schema == nil || len(schema.IdentityAttributes) != 1 {
			t.Errorf("%s: identity %v, want one attribute", name, schema)
			continue
		}
		a := schema.IdentityAttributes[0]
		if want := r.IdentifiedBy(); a.Name != want || !a.RequiredForImport || a.Description == "" {
			t.Errorf("%s: identity %+v, want %q, described and required for import", name, a, want)
		}
		if want, ok := others[name]; ok && a.Name != want {
			t.Errorf("%s: identified by %q, want %q", name, a.Name, want)
		}
	}
}

// identityOf is the identity a lamp of this id has.
func identityOf(t *testing.T, id string) *tfprotov6.ResourceIdentityData {
	t.Helper()
	return &tfprotov6.ResourceIdentityData{IdentityData: dynamic(t, tftypes.NewValue(
		tftypes.Object{AttributeTypes: map[string]tftypes.Type{"id": tftypes.String}}, map[string]tftypes.Value{"id": str(id)},
	))}
}

func idIn(t *testing.T, identity *tfprotov6.ResourceIdentityData) string {
	t.Helper()
	if identity == nil {
		t.Fatal("there is no identity")
	}
	v, err := identity.IdentityData.Unmarshal(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"id": tftypes.String}})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]tftypes.Value{}
	if err := v.As(&values); err != nil {
		t.Fatal(err)
	}
	var id string
	if err := values["id"].As(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// The identity follows the object: made, read (also from a state that has none yet), imported by it, made again, gone.
func TestIdentityFollowsTheObject(t *testing.T) {
	t.Parallel()
	engine := newShop()
	s := newSession(t, newTestProvider(t, engine))
	none(t, s.configure(nil, false).Diagnostics)
	config := value(t, s.lamp, map[string]tftypes.Value{"name": str("desk")})
	plan := s.plan(config, tftypes.Value{}, nil)
	none(t, plan.Diagnostics)
	planned, _ := s.open(plan.PlannedState)
	made := s.apply(config, tftypes.Value{}, planned, plan.PlannedPrivate)
	none(t, made.Diagnostics)
	state, values := s.open(made.NewState)
	var id string
	if err := values["id"].As(&id); err != nil || id == "" {
		t.Fatalf("id %q: %v", id, err)
	}
	got := map[string]string{"made": idIn(t, made.NewIdentity)}
	read := func(name string, identity *tfprotov6.ResourceIdentityData) {
		t.Helper()
		resp, err := s.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: "docker_lamp", CurrentState: dynamic(t, state), CurrentIdentity: identity, Private: made.Private,
		})
		if err != nil {
			t.Fatal(err)
		}
		none(t, resp.Diagnostics)
		got[name] = idIn(t, resp.NewIdentity)
	}
	read("of a state without one", nil)
	read("of a state with one", made.NewIdentity)
	read("made again by somebody", identityOf(t, "lamp-0"))
	engine.err = errs.ErrNotFound
	read("gone", nil)
	engine.err = nil
	for name, req := range map[string]*tfprotov6.ImportResourceStateRequest{
		"imported by identity": {TypeName: "docker_lamp", Identity: identityOf(t, id)},
		"imported by id":       {TypeName: "docker_lamp", ID: id},
	} {
		resp, err := s.server.ImportResourceState(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		none(t, resp.Diagnostics)
		got[name] = idIn(t, resp.ImportedResources[0].Identity)
	}
	for name, found := range got {
		if diff := cmp.Diff(id, found); diff != "" {
			t.Errorf("%s: identity (-want +got):\n%s", name, diff)
		}
	}
	missing, err := s.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "docker_lamp", Identity: identityOf(t, "lamp-99")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`ERROR: docker_lamp not imported: there is no lamp called "lamp-99" on this host: lamp "lamp-99": not found`}
	if diff := cmp.Diff(want, texts(missing.Diagnostics)); diff != "" {
		t.Errorf("import of what is not there (-want +got):\n%s", diff)
	}
}
