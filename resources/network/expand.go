package network

import (
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
)

// expand returns the create request of a planned network.
func expand(m Model) (moby.NetworkCreateOptions, error) {
	options := moby.NetworkCreateOptions{
		Driver:     m.Driver.ValueString(),
		Internal:   m.Internal.ValueBool(),
		Attachable: m.Attachable.ValueBool(),
		Ingress:    m.Ingress.ValueBool(),
		Options:    expandMap(m.Options),
		IPAM:       &mobynetwork.IPAM{Driver: m.IPAMDriver.ValueString(), Options: expandMap(m.IPAMOptions)},
	}
	if !m.IPv6.IsNull() {
		options.EnableIPv6 = m.IPv6.ValueBoolPointer()
	}
	for _, c := range m.IPAMConfig.Items {
		p, err := poolOf(c)
		if err != nil {
			return options, contract.At("ipam_config", "%w", err)
		}
		options.IPAM.Config = append(options.IPAM.Config, p.config())
	}
	if len(m.Labels.Items) > 0 {
		options.Labels = make(map[string]string, len(m.Labels.Items))
		for _, l := range m.Labels.Items {
			options.Labels[l.Label.ValueString()] = l.Value.ValueString()
		}
	}
	return options, nil
}

func expandMap(m types.Map) map[string]string {
	if len(m.Elements()) == 0 {
		return nil
	}
	values := make(map[string]string, len(m.Elements()))
	for key, value := range m.Elements() {
		if s, ok := value.(types.String); ok && !s.IsNull() {
			values[key] = s.ValueString()
		}
	}
	return values
}
