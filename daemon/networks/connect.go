//go:build linux

package networks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/bridge"
)

// Connect connects a container to a network. Running or not, the container has the network from then on.
//
// Errors: errs.ErrNotFound without one of the two, errs.ErrInvalid for settings that do not fit, errs.ErrConflict for an
// address in use.
func (s *Service) Connect(ctx context.Context, ref string, want network.ConnectRequest) error {
	r, err := s.find(ref)
	if err != nil {
		return err
	}
	if want.Container == "" {
		return fmt.Errorf("network %s: no container to connect: %w", r.Network.Name, errs.ErrInvalid)
	}
	if err := connectable(r); err != nil {
		return err
	}
	if err := fits(r, want.EndpointConfig); err != nil {
		return err
	}
	return s.Containers.ConnectNetwork(ctx, want.Container, r.Network.Name, want.EndpointConfig)
}

// connectable refuses what is no network that is joined.
func connectable(r record) error {
	switch r.Network.Name {
	case network.NetworkHost:
		return fmt.Errorf("container cannot be disconnected from host network or connected to host network: %w", errs.ErrInvalid)
	case network.NetworkNone:
		return fmt.Errorf("container cannot be connected to multiple networks with one of the networks in private (none) mode: %w", errs.ErrInvalid)
	default:
		return nil
	}
}

// fits checks settings before the container is touched.
func fits(r record, e *network.EndpointSettings) error {
	if e == nil {
		return nil
	}
	if r.Network.Name == network.NetworkBridge && len(e.Aliases) > 0 {
		return fmt.Errorf("network-scoped alias is supported only for containers in user defined networks: %w", errs.ErrInvalid)
	}
	if e.IPAMConfig == nil {
		return nil
	}
	want := bridge.Endpoint{IP: e.IPAMConfig.IPv4Address, IP6: e.IPAMConfig.IPv6Address, LinkLocal: e.IPAMConfig.LinkLocalIPs}
	return fitting(r, want)
}

// fitting checks the addresses an endpoint is to have.
func fitting(r record, e bridge.Endpoint) error {
	if i := slices.IndexFunc(e.LinkLocal, func(a netip.Addr) bool { return a.IsValid() && !a.IsLinkLocalUnicast() }); i >= 0 {
		return fmt.Errorf("invalid link-local IP address: %s: %w", e.LinkLocal[i], errs.ErrInvalid)
	}
	for _, family := range []struct {
		address netip.Addr
		subnet  netip.Prefix
		pooled  bool
	}{{e.IP, r.Spec.Subnet, r.Pooled4}, {e.IP6, r.Spec.Subnet6, r.Pooled6}} {
		switch {
		case !family.address.IsValid():
		case r.Network.Name == network.NetworkBridge:
			return fmt.Errorf("user specified IP address is supported on user defined networks only: %w", errs.ErrInvalid)
		case family.pooled || !family.subnet.IsValid():
			return fmt.Errorf("user specified IP address is supported only when connecting to networks with user configured subnets: %w", errs.ErrInvalid)
		case !family.subnet.Contains(family.address):
			return fmt.Errorf("Invalid address %s: It does not belong to any of this network's subnets: %s: %w", family.address, family.subnet, errs.ErrInvalid)
		}
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
	if err := connectable(r); err != nil {
		return err
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
	if err := fitting(r, e); err != nil {
		return bridge.Joined{}, err
	}
	e.Network = r.Network.ID
	return s.Driver.Join(ctx, e)
}

// Rename is that of the driver, for networks by name, ID or beginning of an ID.
func (s *Service) Rename(ctx context.Context, containerID, ref string, names []string) error {
	r, err := s.find(ref)
	if err != nil {
		return err
	}
	return s.Driver.Rename(ctx, containerID, r.Network.ID, names)
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
