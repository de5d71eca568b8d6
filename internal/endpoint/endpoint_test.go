package endpoint

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/network"
)

func str(s string) types.String { return types.StringValue(s) }

func strs(all ...string) types.Set {
	values := []attr.Value{}
	for _, s := range all {
		values = append(values, str(s))
	}
	return types.SetValueMust(types.StringType, values)
}

// none is an endpoint of which nothing is declared.
func none() Endpoint {
	null := types.SetNull(types.StringType)
	return Endpoint{Aliases: null, DriverOpts: null, LinkLocalIPs: null}
}

func with(change func(*Endpoint)) Endpoint {
	e := none()
	change(&e)
	return e
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	four, six := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("fd00::7")
	settings := &network.EndpointSettings{
		Aliases: []string{Mark, "www", "0123456789ab", "web"}, IPAddress: four, GlobalIPv6Address: six, MacAddress: network.HardwareAddr{2, 0, 0, 0, 0, 5},
	}
	engine := Source{Engine: []string{"0123456789ab", "web"}}
	for name, c := range map[string]struct {
		was  Endpoint
		have *network.EndpointSettings
		from Source
		want Endpoint
	}{
		"what was chosen is not declared":      {none(), settings, engine, with(func(e *Endpoint) { e.Aliases = strs("www") })},
		"what the engine adds may be declared": {with(func(e *Endpoint) { e.Aliases = strs("web") }), settings, engine, with(func(e *Endpoint) { e.Aliases = strs("web", "www") })},
		"declared, and only reported as it is": {
			with(func(e *Endpoint) {
				e.IPv4Address, e.IPv6Address, e.MacAddress = str("10.0.0.7"), str("[FD00::07]"), str("02-00-00-00-00-05")
			}), settings, engine,
			with(func(e *Endpoint) {
				e.Aliases, e.IPv4Address, e.IPv6Address, e.MacAddress = strs("www"), str("10.0.0.7"), str("[FD00::07]"), str("02-00-00-00-00-05")
			}),
		},
		"other than declared": {
			with(func(e *Endpoint) {
				e.IPv4Address, e.MacAddress, e.GwPriority = str("10.0.0.8"), str("02:00:00:00:00:06"), types.Int64Value(3)
			}), settings, engine,
			with(func(e *Endpoint) {
				e.Aliases, e.IPv4Address, e.MacAddress, e.GwPriority = strs("www"), str("10.0.0.7"), str("02:00:00:00:00:05"), types.Int64Value(0)
			}),
		},
		"it does not run": {
			with(func(e *Endpoint) { e.IPv4Address, e.MacAddress = str("10.0.0.7"), str("02:00:00:00:00:05") }), &network.EndpointSettings{}, engine,
			with(func(e *Endpoint) { e.IPv4Address, e.MacAddress = str("10.0.0.7"), str("02:00:00:00:00:05") }),
		},
		"declared as nothing": {
			with(func(e *Endpoint) { e.Aliases, e.IPv4Address = strs(), str("") }), &network.EndpointSettings{IPAddress: four}, engine,
			with(func(e *Endpoint) { e.Aliases, e.IPv4Address = strs(), str("") }),
		},
		"configured by somebody else": {
			none(), &network.EndpointSettings{
				IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: four, LinkLocalIPs: []netip.Addr{netip.MustParseAddr("169.254.1.1")}}, DriverOpts: map[string]string{"a": "b"}, GwPriority: 2,
			}, engine,
			with(func(e *Endpoint) {
				e.IPv4Address, e.LinkLocalIPs, e.DriverOpts, e.GwPriority = str("10.0.0.7"), strs("169.254.1.1"), strs("a=b"), types.Int64Value(2)
			}),
		},
		"a silent engine": {
			with(func(e *Endpoint) { e.DriverOpts = strs("a=b") }), &network.EndpointSettings{}, Source{Silent: true}, with(func(e *Endpoint) { e.DriverOpts = strs("a=b") }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, Flatten(c.was, c.have, c.from)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	networks := map[string]*network.EndpointSettings{
		"app": {NetworkID: "0123456789abcdef"}, "stopped": {}, "podman": {NetworkID: "podman"}, "nothing": nil,
	}
	for ref, want := range map[string]string{"app": "app", "0123456789abcdef": "app", "0123456789ab": "app", "0123": "", "stopped": "stopped", "": "", "nothing": "nothing", "fedcba987654": ""} {
		if got, ok := Find(networks, ref); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %t", ref, got, ok)
		}
	}
	if Marked(nil) || Marked(&network.EndpointSettings{Aliases: []string{"x"}}) || !Marked(&network.EndpointSettings{Aliases: []string{"x", Mark}}) {
		t.Error("marks are not told from other aliases")
	}
}

func TestExpandFails(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]Endpoint{
		"ipv4_address": {IPv4Address: str("x")}, "ipv6_address": {IPv6Address: str("x")}, "link_local_ips": {LinkLocalIPs: strs("x")}, "mac_address": {MacAddress: str("x")},
	} {
		if got, err := e.Expand(); err == nil || err.Error()[:len(want)] != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
}

func TestValidators(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		v         validator.String
		good, bad []string
	}{
		"IP":       {IP(), []string{"10.0.0.1", "::1", "[::1]"}, []string{"", "10.0.0", "x"}},
		"IPv4":     {IPv4(), []string{"10.0.0.1"}, []string{"::1", "10.0.0.1/24"}},
		"IPv6":     {IPv6(), []string{"fd00::1", "[fd00::1]"}, []string{"10.0.0.1"}},
		"MAC":      {MAC(), []string{"02:42:0a:00:00:05", "02-42-0A-00-00-05"}, []string{"", "02:42"}},
		"KeyValue": {KeyValue(), []string{"a=b", "a=", "a=b=c"}, []string{"a", "=b", ""}},
	} {
		for refused, list := range map[bool][]string{false: c.good, true: c.bad} {
			for _, s := range list {
				var out validator.StringResponse
				c.v.ValidateString(t.Context(), validator.StringRequest{Path: path.Root("x"), ConfigValue: str(s)}, &out)
				if out.Diagnostics.HasError() != refused {
					t.Errorf("%s %q: %v", name, s, out.Diagnostics)
				}
			}
		}
	}
}
