package network

import "github.com/cleat-dev/cleat/resources/contract"

// Claims implements contract.Claimant: a network has its name for itself.
func (Type) Claims(m Model) []contract.Claim {
	if m.Name.ValueString() == "" {
		return nil
	}
	return []contract.Claim{{Kind: contract.ClaimNetworkName, Value: m.Name.ValueString(), Path: "name"}}
}
