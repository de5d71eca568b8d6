package network

import "github.com/cleat-dev/cleat/resources/contract"

// Claims implements contract.Claimant: a network has its name for itself, and its declared ranges.
func (Type) Claims(m Model) []contract.Claim {
	name := m.Name.ValueString()
	if name == "" {
		return nil
	}
	claims := []contract.Claim{{Kind: contract.ClaimNetworkName, Value: name, Path: "name"}}
	for _, c := range m.IPAMConfig.Items {
		if subnet := c.Subnet.ValueString(); subnet != "" {
			claims = append(claims, contract.Claim{Kind: contract.ClaimSubnet, Value: name, IP: subnet, Path: "ipam_config"})
		}
	}
	return claims
}
