package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	mobyswarm "github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
)

// choiceTimeout bounds the wait for ports a swarm chooses, which takes it milliseconds.
const choiceTimeout = 10 * time.Second

// inspecting is the part of an engine's API that waits for a service's ports.
type inspecting interface {
	watching
	ServiceInspect(ctx context.Context, id string, options moby.ServiceInspectOptions) (moby.ServiceInspectResult, error)
}

// choose waits until the swarm has chosen the ports that nobody did: it does so after it has answered, and a read would find
// none. That it takes longer is no failure: a later read has them.
func choose(ctx context.Context, e inspecting, m Model) error {
	endpoint, _ := m.EndpointSpec.One()
	if !slices.ContainsFunc(endpoint.Ports.Items, isOpen) {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, choiceTimeout)
	defer cancel()
	id := m.ID.ValueString()
	err := watch(bounded, e, id, choiceTimeout, func() (time.Duration, bool, error) {
		found, err := e.ServiceInspect(bounded, id, moby.ServiceInspectOptions{})
		if err != nil {
			return 0, false, err
		}
		s := found.Service
		has, _ := flattenEndpoint(s.Spec.EndpointSpec, s.Endpoint.Ports, contract.Blocks[EndpointSpec]{}).One()
		return 0, !slices.ContainsFunc(has.Ports.Items, isOpen), nil
	})
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its ports are not known: %w", err)
	}
	return nil
}

// isOpen reports whether a port on all nodes has no number yet; those of single nodes no swarm tells.
func isOpen(p Port) bool {
	return p.PublishedPort.ValueInt64() == 0 && p.PublishMode.ValueString() != string(mobyswarm.PortConfigPublishModeHost)
}
