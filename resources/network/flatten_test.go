package network

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"
)

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestFlattenOptions(t *testing.T) {
	t.Parallel()
	null := types.MapNull(types.StringType)
	tests := map[string]struct {
		options map[string]string
		last    types.Map
		podman  bool
		want    types.Map
	}{
		"none":                       {nil, null, false, null},
		"none, an empty map stays":   {map[string]string{}, strMap(), false, strMap()},
		"what the engine adds":       {map[string]string{"com.docker.network.enable_ipv4": "true", "x": "y"}, null, false, strMap("x", "y")},
		"declared is never filtered": {map[string]string{"com.docker.network.enable_ipv4": "true"}, strMap("com.docker.network.enable_ipv4", "true"), false, strMap("com.docker.network.enable_ipv4", "true")},
		"drift":                      {map[string]string{"a": "2", "b": "1"}, strMap("a", "1", "c", "1"), false, strMap("a", "2", "b", "1")},
		"podman's name":              {map[string]string{"mtu": "1400"}, strMap("com.docker.network.driver.mtu", "1500"), true, strMap("com.docker.network.driver.mtu", "1400")},
		"podman's name, declared so": {map[string]string{"mtu": "1400"}, strMap("mtu", "1400"), true, strMap("mtu", "1400")},
		"podman's name, imported":    {map[string]string{"mtu": "1400"}, null, true, strMap("com.docker.network.driver.mtu", "1400")},
		"podman says nothing":        {nil, strMap("com.docker.network.bridge.name", "br9"), true, strMap("com.docker.network.bridge.name", "br9")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, flattenOptions(test.options, test.last, test.podman)); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSatisfied(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr
	v4 := pool{subnet: mustPrefix("10.1.0.0/16"), gateway: addr("10.1.0.1")}
	v6 := pool{subnet: mustPrefix("fd00:1::/64"), gateway: addr("fd00:1::1")}
	tests := map[string]struct {
		have, want []pool
		same       bool
	}{
		"subnet alone":                  {[]pool{v4}, []pool{{subnet: mustPrefix("10.1.0.0/16")}}, true},
		"host bits mean nothing":        {[]pool{v4}, []pool{{subnet: mustPrefix("10.1.2.3/16")}}, true},
		"gateway too":                   {[]pool{v4}, []pool{v4}, true},
		"other gateway":                 {[]pool{v4}, []pool{{subnet: v4.subnet, gateway: addr("10.1.0.2")}}, false},
		"other subnet":                  {[]pool{v4}, []pool{{subnet: mustPrefix("10.2.0.0/16")}}, false},
		"smaller subnet":                {[]pool{v4}, []pool{{subnet: mustPrefix("10.1.0.0/24")}}, false},
		"range declared, none there":    {[]pool{v4}, []pool{{subnet: v4.subnet, ipRange: mustPrefix("10.1.9.0/24")}}, false},
		"range there, none declared":    {[]pool{{subnet: v4.subnet, ipRange: mustPrefix("10.1.9.0/24")}}, []pool{{subnet: v4.subnet}}, false},
		"reserved there, none declared": {[]pool{{subnet: v4.subnet, aux: map[string]netip.Addr{"a": addr("10.1.0.9")}}}, []pool{{subnet: v4.subnet}}, false},
		"other family was chosen":       {[]pool{v4, v6}, []pool{{subnet: v6.subnet}}, true},
		"one too many of a family":      {[]pool{v4, {subnet: mustPrefix("10.9.0.0/16")}}, []pool{{subnet: v4.subnet}}, false},
		"one too few":                   {[]pool{v4}, []pool{{subnet: v4.subnet}, {subnet: v6.subnet}}, false},
		"both, in another order":        {[]pool{v6, v4}, []pool{v4, v6}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := satisfied(test.have, test.want); got != test.same {
				t.Errorf("satisfied(%v, %v) = %t", test.have, test.want, got)
			}
			// The attribute ipam carries the same meaning.
			if got := samePools(poolsValue(test.have), poolsValue(test.want)); got != test.same {
				t.Errorf("samePools = %t", got)
			}
		})
	}
}

func TestFlattenPodman(t *testing.T) {
	t.Parallel()
	n := recorded(t, "podman4-declared")
	last := Model{
		ID: str(n.ID), Name: str("decl2"), Attachable: types.BoolValue(true), IPAMDriver: str("default"), Options: strMap("isolate", "true"), IPAMOptions: types.MapNull(types.StringType),
	}
	last.IPAMConfig.Items = []IPAMConfig{{Subnet: str("10.204.1.0/24"), IPRange: str("10.204.1.128/25"), AuxAddress: strMap("a", "10.204.1.5")}}
	got := flatten(n, last, func(pool) bool { return true })
	if diff := cmp.Diff(last.IPAMConfig, got.IPAMConfig); diff != "" {
		t.Errorf("ipam_config (-want +got):\n%s", diff)
	}
	if !got.Attachable.ValueBool() || got.IPAMDriver != last.IPAMDriver || !got.Options.Equal(last.Options) || !got.IPAMOptions.IsNull() {
		t.Errorf("got %v", got)
	}
	want := pool{
		subnet: mustPrefix("10.204.1.0/24"), ipRange: mustPrefix("10.204.1.128/25"), gateway: netip.MustParseAddr("10.204.1.254"),
		aux: map[string]netip.Addr{"a": netip.MustParseAddr("10.204.1.5")},
	}
	if diff := cmp.Diff(poolsValue([]pool{want}), got.IPAM); diff != "" {
		t.Errorf("ipam (-want +got):\n%s", diff)
	}

	// Drift is still seen in what podman does report.
	n.IPAM.Config = []mobynetwork.IPAMConfig{{Subnet: mustPrefix("10.9.0.0/24"), Gateway: netip.MustParseAddr("10.9.0.1")}}
	got = flatten(n, last, func(pool) bool { return false })
	if len(got.IPAMConfig.Items) != 1 || got.IPAMConfig.Items[0].Subnet.ValueString() != "10.9.0.0/24" {
		t.Errorf("ipam_config %v", got.IPAMConfig)
	}
}

func FuzzPools(f *testing.F) {
	f.Add("10.0.0.0/8", "10.0.0.1")
	f.Add("fd00::7/64", "fd00::1%eth0")
	f.Add("::ffff:1.2.3.4/120", "1.2.3.4")
	f.Fuzz(func(t *testing.T, subnet, gateway string) {
		p, err := poolOf(IPAMConfig{Subnet: str(subnet), Gateway: str(gateway)})
		if err != nil {
			return
		}
		back, err := poolsFrom(poolsValue([]pool{p}))
		if err != nil || len(back) != 1 || back[0].subnet != p.subnet || back[0].gateway != p.gateway {
			t.Errorf("%v came back as %v, %v", p, back, err)
		}
	})
}
