package container

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/internal/endpoint"
	"github.com/cleat-dev/cleat/resources/contract"
)

// What a docker_network_attachment connects is none of the container's business: it is no drift, and stays when the
// networks of the container change. What was connected by hand is drift.
func TestAttachments(t *testing.T) {
	t.Parallel()
	networks := func(n ...Network) func(*Model) {
		return func(m *Model) { m.Networks = contract.BlocksOf(n...) }
	}
	one := networks(Network{Name: str("n1")})
	for name, c := range map[string]struct {
		before, after func(*Model)
		hand          string // a network connected by hand
		lost          string // a network disconnected by hand
		want          []string
	}{
		"beside the bridge":       {nil, nil, "", "", nil},
		"beside networks":         {one, one, "", "", nil},
		"networks change":         {one, networks(Network{Name: str("n2")}), "", "", []string{"inspect", "connect n2 ", "disconnect n1"}},
		"connected by hand":       {one, one, "n3", "", []string{"inspect", "disconnect n3"}},
		"bridge lost":             {nil, nil, "", "bridge", []string{"inspect", "connect bridge "}},
		"declared here too":       {networks(Network{Name: str("n1")}, Network{Name: str("side"), Aliases: setOf("a")}), networks(Network{Name: str("n1")}, Network{Name: str("side"), Aliases: setOf("a")}), "", "", nil},
		"declared here no longer": {networks(Network{Name: str("n1")}, Network{Name: str("side")}), one, "", "", []string{"inspect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			observed := apply(t, e, object(t, declared(c.before)))
			have := e.c.NetworkSettings.Networks
			have["side"] = &network.EndpointSettings{NetworkID: "side-id", Aliases: []string{"a", endpoint.Mark}}
			if c.hand != "" {
				have[c.hand] = &network.EndpointSettings{NetworkID: c.hand + "-id"}
			}
			delete(have, c.lost)
			var err error
			if observed, err = host(t).Read(t.Context(), e, observed); err != nil {
				t.Fatal(err)
			}
			p := plan(t, e, object(t, declared(c.after)), observed)
			e.calls = nil
			if len(p.Changes) > 0 {
				if _, err := host(t).Update(t.Context(), e, observed, p.Planned, p.Changes); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if have["side"] == nil {
				t.Error("the attachment was disconnected")
			}
		})
	}
}
