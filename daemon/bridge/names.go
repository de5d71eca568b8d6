//go:build linux

package bridge

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cleat-dev/cleat/daemon/dns"
)

// introduce makes an endpoint known by its names to the others on its network, and answers its queries. The default
// network has no names, as in dockerd.
func (d *Driver) introduce(e *endpoint, n *network) error {
	if n.Name == DefaultNetwork {
		return nil
	}
	m := dns.Member{
		Identity: e.DNS, Container: e.Container, Network: n.ID, NetworkName: n.Name, Addresses: []netip.Addr{e.IP.Addr()},
		Priority: e.Priority,
	}
	if e.IP6.IsValid() {
		m.Addresses = append(m.Addresses, e.IP6.Addr())
	}
	d.names.Join(m)
	err := d.names.Serve(e.Container, namespace{d, e.Container})
	if err != nil {
		d.names.Leave(e.Container, n.ID)
		return fmt.Errorf("network %q: container %q: %w", n.Name, e.Container, err)
	}
	return nil
}

// namespace is that of a container, for the name service.
type namespace struct {
	d  *Driver
	id string
}

// Do runs a function in it.
func (n namespace) Do(do func() error) error { return inside(n.d.netnsPath(n.id), do) }

// Outward reports whether one of the container's networks leads anywhere.
func (n namespace) Outward() bool {
	n.d.mu.Lock()
	defer n.d.mu.Unlock()
	s := n.d.sandboxes[n.id]
	return s != nil && slices.ContainsFunc(s.endpoints, func(e *endpoint) bool {
		on := n.d.networks[e.Network]
		return on != nil && !on.Internal
	})
}

// greet introduces an endpoint of a container that is taken over.
func (d *Driver) greet(e *endpoint) {
	d.mu.Lock()
	n := d.networks[e.Network]
	d.mu.Unlock()
	if n == nil {
		return
	}
	if err := d.introduce(e, n); err != nil {
		d.log.Error("a running container is without name service", "container", e.Container, "error", err)
	}
}

// Rename gives a container other names on a network it is connected to; errs.ErrNotFound when it is not.
func (d *Driver) Rename(_ context.Context, containerID, ref string, names []string) error {
	s := d.lock(containerID)
	defer d.unlock(s)
	n, e, err := d.connection(s, ref)
	if err != nil {
		return err
	}
	e.DNS.Names = names
	if err := d.save(s); err != nil {
		return err
	}
	return d.introduce(e, n)
}
