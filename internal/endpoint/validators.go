package endpoint

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// check is a validator of one string: what is expected, and whether it is that.
type check struct {
	want string
	is   func(string) bool
}

// IP is the validator of an IP address.
func IP() validator.String { return check{"an IP address", isAddress(netip.Addr.IsValid)} }

// IPv4 is the validator of an IPv4 address.
func IPv4() validator.String { return check{"an IPv4 address", isAddress(netip.Addr.Is4)} }

// IPv6 is the validator of an IPv6 address.
func IPv6() validator.String { return check{"an IPv6 address", isAddress(netip.Addr.Is6)} }

// MAC is the validator of a hardware address.
func MAC() validator.String {
	return check{"a MAC address such as 02:42:0a:00:00:05", func(s string) bool { _, err := net.ParseMAC(s); return err == nil }}
}

// KeyValue is the validator of an option.
func KeyValue() validator.String {
	return check{"key=value", func(s string) bool { key, _, found := strings.Cut(s, "="); return found && key != "" }}
}

func isAddress(kind func(netip.Addr) bool) func(string) bool {
	return func(s string) bool {
		a, err := address(s)
		return err == nil && kind(a)
	}
}

func (c check) Description(context.Context) string         { return "value must be " + c.want }
func (c check) MarkdownDescription(context.Context) string { return "value must be " + c.want }

func (c check) ValidateString(_ context.Context, in validator.StringRequest, out *validator.StringResponse) {
	if in.ConfigValue.IsNull() || in.ConfigValue.IsUnknown() || c.is(in.ConfigValue.ValueString()) {
		return
	}
	out.Diagnostics.AddAttributeError(in.Path, "Invalid value", fmt.Sprintf("%q is not %s.", in.ConfigValue.ValueString(), c.want))
}
