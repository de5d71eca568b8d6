//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
)

// Reconcile compares what is recorded and what the kernel has with the containers that live, once at the start of the
// daemon, after every network was added. live has the id of each container whose network is in use; its endpoints
// count where the record of a container is lost. No Sandbox or Join may be under way.
//
// What belongs to other containers is removed: namespaces, links, rules, addresses; so are bridges of networks nobody
// added. Ports of the living are reserved again. One that another process took meanwhile stays published, as the
// redirection of its packets never ended, and is logged. The table of rules is written anew in one step, for an older
// version of this program may have made it.
func (d *Driver) Reconcile(ctx context.Context, live map[string][]Endpoint) error {
	var all error
	d.mu.Lock()
	var ids []string
	for id := range d.sandboxes {
		ids = append(ids, id)
	}
	d.mu.Unlock()
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, lives := live[id]; !lives {
			if err := d.Release(ctx, id); err != nil {
				all = errors.Join(all, fmt.Errorf("container %q: %w", id, err))
			}
		}
	}
	for id, endpoints := range live {
		d.adopt(id, endpoints)
	}
	if err := d.rules.rebuild(d.everything); err != nil {
		return errors.Join(all, err)
	}
	return errors.Join(all, d.rules.openForeign(d.bridges()), d.sweep(ctx))
}

// adopt takes over a living container.
func (d *Driver) adopt(id string, endpoints []Endpoint) {
	s := d.lock(id)
	defer d.unlock(s)
	if len(s.endpoints) == 0 && len(endpoints) > 0 {
		d.log.Error("record of the network of a running container is lost", "container", id)
		d.restore(s, endpoints)
	}
	for _, e := range s.endpoints {
		d.greet(e)
		if e.holds != nil {
			continue
		}
		e.holds = make([]hold, len(e.Ports))
		for i, p := range e.Ports {
			h, err := d.reserveThis(p)
			if err != nil {
				d.log.Warn("published port of a running container is not reserved", "container", id, "port", p.String(), "error", err)
				d.mu.Lock()
				d.ports.claim(p)
				d.mu.Unlock()
				continue
			}
			e.holds[i] = h
		}
		e.serve()
	}
}

// restore makes endpoints of a container from what others know about it, so that nobody else gets its addresses and
// its ports stay published. The links are found by nobody; they go with the namespace.
func (d *Driver) restore(s *sandbox, endpoints []Endpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range endpoints {
		n := d.lookup(known.Network)
		if n == nil || !n.Subnet.Contains(known.IP) {
			continue
		}
		n.v4.hold(known.IP)
		d.sequence++
		e := &endpoint{
			ID: NewID(), Container: s.id, Network: n.ID, Interface: known.Interface, MAC: known.MAC, DNS: known.DNS,
			IP: netip.PrefixFrom(known.IP, n.Subnet.Bits()), Priority: known.Priority, Sequence: d.sequence,
		}
		for _, p := range known.Ports {
			if p, err := p.complete(n.HostIP); err == nil && p.HostPort != 0 {
				e.Ports = append(e.Ports, p)
			}
		}
		if n.v6 != nil && n.Subnet6.Contains(known.IP6) {
			n.v6.hold(known.IP6)
			e.IP6 = netip.PrefixFrom(known.IP6, n.Subnet6.Bits())
		}
		s.endpoints = append(s.endpoints, e)
	}
	if err := d.save(s); err != nil {
		d.log.Error("record of the network of a running container", "container", s.id, "error", err)
	}
}

// everything is what the table of rules has to hold.
func (d *Driver) everything() (networks []Network, ports []target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.networks {
		networks = append(networks, n.Network)
	}
	for _, s := range d.sandboxes {
		for _, e := range s.endpoints {
			if !e.leaving {
				ports = append(ports, e.targets()...)
			}
		}
	}
	return networks, ports
}

// sweep removes links of this instance that nobody knows.
func (d *Driver) sweep(ctx context.Context) error {
	links, err := dumped(netlink.LinkList)
	if err != nil {
		return kernel(err, "links of the host")
	}
	d.mu.Lock()
	known := map[string]bool{}
	for _, n := range d.networks {
		known[n.Bridge] = true
	}
	for _, s := range d.sandboxes {
		for _, e := range s.endpoints {
			known[e.Link] = true
		}
	}
	d.mu.Unlock()
	var orphans []int
	for _, link := range links {
		attrs := link.Attrs()
		ours := attrs.Alias == d.alias() || link.Type() == "veth" && strings.HasPrefix(attrs.Name, d.linkPrefix())
		if !ours || known[attrs.Name] {
			continue
		}
		orphans = append(orphans, attrs.Index)
		if attrs.Alias == d.alias() {
			if err := d.rules.closeForeign(attrs.Name); err != nil {
				return err
			}
		}
	}
	select {
	case <-d.reaper.remove(orphans...):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
