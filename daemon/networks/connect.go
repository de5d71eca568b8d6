//go:build linux

package networks

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/bridge"
)

// Connect connects a container to a network. Running or not, the container has the network from then on.
//
// Errors: errs.ErrNotFound without one of the two, errs.ErrInvalid for settings that do not fit, errs.ErrConflict for an
// address in use, [Forbidden] for host and none.
func (s *Service) Connect(ctx context.Context, ref string, want network.ConnectRequest) error {
	r, err := s.find(ref)
	if err != nil {
		return err
	}
	if want.Container == "" {
		return fmt.Errorf("network %s: no container to connect: %w", r.Network.Name, errs.ErrInvalid)
	}
	if r.Spec.ID == "" {
		return forbidden("container cannot be connected to %s network", r.Network.Name)
	}
	if err := fits(r, want.EndpointConfig); err != nil {
		return err
	}
	return s.Containers.ConnectNetwork(ctx, want.Container, r.Network.Name, want.EndpointConfig)
}

// fits checks addresses before the container is touched.
func fits(r record, e *network.EndpointSettings) error {
	if e == nil || e.IPAMConfig == nil {
		return nil
	}
	if r.Network.Name == network.NetworkBridge && (e.IPAMConfig.IPv4Address.IsValid() || e.IPAMConfig.IPv6Address.IsValid()) {
		return fmt.Errorf("user specified IP address is supported on user defined networks only: %w", errs.ErrInvalid)
	}
	if ip := e.IPAMConfig.IPv4Address; ip.IsValid() && !r.Spec.Subnet.Contains(ip) {
		return fmt.Errorf("no configured subnet contains IP address %s: %w", ip, errs.ErrInvalid)
	}
	if ip := e.IPAMConfig.IPv6Address; ip.IsValid() && !r.Spec.Subnet6.Contains(ip) {
		return fmt.Errorf("no configured subnet contains IP address %s: %w", ip, errs.ErrInvalid)
	}
	return nil
}

// Disconnect takes a container off a network; with force the container need not exist.
func (s *Service) Disconnect(ctx context.Context, ref string, want network.DisconnectRequest) error {
	r, err := s.find(ref)
	if err != nil {
		return err
	}
	if want.Container == "" {
		return fmt.Errorf("network %s: no container to disconnect: %w", r.Network.Name, errs.ErrInvalid)
	}
	if r.Spec.ID == "" {
		return forbidden("container cannot be disconnected from %s network", r.Network.Name)
	}
	return s.Containers.DisconnectNetwork(ctx, want.Container, r.Network.Name, want.Force)
}

// Sandbox is that of the driver.
func (s *Service) Sandbox(ctx context.Context, id string) (path string, err error) {
	return s.Driver.Sandbox(ctx, id)
}

// Join is that of the driver, for networks by name, ID or beginning of an ID.
//
// It tells nobody: the event (bridge.Joined.Event) belongs into the transaction that records the connection with the
// container, where it costs nothing. So it is with Leave and Release.
func (s *Service) Join(ctx context.Context, e bridge.Endpoint) (bridge.Joined, error) {
	if e.Network == "" {
		e.Network = bridge.DefaultNetwork
	}
	r, err := s.find(e.Network)
	if err != nil {
		return bridge.Joined{}, err
	}
	e.Network = r.Network.ID
	return s.Driver.Join(ctx, e)
}

// Publish is that of the driver, for networks by name, ID or beginning of an ID.
func (s *Service) Publish(ctx context.Context, containerID, ref string, ports []bridge.Port) (bridge.Joined, error) {
	r, err := s.find(ref)
	if err != nil {
		return bridge.Joined{}, err
	}
	return s.Driver.Publish(ctx, containerID, r.Network.ID, ports)
}

// Leave is that of the driver, for networks by name, ID or beginning of an ID.
func (s *Service) Leave(ctx context.Context, containerID, ref string) error {
	r, err := s.find(ref)
	if err != nil {
		return err
	}
	return s.Driver.Leave(ctx, containerID, r.Network.ID)
}

// Release is that of the driver.
func (s *Service) Release(ctx context.Context, containerID string) error {
	return s.Driver.Release(ctx, containerID)
}

// Reconcile is that of the driver.
func (s *Service) Reconcile(ctx context.Context, live map[string][]bridge.Endpoint) error {
	return s.Driver.Reconcile(ctx, live)
}

// Statistics is that of the driver.
func (s *Service) Statistics(ctx context.Context, containerID string) (map[string]container.NetworkStats, error) {
	return s.Driver.Statistics(ctx, containerID)
}
