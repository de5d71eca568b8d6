//go:build linux

package containers

import (
	"context"
	"fmt"
	"maps"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// ContainerName is the name of a container by its whole ID, without the slash; false when there is none.
func (s *Service) ContainerName(id string) (string, bool) {
	c, ok := s.index.get(id)
	if !ok {
		return "", false
	}
	return c.record().Name, true
}

// ConnectNetwork adds a network, by name, to a container, and joins it when the container runs. nil settings are the
// defaults. Errors: errs.ErrNotFound, errs.ErrConflict for a network the container has already.
func (s *Service) ConnectNetwork(ctx context.Context, ref, name string, settings *network.EndpointSettings) error {
	c, unlock, err := s.locked(ctx, ref)
	if err != nil {
		return err
	}
	defer unlock()
	before := c.record()
	r := before.clone()
	switch {
	case !ownNetwork(r):
		return invalid("container sharing network namespace with another container or host cannot be connected to any other network")
	case r.Host.NetworkMode.IsNone():
		return invalid("container cannot be connected to multiple networks with one of the networks in private (none) mode")
	case r.Endpoints[name] != nil:
		return errs.Forbid(conflict("endpoint with name %s already exists in network %s", r.Name, name))
	}
	settings = configured(settings)
	r.Endpoints[name] = settings
	r.MACs = union(macs(map[string]*network.EndpointSettings{name: settings}), r.MACs)
	up := &setup{endpoints: r.Endpoints, ports: maps.Clone(r.Ports), portsOn: r.PortsOn}
	if r.State.alive() {
		var ports []bridge.Port
		if len(boundPorts(r.Ports)) == 0 { // no other network has them
			ports = published(r)
		}
		if up.ports == nil {
			up.ports = network.PortMap{}
		}
		joined, err := s.join(ctx, r, name, ports)
		if err != nil {
			return err
		}
		if up.portsOn == "" || len(joined.Ports) > 0 {
			up.portsOn = name
		}
		up.take(name, joined)
	}
	err = s.change(c, func(_ *metadata.Tx, now *record) ([]events.Message, error) {
		now.Endpoints, now.MACs, now.Ports, now.PortsOn = up.endpoints, r.MACs, up.ports, up.portsOn
		return up.told, nil
	})
	if err != nil {
		if r.State.alive() {
			s.best(c.id, "network is left connected", s.network.Leave(context.WithoutCancel(ctx), c.id, name))
		}
		return err
	}
	s.rewriteFiles(before, c.record())
	return nil
}

// DisconnectNetwork takes a network from a container, and leaves it when the container runs. With force a container that
// does not exist is no error.
func (s *Service) DisconnectNetwork(ctx context.Context, ref, name string, force bool) error {
	c, unlock, err := s.locked(ctx, ref)
	if err != nil {
		if force {
			return ignoreNotFound(err)
		}
		return err
	}
	defer unlock()
	r := c.record()
	e := r.Endpoints[name]
	if e == nil {
		if force {
			return nil
		}
		return conflict("container %s is not connected to network %s", c.id, name)
	}
	if r.State.alive() {
		if err := s.network.Leave(ctx, c.id, name); err != nil {
			return fmt.Errorf("container %s: leave network %s: %w", short(c.id), name, err)
		}
	}
	err = s.change(c, func(_ *metadata.Tx, now *record) ([]events.Message, error) {
		told := left(now, name)
		delete(now.Endpoints, name)
		delete(now.MACs, name)
		return told, nil
	})
	if err != nil {
		return err
	}
	s.rewriteFiles(r, c.record())
	if !r.State.alive() || r.PortsOn != name {
		return nil
	}
	return s.movePorts(ctx, c, boundPorts(r.Ports))
}

// movePorts publishes the ports of a container that was taken off the network which had them on another of its networks:
// the same ports of the host. Without another one they are closed.
func (s *Service) movePorts(ctx context.Context, c *ctr, ports []bridge.Port) error {
	r := c.record()
	up := &setup{endpoints: r.clone().Endpoints, ports: network.PortMap{}}
	for port := range exposedSet(r) {
		up.ports[port] = nil
	}
	for _, name := range inOrder(r.Host, r.Endpoints) {
		joined, err := s.network.Publish(ctx, c.id, name, ports)
		if err != nil {
			return fmt.Errorf("container %s: %w", short(c.id), err)
		}
		if up.portsOn == "" || len(joined.Ports) > 0 {
			up.portsOn = name
		}
		if len(joined.Ports) > 0 { // not so on an internal one
			up.take(name, joined)
			break
		}
	}
	return s.change(c, func(_ *metadata.Tx, now *record) ([]events.Message, error) {
		now.Ports, now.PortsOn = up.ports, up.portsOn
		return nil, nil
	})
}

// left tells that a container is not on a network any more, if it was.
func left(r *record, name string) []events.Message {
	e := r.Endpoints[name]
	if e == nil || e.EndpointID == "" {
		return nil
	}
	return []events.Message{bridge.Joined{NetworkID: e.NetworkID, NetworkName: name, ContainerID: r.ID}.Event(events.ActionDisconnect)}
}
