package network

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
)

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// config returns a declaration with everything else null.
func config(t *testing.T, r contract.Resource, values map[string]attr.Value) types.Object {
	t.Helper()
	all := map[string]attr.Value{}
	for _, a := range r.Node().Attributes {
		all[a.Name] = a.Null
	}
	for _, b := range r.Node().Blocks {
		typ := blockType(t, r, b.Name)
		all[b.Name] = types.SetValueMust(typ, nil)
		if b.Nesting == contract.List {
			all[b.Name] = types.ListValueMust(typ, nil)
		}
	}
	for name, v := range values {
		all[name] = v
	}
	object, err := r.Node().Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func blockType(t *testing.T, r contract.Resource, name string) types.ObjectType {
	t.Helper()
	switch typ := r.Node().Null().AttributeTypes(t.Context())[name].(type) {
	case types.SetType:
		return typ.ElemType.(types.ObjectType)
	case types.ListType:
		return typ.ElemType.(types.ObjectType)
	default:
		t.Fatalf("%s is %T", name, typ)
		return types.ObjectType{}
	}
}

func labelSet(t *testing.T, r contract.Resource, pairs ...string) attr.Value {
	t.Helper()
	typ := blockType(t, r, "labels")
	var items []attr.Value
	for i := 0; i < len(pairs); i += 2 {
		items = append(items, types.ObjectValueMust(typ.AttrTypes, map[string]attr.Value{"label": str(pairs[i]), "value": str(pairs[i+1])}))
	}
	return types.SetValueMust(typ, items)
}

// ranges returns ipam_config blocks.
func ranges(t *testing.T, r contract.Resource, blocks ...map[string]attr.Value) attr.Value {
	t.Helper()
	typ := blockType(t, r, "ipam_config")
	var items []attr.Value
	for _, given := range blocks {
		values := map[string]attr.Value{"subnet": types.StringNull(), "ip_range": types.StringNull(), "gateway": types.StringNull(), "aux_address": types.MapNull(types.StringType)}
		for name, v := range given {
			values[name] = v
		}
		items = append(items, types.ObjectValueMust(typ.AttrTypes, values))
	}
	return types.SetValueMust(typ, items)
}

// docker makes networks as dockerd 20.10 does: it reports what was declared, and chooses what was not.
func docker(name string, o moby.NetworkCreateOptions) mobynetwork.Inspect {
	n := mobynetwork.Inspect{Network: mobynetwork.Network{
		ID: "id1", Name: name, Driver: o.Driver, Scope: "local", Internal: o.Internal, Attachable: o.Attachable, Ingress: o.Ingress,
		EnableIPv6: o.EnableIPv6 != nil && *o.EnableIPv6, Options: o.Options, Labels: o.Labels, IPAM: *o.IPAM,
	}}
	if !slices.ContainsFunc(n.IPAM.Config, func(c mobynetwork.IPAMConfig) bool { return c.Subnet.Addr().Is4() }) {
		n.IPAM.Config = append([]mobynetwork.IPAMConfig{{Subnet: mustPrefix("172.18.0.0/16"), Gateway: netip.MustParseAddr("172.18.0.1")}}, n.IPAM.Config...)
	}
	return n
}

// podman makes networks as podman 4.3 does: a gateway always, no ranges, no reserved addresses, no options.
func podman(name string, o moby.NetworkCreateOptions) mobynetwork.Inspect {
	n := docker(name, o)
	n.IPAM.Options = map[string]string{"driver": "host-local"}
	n.Options, n.Attachable = nil, false
	n.IPAM.Config = slices.Clone(n.IPAM.Config)
	for i, c := range n.IPAM.Config {
		if c.Subnet == mustPrefix("172.18.0.0/16") { // the engine's choice
			c = mobynetwork.IPAMConfig{Subnet: mustPrefix("10.89.0.0/24")}
		}
		c.IPRange, c.AuxAddress, c.Subnet = netip.Prefix{}, nil, c.Subnet.Masked()
		if !c.Gateway.IsValid() {
			c.Gateway = c.Subnet.Addr().Next()
		}
		n.IPAM.Config[i] = c
	}
	return n
}

type engine struct {
	name  string
	store func(string, moby.NetworkCreateOptions) mobynetwork.Inspect
}

var engines = []engine{{"docker", docker}, {"podman", podman}}

func plan(t *testing.T, r contract.Resource, declared, observed types.Object) contract.Plan {
	t.Helper()
	p, err := r.Plan(t.Context(), &fake{}, contract.Request{Config: declared, Observed: observed})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func changes(p contract.Plan) []string {
	var all []string
	for _, c := range p.Changes {
		all = append(all, c.Path+" "+c.Effect.String())
	}
	return all
}

// create makes a network and reads it, as hosts do.
func create(t *testing.T, r contract.Resource, f *fake, declared types.Object) types.Object {
	t.Helper()
	p := plan(t, r, declared, r.Node().Null())
	created, err := r.Create(t.Context(), f, p.Planned)
	if err != nil {
		t.Fatal(err)
	}
	read, err := r.Read(t.Context(), f, created)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(p.Planned, read); err != nil {
		t.Error(err)
	}
	return read
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	r := host(t)
	tests := map[string]struct {
		values map[string]attr.Value
		// imported is what remains to be done after an import, by engine; nothing where it is not named.
		imported map[string][]string
	}{
		"name alone": {},
		"subnet": {
			values:   map[string]attr.Value{"ipam_config": ranges(t, r, map[string]attr.Value{"subnet": str("10.7.0.0/16")})},
			imported: nil,
		},
		"subnet and gateway that look chosen": {
			values:   map[string]attr.Value{"ipam_config": ranges(t, r, map[string]attr.Value{"subnet": str("172.25.0.0/16"), "gateway": str("172.25.0.1")})},
			imported: map[string][]string{"docker": {"ipam_config update"}, "podman": {"ipam_config update"}},
		},
		"everything of addresses": {
			values: map[string]attr.Value{"ipam_config": ranges(t, r, map[string]attr.Value{
				"subnet": str("10.7.0.0/16"), "gateway": str("10.7.0.254"), "ip_range": str("10.7.8.0/24"), "aux_address": strMap("a", "10.7.0.5"),
			})},
			imported: map[string][]string{"podman": {"ipam replace", "ipam_config update"}}, // it does not tell
		},
		"IPv6 alone, spelled at length": {
			values:   map[string]attr.Value{"ipv6": types.BoolValue(true), "ipam_config": ranges(t, r, map[string]attr.Value{"subnet": str("fd00:0::/64"), "gateway": str("fd00::0:9")})},
			imported: nil,
		},
		"host bits": {
			values:   map[string]attr.Value{"ipam_config": ranges(t, r, map[string]attr.Value{"subnet": str("10.7.1.2/16")})},
			imported: nil,
		},
		"flags, options and labels": {
			values: map[string]attr.Value{
				"internal": types.BoolValue(true), "attachable": types.BoolValue(true), "ingress": types.BoolValue(false), "ipv6": types.BoolValue(false),
				"options": strMap("com.docker.network.bridge.name", "br9"), "labels": labelSet(t, r, "z", "1", "a", "2"), "ipam_driver": str("default"),
			},
			imported: map[string][]string{"podman": {"attachable replace", "options replace"}}, // it does not tell
		},
	}
	for name, test := range tests {
		for _, e := range engines {
			t.Run(name+" on "+e.name, func(t *testing.T) {
				t.Parallel()
				f := &fake{store: e.store}
				values := map[string]attr.Value{"name": str("front")}
				for k, v := range test.values {
					values[k] = v
				}
				declared := config(t, r, values)
				read := create(t, r, f, declared)
				if got := changes(plan(t, r, declared, read)); got != nil {
					t.Errorf("plan after create: %v", got)
				}
				again, err := r.Read(t.Context(), f, read)
				if err != nil || !again.Equal(read) {
					t.Errorf("read again: %v\n%s\n%s", err, read, again)
				}
				imported, err := r.Import(t.Context(), f, "front")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.imported[e.name], changes(plan(t, r, declared, imported))); diff != "" {
					t.Errorf("plan after import (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestRecordOnly: after an update of nothing but the record the plan is empty.
func TestRecordOnly(t *testing.T) {
	t.Parallel()
	r := host(t)
	f := &fake{store: docker}
	bare := config(t, r, map[string]attr.Value{"name": str("front")})
	declared := config(t, r, map[string]attr.Value{"name": str("front"), "ipam_config": ranges(t, r, map[string]attr.Value{"subnet": str("172.18.0.0/16")})})
	observed := create(t, r, f, bare)
	for i, step := range []types.Object{declared, bare, declared} {
		p := plan(t, r, step, observed)
		if diff := cmp.Diff([]string{"ipam_config update"}, changes(p)); diff != "" {
			t.Fatalf("step %d (-want +got):\n%s", i, diff)
		}
		for name, v := range p.Planned.Attributes() {
			if v.IsUnknown() {
				t.Errorf("step %d: %s is unknown in the plan: whatever refers to it would be replaced", i, name)
			}
		}
		f.calls = nil
		updated, err := r.Update(t.Context(), f, observed, p.Planned, p.Changes)
		if err != nil || len(f.calls) > 0 {
			t.Fatalf("step %d: %v, calls %v", i, err, f.calls)
		}
		if observed, err = r.Read(t.Context(), f, updated); err != nil {
			t.Fatal(err)
		}
		if got := changes(plan(t, r, step, observed)); got != nil {
			t.Errorf("step %d, plan after update: %v", i, got)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	r := host(t)
	f := &fake{store: docker}
	base := func(more map[string]attr.Value, block map[string]attr.Value) types.Object {
		values := map[string]attr.Value{"name": str("front"), "options": strMap("a", "1")}
		if block != nil {
			values["ipam_config"] = ranges(t, r, block)
		}
		for k, v := range more {
			values[k] = v
		}
		return config(t, r, values)
	}
	full := map[string]attr.Value{"subnet": str("10.7.0.0/16"), "gateway": str("10.7.0.254"), "aux_address": strMap("a", "10.7.0.5")}
	observed := create(t, r, f, base(nil, full))
	tests := map[string]struct {
		declared types.Object
		want     []string
	}{
		"nothing":                       {base(nil, full), nil},
		"other spelling of the subnet":  {base(nil, map[string]attr.Value{"subnet": str("10.7.3.0/16"), "gateway": full["gateway"], "aux_address": full["aux_address"]}), nil},
		"no addresses declared":         {base(nil, nil), []string{"ipam_config update"}},
		"gateway no longer declared":    {base(nil, map[string]attr.Value{"subnet": full["subnet"], "aux_address": full["aux_address"]}), []string{"ipam_config update"}},
		"other gateway":                 {base(nil, map[string]attr.Value{"subnet": full["subnet"], "gateway": str("10.7.0.1"), "aux_address": full["aux_address"]}), []string{"ipam replace", "ipam_config update"}},
		"other subnet":                  {base(nil, map[string]attr.Value{"subnet": str("10.8.0.0/16")}), []string{"ipam replace", "ipam_config update"}},
		"reserved no longer declared":   {base(nil, map[string]attr.Value{"subnet": full["subnet"], "gateway": full["gateway"]}), []string{"ipam replace", "ipam_config update"}},
		"subnet not known yet":          {base(nil, map[string]attr.Value{"subnet": types.StringUnknown()}), []string{"ipam_config replace"}},
		"blocks not known yet":          {base(map[string]attr.Value{"ipam_config": types.SetUnknown(blockType(t, r, "ipam_config"))}, nil), []string{"ipam_config replace"}},
		"option":                        {base(map[string]attr.Value{"options": strMap("a", "2")}, full), []string{"options replace"}},
		"option no longer declared":     {base(map[string]attr.Value{"options": types.MapNull(types.StringType)}, full), []string{"options replace"}},
		"internal":                      {base(map[string]attr.Value{"internal": types.BoolValue(true)}, full), []string{"internal replace"}},
		"false where nothing was":       {base(map[string]attr.Value{"ipv6": types.BoolValue(false)}, full), nil},
		"label, driver, name, together": {base(map[string]attr.Value{"name": str("x"), "driver": str("macvlan"), "labels": labelSet(t, r, "a", "b")}, full), []string{"driver replace", "labels replace", "name replace"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, changes(plan(t, r, test.declared, observed))); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDrift: the network was made anew behind our back.
func TestDrift(t *testing.T) {
	t.Parallel()
	r := host(t)
	declared := config(t, r, map[string]attr.Value{"name": str("front"), "ipam_config": ranges(t, r, map[string]attr.Value{"subnet": str("10.7.0.0/16")})})
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{store: e.store}
			observed := create(t, r, f, declared)
			f.networks[0].IPAM.Config[0] = mobynetwork.IPAMConfig{Subnet: mustPrefix("10.9.0.0/16"), Gateway: netip.MustParseAddr("10.9.0.1")}
			f.networks[0].Labels = map[string]string{"by": "hand"}
			read, err := r.Read(t.Context(), f, observed)
			if err != nil {
				t.Fatal(err)
			}
			p := plan(t, r, declared, read)
			if diff := cmp.Diff([]string{"ipam replace", "ipam_config update", "labels replace"}, changes(p)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	r := host(t)
	block := func(values map[string]attr.Value) map[string]attr.Value {
		return map[string]attr.Value{"name": str("front"), "ipam_config": ranges(t, r, values)}
	}
	tests := map[string]struct {
		values map[string]attr.Value
		want   string // part of what is said, "" for nothing
	}{
		"good":             {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "gateway": str("10.0.0.1"), "ip_range": str("10.0.0.128/25"), "aux_address": strMap("a", "10.0.0.9")}), ""},
		"unknowns":         {block(map[string]attr.Value{"subnet": types.StringUnknown(), "gateway": str("10.0.0.1"), "ip_range": types.StringUnknown()}), ""},
		"name":             {map[string]attr.Value{"name": str("a b")}, "a network name has"},
		"the engine's own": {map[string]attr.Value{"name": str("host")}, "host"},
		"subnet":           {block(map[string]attr.Value{"subnet": str("10.0.0.0")}), "not an address range"},
		"subnet empty":     {block(map[string]attr.Value{"subnet": str("")}), "leave the attribute out"},
		"empty":            {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "gateway": str(""), "ip_range": str("")}), ""},
		"gateway":          {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "gateway": str("10.0.0.256")}), "not an IP address"},
		"gateway outside":  {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "gateway": str("10.0.1.1")}), "gateway 10.0.1.1 is not in"},
		"range outside":    {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "ip_range": str("10.0.1.0/25")}), "ip_range 10.0.1.0/25 is not in"},
		"range larger":     {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "ip_range": str("10.0.0.0/23")}), "ip_range 10.0.0.0/23 is not in"},
		"reserved outside": {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "aux_address": strMap("a", "10.1.0.1")}), `aux_address "a", 10.1.0.1`},
		"reserved invalid": {block(map[string]attr.Value{"subnet": str("10.0.0.0/24"), "aux_address": strMap("a", "b")}), `aux_address "a"`},
		"no subnet":        {block(map[string]attr.Value{"ip_range": str("10.0.0.0/25")}), "without a subnet"},
		"host bits":        {block(map[string]attr.Value{"subnet": str("10.0.0.7/24")}), "host bits"},
		"overlap": {map[string]attr.Value{"name": str("front"), "ipam_config": ranges(t, r,
			map[string]attr.Value{"subnet": str("10.0.0.0/16")}, map[string]attr.Value{"subnet": str("10.0.4.0/24")})}, "overlap"},
		"duplicate label": {map[string]attr.Value{"name": str("front"), "labels": labelSet(t, r, "a", "1", "a", "2")}, `label "a" is given twice`},
		"mtu":             {map[string]attr.Value{"name": str("front"), "options": strMap("com.docker.network.driver.mtu", "big")}, "number of bytes"},
		"flag":            {map[string]attr.Value{"name": str("front"), "options": strMap("com.docker.network.bridge.enable_icc", "maybe")}, "true or false"},
		"interface":       {map[string]attr.Value{"name": str("front"), "options": strMap("com.docker.network.bridge.name", "a-name-that-is-too-long")}, "15 characters"},
		"other options":   {map[string]attr.Value{"name": str("front"), "options": strMap("my.plugin/x", "y", "macvlan_mode", "vepa")}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all strings.Builder
			for _, d := range r.Validate(t.Context(), config(t, r, test.values)) {
				all.WriteString(d.Summary() + ": " + d.Detail() + "\n")
			}
			if (test.want == "") != (all.Len() == 0) || !strings.Contains(all.String(), test.want) {
				t.Errorf("diagnostics %q, want %q", all.String(), test.want)
			}
		})
	}
}
