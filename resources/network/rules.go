package network

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Rules implements contract.Type. What has no row replaces: no engine can change it.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":    {Stable: true, Requires: "1.21"},
		"scope": {Stable: true},

		"labels":       {Requires: "1.23"},
		"internal":     {Requires: "1.22"},
		"ipv6":         {Requires: "1.23"},
		"attachable":   {Requires: "1.25", Unreported: true}, // podman reports none of these three
		"options":      {Unreported: true},
		"ipam_options": {Requires: "1.22", Unreported: true},
		"ingress":      {Requires: "1.29"},
		"ipam_driver":  {Same: sameIPAMDriver},

		// The declaration is only recorded; ipam decides. See the package comment.
		"ipam_config":             {By: recordOrReplace, Unreported: true, Filled: true},
		"ipam_config.subnet":      {Same: samePrefix},
		"ipam_config.ip_range":    {Same: samePrefix},
		"ipam_config.gateway":     {Same: sameAddr},
		"ipam_config.aux_address": {Same: sameAddrs},
		"ipam": {Same: samePools, Stable: true, Of: "ipam_config", Explain: func(attr.Value, attr.Value) string {
			return "the network's addresses are not the declared ones"
		}},
	}
}

// Resolve implements contract.Resolver: it makes no call, and puts into ipam what the declaration asks for, so that it
// is compared with what the network has. Nothing declared leaves ipam as it is: any addresses will do.
func (Type) Resolve(_ context.Context, _ API, desired *Model) error {
	if desired.IPAMConfig.Unknown || len(desired.IPAMConfig.Items) == 0 {
		return nil
	}
	pools := make([]pool, 0, len(desired.IPAMConfig.Items))
	for _, c := range desired.IPAMConfig.Items {
		if !c.known() {
			return nil // ipam_config itself replaces then
		}
		p, err := poolOf(c)
		if err != nil {
			return contract.At("ipam_config", "%w", err)
		}
		pools = append(pools, p)
	}
	desired.IPAM = poolsValue(pools)
	return nil
}

// known reports whether no value of a declared range is still to come.
func (c IPAMConfig) known() bool {
	if c.Subnet.IsUnknown() || c.IPRange.IsUnknown() || c.Gateway.IsUnknown() || c.AuxAddress.IsUnknown() {
		return false
	}
	for _, v := range c.AuxAddress.Elements() {
		if v.IsUnknown() {
			return false
		}
	}
	return true
}

// recordOrReplace: a known declaration is only recorded, an unknown one may turn out to be any.
func recordOrReplace(_, desired attr.Value) contract.Effect {
	if !whollyKnown(desired) {
		return contract.Replace
	}
	return contract.InPlace
}

func whollyKnown(v attr.Value) bool {
	if v.IsUnknown() {
		return false
	}
	switch v := v.(type) {
	case interface{ Elements() []attr.Value }: // sets and lists
		return !slices.ContainsFunc(v.Elements(), func(e attr.Value) bool { return !whollyKnown(e) })
	case types.Map:
		for _, e := range v.Elements() {
			if !whollyKnown(e) {
				return false
			}
		}
	case types.Object:
		for _, e := range v.Attributes() {
			if !whollyKnown(e) {
				return false
			}
		}
	}
	return true
}

// samePools reports whether a network has the declared addresses. Addresses of a family of which nothing is declared
// are the engine's choice.
func samePools(observed, desired attr.Value) bool {
	have, err := poolsFrom(observed)
	if err != nil {
		return false
	}
	want, err := poolsFrom(desired)
	if err != nil {
		return false
	}
	return satisfied(have, want)
}

func satisfied(have, want []pool) bool {
	used := make([]bool, len(have))
	for _, w := range want {
		i := slices.IndexFunc(have, func(h pool) bool { return h.six() == w.six() && h.satisfies(w) })
		if i < 0 || used[i] {
			return false
		}
		used[i] = true
	}
	for i, h := range have {
		if !used[i] && slices.ContainsFunc(want, func(w pool) bool { return w.six() == h.six() }) {
			return false
		}
	}
	return true
}

// sameIPAMDriver: podman names what "default" stands for with it.
func sameIPAMDriver(observed, desired attr.Value) bool {
	o, _ := observed.(types.String)
	d, _ := desired.(types.String)
	return d.ValueString() == defaultIPAM && slices.Contains(podmanIPAM, o.ValueString())
}

func samePrefix(observed, desired attr.Value) bool {
	a, errA := parsePrefix(asString(observed))
	b, errB := parsePrefix(asString(desired))
	return errA == nil && errB == nil && a.Masked() == b.Masked()
}

func sameAddr(observed, desired attr.Value) bool {
	a, errA := parseAddr(asString(observed))
	b, errB := parseAddr(asString(desired))
	return errA == nil && errB == nil && a == b
}

func sameAddrs(observed, desired attr.Value) bool {
	o, _ := observed.(types.Map)
	d, _ := desired.(types.Map)
	have, want := o.Elements(), d.Elements()
	if len(have) != len(want) {
		return false
	}
	for name, value := range want {
		if other, ok := have[name]; !ok || value.IsUnknown() || !sameAddr(other, value) {
			return false
		}
	}
	return true
}

func asString(v attr.Value) types.String {
	s, _ := v.(types.String)
	return s
}
