package container

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Claims implements contract.Claimant: a container has its name, its published ports and its addresses for itself. One
// that is not to be started has but its name.
func (Type) Claims(m Model) []contract.Claim {
	var claims []contract.Claim
	if name := strings.TrimPrefix(m.Name.ValueString(), "/"); name != "" {
		claims = append(claims, contract.Claim{Kind: contract.ClaimContainerName, Value: name, Path: "name"})
	}
	if given(m.Start) && !m.Start.ValueBool() {
		return claims
	}
	for i, p := range m.Ports.Items {
		if p.External.ValueInt64() == 0 || p.IP.IsUnknown() || p.Protocol.IsUnknown() {
			continue
		}
		claims = append(claims, contract.Claim{
			Kind: contract.ClaimHostPort, Value: fmt.Sprintf("%d/%s", p.External.ValueInt64(), cmp.Or(p.Protocol.ValueString(), "tcp")),
			IP: cmp.Or(p.IP.ValueString(), anyAddress), Path: fmt.Sprintf("ports[%d].external", i),
		})
	}
	for i, n := range m.Networks.Items {
		if name := strings.TrimPrefix(m.Name.ValueString(), "/"); name != "" && n.Name.ValueString() != "" {
			claims = append(claims, contract.Claim{Kind: contract.ClaimConnection, Value: name + ":" + n.Name.ValueString(), Path: fmt.Sprintf("networks_advanced[%d].name", i)})
		}
		for attribute, address := range map[string]string{"ipv4_address": n.IPv4Address.ValueString(), "ipv6_address": n.IPv6Address.ValueString()} {
			if address != "" && n.Name.ValueString() != "" {
				claims = append(claims, contract.Claim{
					Kind: contract.ClaimAddress, Value: n.Name.ValueString(), IP: address, Path: fmt.Sprintf("networks_advanced[%d].%s", i, attribute),
				})
			}
		}
	}
	return claims
}
