package container

import (
	"fmt"
	"slices"

	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/internal/endpoint"
	"github.com/cleat-dev/cleat/resources/contract"
)

// createMode is the network mode a container is created with: that of the first network takes the place of the
// default bridge, so that the bridge is not attached in addition.
func createMode(m Model) string {
	mode := m.NetworkMode.ValueString()
	if isDefaultMode(mode) && len(m.Networks.Items) > 0 {
		return m.Networks.Items[0].Name.ValueString()
	}
	return mode
}

// isDefaultMode reports whether a mode is one of the names of the default bridge.
func isDefaultMode(mode string) bool { return slices.Contains([]string{"", "default", "bridge"}, mode) }

// expandEndpoint returns the settings of an endpoint; at is the path of its block, for errors.
func expandEndpoint(n Network, at string) (*network.EndpointSettings, error) {
	e, err := endpoint.Endpoint(n).Expand()
	if err != nil {
		return nil, contract.At(at, "%w", err)
	}
	return e, nil
}

// splitNetworks divides the declared networks into those the create call attaches and those connected after it.
// Engines before API 1.44 take one endpoint at creation, and it must be that of the network mode.
func splitNetworks(m Model, several bool) (created map[string]*network.EndpointSettings, later []Network, err error) {
	mode := createMode(m)
	named := func(n Network) bool { return n.Name.ValueString() == mode }
	several = several && slices.ContainsFunc(m.Networks.Items, named)
	for i, n := range m.Networks.Items {
		if !named(n) && !several {
			later = append(later, n)
			continue
		}
		settings, err := expandEndpoint(n, fmt.Sprintf("networks_advanced[%d]", i))
		if err != nil {
			return nil, nil, err
		}
		if created == nil {
			created = map[string]*network.EndpointSettings{}
		}
		created[n.Name.ValueString()] = settings
	}
	return created, later, nil
}
