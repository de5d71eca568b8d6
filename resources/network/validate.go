package network

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	var diags diag.Diagnostics
	diags.Append(validateLabels(config)...)
	diags.Append(validateOptions(config)...)
	var pools []pool
	for _, c := range config.IPAMConfig.Items {
		p, err := poolOf(c)
		if err != nil {
			if !prefixOrAddrError(c) { // the validators of single attributes say the rest
				diags.AddAttributeError(path.Root("ipam_config"), "Invalid address", err.Error())
			}
			continue
		}
		diags.Append(validatePool(p, c)...)
		for _, other := range pools {
			if p.subnet.IsValid() && other.subnet.IsValid() && p.subnet.Overlaps(other.subnet) {
				diags.AddAttributeError(path.Root("ipam_config"), "Overlapping subnets", fmt.Sprintf("The subnets %s and %s overlap.", other.subnet, p.subnet))
			}
		}
		pools = append(pools, p)
	}
	return diags
}

// prefixOrAddrError reports whether the mistake is in an attribute that has a validator of its own.
func prefixOrAddrError(c IPAMConfig) bool {
	c.AuxAddress = types.MapNull(types.StringType)
	_, err := poolOf(c)
	return err != nil
}

// validatePool checks that everything of a range is inside its subnet.
func validatePool(p pool, c IPAMConfig) diag.Diagnostics {
	var diags diag.Diagnostics
	at := path.Root("ipam_config")
	if !p.subnet.IsValid() {
		if c.Subnet.IsNull() && (p.ipRange.IsValid() || len(p.aux) > 0) {
			diags.AddAttributeError(at, "Address range without a subnet", "ip_range and aux_address are parts of a subnet: declare the subnet they are in.")
		}
		return diags
	}
	if p.subnet != p.subnet.Masked() {
		diags.AddAttributeWarning(at, "Subnet with host bits", fmt.Sprintf("The subnet %s is %s with host bits set, which newer engines refuse.", p.subnet, p.subnet.Masked()))
	}
	if p.gateway.IsValid() && !p.subnet.Contains(p.gateway) {
		diags.AddAttributeError(at, "Gateway outside the subnet", fmt.Sprintf("The gateway %s is not in the subnet %s.", p.gateway, p.subnet))
	}
	if r := p.ipRange; r.IsValid() && (!p.subnet.Contains(r.Addr()) || r.Bits() < p.subnet.Bits()) {
		diags.AddAttributeError(at, "Range outside the subnet", fmt.Sprintf("The ip_range %s is not in the subnet %s.", r, p.subnet))
	}
	for _, name := range slices.Sorted(maps.Keys(p.aux)) {
		if addr := p.aux[name]; !p.subnet.Contains(addr) {
			diags.AddAttributeError(at, "Address outside the subnet", fmt.Sprintf("The aux_address %q, %s, is not in the subnet %s.", name, addr, p.subnet))
		}
	}
	return diags
}

func validateLabels(config Model) diag.Diagnostics {
	var diags diag.Diagnostics
	seen := map[string]bool{}
	for _, l := range config.Labels.Items {
		if l.Label.IsNull() || l.Label.IsUnknown() {
			continue
		}
		if name := l.Label.ValueString(); seen[name] {
			diags.AddAttributeError(path.Root("labels"), "Duplicate label", fmt.Sprintf("The label %q is given twice; an object has one value for a label.", name))
		} else {
			seen[name] = true
		}
	}
	return diags
}

// knownOptions are driver options whose values have a form. Engines accept anything and fail later, or not at all.
var knownOptions = map[string]struct {
	wants string
	ok    func(string) bool
}{
	"com.docker.network.driver.mtu":                  {"a number of bytes", isNumber},
	"com.docker.network.bridge.enable_icc":           {"true or false", isBool},
	"com.docker.network.bridge.enable_ip_masquerade": {"true or false", isBool},
	"com.docker.network.bridge.inhibit_ipv4":         {"true or false", isBool},
	"com.docker.network.bridge.host_binding_ipv4":    {"an IPv4 address", isIPv4},
	"com.docker.network.bridge.name":                 {"an interface name of at most 15 characters", isInterface},
	"com.docker.network.container_iface_prefix":      {"an interface name prefix of at most 13 characters", isPrefix},
	"macvlan_mode": {"bridge, vepa, private or passthru", oneOf("bridge", "vepa", "private", "passthru")},
	"ipvlan_mode":  {"l2, l3 or l3s", oneOf("l2", "l3", "l3s")},
}

func validateOptions(config Model) diag.Diagnostics {
	var diags diag.Diagnostics
	options := config.Options.Elements()
	for _, name := range slices.Sorted(maps.Keys(options)) {
		value, ok := options[name].(types.String)
		option, checked := knownOptions[name]
		if !ok || !checked || value.IsUnknown() || value.IsNull() || option.ok(value.ValueString()) {
			continue
		}
		diags.AddAttributeError(path.Root("options").AtMapKey(name), "Invalid driver option", fmt.Sprintf("The option %s is %q, it has to be %s.", name, value.ValueString(), option.wants))
	}
	return diags
}

func isNumber(s string) bool { n, err := strconv.Atoi(s); return err == nil && n >= 0 }

func isBool(s string) bool { _, err := strconv.ParseBool(s); return err == nil }

func isIPv4(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is4() }

func isInterface(s string) bool { return s != "" && len(s) <= 15 && !slices.Contains([]byte(s), '/') }

func isPrefix(s string) bool { return s != "" && len(s) <= 13 }

func oneOf(values ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(values, s) }
}

// prefixValidator refuses what is not CIDR notation; "" is what null is, unless something has to be there.
type prefixValidator struct{ something bool }

func (prefixValidator) Description(context.Context) string {
	return "an address range in CIDR notation"
}

func (v prefixValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v prefixValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if p, err := parsePrefix(req.ConfigValue); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid address range", err.Error())
	} else if v.something && !p.IsValid() {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid address range", "an empty string is no address range: leave the attribute out instead")
	}
}

// addrValidator refuses what is not an IP address; "" is what null is.
type addrValidator struct{}

func (addrValidator) Description(context.Context) string { return "an IP address" }

func (v addrValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (addrValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := parseAddr(req.ConfigValue); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid IP address", err.Error())
	}
}
