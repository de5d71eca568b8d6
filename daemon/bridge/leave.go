//go:build linux

package bridge

import (
	"context"
	"errors"

	"github.com/vishvananda/netlink"

	"github.com/moby/moby/api/types/container"
)

// Leave takes a container off a network: address, ports and interface are gone when it returns, the default route
// leads by another of its networks. A container that is not connected is no error.
func (d *Driver) Leave(ctx context.Context, containerID, ref string) error {
	s := d.lock(containerID)
	defer d.unlock(s)
	n, err := d.find(ref)
	if err != nil {
		return err
	}
	e := s.on(n.ID)
	if e == nil {
		return nil
	}
	gone, err := d.leave(s, []*endpoint{e})
	if err != nil {
		return err
	}
	select {
	case <-gone:
	case <-ctx.Done():
		return ctx.Err()
	}
	return d.route(s)
}

// Release removes everything of a container: endpoints, ports, addresses, namespace, record. It may be repeated, and
// a container that has none of it is no error. The kernel removes the links later; see Settle.
func (d *Driver) Release(_ context.Context, containerID string) error {
	if err := validID(containerID); err != nil {
		return err
	}
	s := d.lock(containerID)
	defer d.unlock(s)
	return d.release(s)
}

func (d *Driver) release(s *sandbox) error {
	if _, err := d.leave(s, s.endpoints); err != nil {
		return err
	}
	d.names.Stop(s.id)
	if !s.pinned {
		return nil
	}
	if err := unpin(d.netnsPath(s.id)); err != nil {
		return err
	}
	s.pinned = false
	return nil
}

// leave removes endpoints of a sandbox. Ports go first, so that nobody is sent to an address another may have next;
// the record goes last, so that what is interrupted is found and finished.
func (d *Driver) leave(s *sandbox, leaving []*endpoint) (gone <-chan struct{}, err error) {
	mark := func(leave bool) (ports []target) {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, e := range leaving {
			e.leaving = leave
			ports = append(ports, e.targets()...)
		}
		return ports
	}
	if err := d.rules.removePorts(mark(true)); err != nil {
		mark(false)
		return nil, err
	}
	gone = make(chan struct{})
	for _, e := range leaving {
		d.names.Leave(s.id, e.Network) // before another may have the address
		forgetUDP(e.Ports)
		var linkErr error
		gone, linkErr = d.disconnect(e)
		err = errors.Join(err, linkErr)
	}
	if err != nil {
		return nil, err
	}
	for _, e := range leaving {
		d.unpublish(e.Ports, e.holds)
		d.freeAddress(e)
	}
	d.mu.Lock()
	var rest []*endpoint
	for _, e := range s.endpoints {
		if !contains(leaving, e) {
			rest = append(rest, e)
		}
	}
	s.endpoints = rest
	d.mu.Unlock()
	return gone, d.save(s)
}

func contains(all []*endpoint, e *endpoint) bool {
	for _, other := range all {
		if other == e {
			return true
		}
	}
	return false
}

// Statistics returns the counters of the interfaces of a container, by their names in it, as the container sees them;
// none for a container without a network of its own.
func (d *Driver) Statistics(_ context.Context, containerID string) (map[string]container.NetworkStats, error) {
	d.mu.Lock()
	links := map[string]*endpoint{}
	if s := d.sandboxes[containerID]; s != nil {
		for _, e := range s.endpoints {
			links[e.Interface] = e
		}
	}
	d.mu.Unlock()
	all := map[string]container.NetworkStats{}
	for name, e := range links {
		link, err := netlink.LinkByName(e.Link)
		if err != nil {
			if ignoreGone(err) == nil {
				continue // it left meanwhile
			}
			return nil, kernel(err, "counters of container %q", containerID)
		}
		// What the end on the bridge receives, the container sent.
		if c := link.Attrs().Statistics; c != nil {
			all[name] = container.NetworkStats{
				RxBytes: c.TxBytes, RxPackets: c.TxPackets, RxErrors: c.TxErrors, RxDropped: c.TxDropped,
				TxBytes: c.RxBytes, TxPackets: c.RxPackets, TxErrors: c.RxErrors, TxDropped: c.RxDropped,
			}
		}
	}
	return all, nil
}
