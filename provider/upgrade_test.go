package provider

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/resources/contract"
)

// States of kreuzwerker/docker are taken over: labels were maps once, blocks may be null, attributes unknown to us
// are passed over.
func TestUpgradeState(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	none(t, s.configure(nil, false).Diagnostics)
	for version := range s.lamp.Version + 1 {
		labels := `{"b":"2","a":"1"}`
		if version == s.lamp.Version {
			labels = `[{"label":"a","value":"1"},{"label":"b","value":"2"}]`
		}
		resp, err := s.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
			TypeName: "docker_lamp", Version: version,
			RawState: &tfprotov6.RawState{JSON: []byte(`{"name":"a","id":"x","watts":40,"gone":{"x":1},"ports":null,"shades":[],"labels":` + labels + `}`)},
		})
		if err != nil {
			t.Fatal(err)
		}
		none(t, resp.Diagnostics)
		upgraded, values := s.open(resp.UpgradedState)
		var items []tftypes.Value
		if err := values["labels"].As(&items); err != nil || len(items) != 2 {
			t.Fatalf("version %d: labels %s, %v", version, values["labels"], err)
		}
		object, err := objectOf(t.Context(), s.lamp, upgraded)
		if err != nil || object.Attributes()["ports"].IsNull() {
			t.Errorf("version %d: null blocks stay null: %v, %v", version, object, err)
		}
	}
	resp, err := s.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: "docker_lamp", Version: 0, RawState: &tfprotov6.RawState{JSON: []byte(`{"name":["not","a","name"]}`)},
	})
	if err != nil || len(resp.Diagnostics) != 1 {
		t.Errorf("a state that does not fit gave %q, %v", texts(resp.Diagnostics), err)
	}
}

// What had one item was a map of texts once; labels and such are found at any depth.
func TestMapsToBlocks(t *testing.T) {
	t.Parallel()
	n := newSession(t, newTestProvider(t, newShop())).lamp
	value, err := upgraded(t.Context(), n, &tfprotov6.RawState{JSON: []byte(`{"name":"a","ports":{"internal":"80","protocol":"tcp"},"labels":{}}`)})
	if err != nil {
		t.Fatal(err)
	}
	object, err := objectOf(t.Context(), n, value)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"external":<null>,"internal":80,"protocol":"tcp"}]`
	if diff := cmp.Diff(want, object.Attributes()["ports"].String()); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

func TestMoveState(t *testing.T) {
	t.Parallel()
	const state = `{"name":"a","id":"x","labels":{"a":"1"}}`
	for _, c := range []struct {
		name, provider, kind string
		version              int64
		state                string
		want                 []string
	}{
		{"the peer", "registry.terraform.io/kreuzwerker/docker", "docker_lamp", 1, state, nil},
		{"its predecessor", "registry.terraform.io/terraform-providers/docker", "docker_lamp", 0, state, nil},
		{"another type", "registry.terraform.io/kreuzwerker/docker", "docker_candle", 1, state, []string{"ERROR: Unable to Move Resource State"}},
		{"another provider", "registry.terraform.io/acme/lamps", "docker_lamp", 1, state, []string{"ERROR: Unable to Move Resource State"}},
		{"a newer one", "registry.terraform.io/kreuzwerker/docker", "docker_lamp", 3, state, []string{"ERROR: docker_lamp: state cannot be moved"}},
		{"no such state", "registry.terraform.io/kreuzwerker/docker", "docker_lamp", 1, `{"name":[]}`, []string{"ERROR: docker_lamp: state cannot be moved"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, newTestProvider(t, newShop()))
			resp, err := s.server.MoveResourceState(t.Context(), &tfprotov6.MoveResourceStateRequest{
				SourceProviderAddress: c.provider, SourceTypeName: c.kind, SourceSchemaVersion: c.version,
				SourceState: &tfprotov6.RawState{JSON: []byte(c.state)}, TargetTypeName: "docker_lamp",
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range resp.Diagnostics {
				got = append(got, d.Severity.String()+": "+d.Summary)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Fatalf("diagnostics (-want +got):\n%s", diff)
			}
			if c.want != nil {
				return
			}
			_, values := s.open(resp.TargetState)
			var items []tftypes.Value
			if err := values["labels"].As(&items); err != nil || len(items) != 1 {
				t.Errorf("labels %s, %v", values["labels"], err)
			}
		})
	}
}

// Whatever a state holds, it is refused or fits the type.
func FuzzUpgraded(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","labels":{"a":"1"}}`, `{"ports":{"internal":"80"}}`, `{"ports":[{"internal":80}],"labels":[{"label":"a","value":"1"}]}`,
		`{"labels":{"a":{}}}`, `{"ports":[null,[],{}]}`, `null`, `[]`, `{"watts":1e400}`,
	} {
		f.Add([]byte(seed))
	}
	n := mustCompile(f)
	f.Fuzz(func(t *testing.T, state []byte) {
		value, err := upgraded(t.Context(), n, &tfprotov6.RawState{JSON: state})
		if err != nil {
			return
		}
		if !json.Valid(state) {
			t.Errorf("%q is no JSON and was read", state)
		}
		if _, err := objectOf(t.Context(), n, value); err != nil {
			t.Errorf("%q was read as what does not fit: %v", state, err)
		}
	})
}

func mustCompile(tb testing.TB) *contract.Node {
	tb.Helper()
	n, err := contract.Compile(tb.Context(), lamp{}.Schema(tb.Context()))
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
