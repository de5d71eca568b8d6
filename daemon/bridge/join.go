//go:build linux

package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/moby/moby/api/types/events"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/dns"
)

// An Endpoint says how a container is to be connected to a network.
type Endpoint struct {
	ContainerID   string       // required
	ContainerName string       // for messages only
	Network       string       // name or id; the default network when empty
	Interface     string       // name in the container; the first free one with the network's prefix, as eth0, when empty
	MAC           string       // hardware address; made from IP when empty
	IP            netip.Addr   // the next free one when invalid
	IP6           netip.Addr   // the next free one when invalid, and the network has IPv6
	LinkLocal     []netip.Addr // addresses the interface has besides
	Priority      int          // the network of highest priority gives the default route
	Ports         []Port       // ports to publish; an internal network publishes none
	DNS           dns.Identity // what it is called there; the default network has no names
}

// Joined is a connection that exists.
type Joined struct {
	IP          netip.Prefix // address in the container, with the length of the subnet
	Gateway     netip.Addr
	IP6         netip.Prefix // invalid without IPv6
	Gateway6    netip.Addr
	MAC         string
	Interface   string
	EndpointID  string // 64 hexadecimal digits
	NetworkID   string
	NetworkName string
	ContainerID string
	Ports       []Port // as bound: with address and port of the host
}

// Event tells that the container connected (events.ActionConnect) or that it left (events.ActionDisconnect).
func (j Joined) Event(action events.Action) events.Message {
	return events.Message{Type: events.NetworkEventType, Action: action, Actor: events.Actor{
		ID: j.NetworkID, Attributes: map[string]string{"container": j.ContainerID, "name": j.NetworkName, "type": "bridge"},
	}}
}

// Join connects a container whose Sandbox exists to a network, and publishes its ports. All of it happens, or nothing.
// A container that is connected already keeps what it has, and that is returned.
//
// An unknown network is errs.ErrNotFound, an address that does not fit errs.ErrInvalid, one that is taken
// errs.ErrConflict. A port somebody has is errs.ErrInternal, as in dockerd, with "port is already allocated" in its text.
func (d *Driver) Join(ctx context.Context, want Endpoint) (Joined, error) {
	if err := validID(want.ContainerID); err != nil {
		return Joined{}, err
	}
	if want.Network == "" {
		want.Network = DefaultNetwork
	}
	s := d.lock(want.ContainerID)
	defer d.unlock(s)
	n, err := d.find(want.Network)
	if err != nil {
		return Joined{}, err
	}
	if !s.pinned {
		return Joined{}, fmt.Errorf("container %q has no network namespace: %w", want.ContainerID, errs.ErrNotFound)
	}
	if e := s.on(n.ID); e != nil {
		return n.joined(e), nil
	}
	e, err := d.join(ctx, s, n, want)
	if err != nil {
		return Joined{}, err
	}
	return n.joined(e), nil
}

// join does it step by step, and takes the steps back when one fails.
func (d *Driver) join(ctx context.Context, s *sandbox, n *network, want Endpoint) (_ *endpoint, err error) {
	var undo []func()
	defer func() {
		if err != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				undo[i]()
			}
		}
	}()
	e := &endpoint{ID: NewID(), Container: s.id, Network: n.ID, Interface: want.Interface, Priority: want.Priority, DNS: want.DNS}
	if err := nameInterface(e, s, n.Prefix); err != nil {
		return nil, err
	}
	if err := d.address(e, n, want); err != nil {
		return nil, err
	}
	undo = append(undo, func() { d.freeAddress(e) })
	mac, err := hardwareAddress(want.MAC, e.IP.Addr())
	if err != nil {
		return nil, err
	}
	e.MAC = mac.String()
	if !n.Internal {
		if e.Ports, e.holds, err = d.publish(want.Ports, n.HostIP); err != nil {
			name := cmp.Or(want.ContainerName, s.id[:min(12, len(s.id))])
			return nil, fmt.Errorf("driver failed programming external connectivity on endpoint %s (%s): %w", name, e.ID, err)
		}
		undo = append(undo, func() { d.unpublish(e.Ports, e.holds) })
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.connect(e, n, mac, want.LinkLocal); err != nil {
		return nil, err
	}
	undo = append(undo, func() { _, _ = d.disconnect(e) })
	before := s.endpoints
	if !d.enroll(e, s, n) { // from here on the network cannot be removed
		return nil, fmt.Errorf("network %s not found: %w", want.Network, errs.ErrNotFound)
	}
	undo = append(undo, func() {
		d.mu.Lock()
		s.endpoints = before
		d.mu.Unlock()
		_ = d.route(s)
		_ = d.save(s)
	})
	if err := d.route(s); err != nil {
		return nil, err
	}
	if err := d.redirect(e); err != nil {
		return nil, err
	}
	undo = append(undo, func() { _ = d.rules.removePorts(e.targets()) })
	if err := d.introduce(e, n); err != nil {
		return nil, err
	}
	undo = append(undo, func() { d.names.Leave(s.id, n.ID) })
	if err := d.save(s); err != nil {
		return nil, err
	}
	forgetUDP(e.Ports)
	e.serve()
	return e, nil
}

// enroll makes an endpoint one of its container's; false when the network was removed meanwhile.
func (d *Driver) enroll(e *endpoint, s *sandbox, n *network) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.networks[n.ID] != n {
		return false
	}
	d.sequence++
	e.Sequence = d.sequence
	s.endpoints = append(s.endpoints[:len(s.endpoints):len(s.endpoints)], e)
	return true
}

// hardwareAddress reads the address that is wanted; without one it is made from the IP address.
func hardwareAddress(want string, ip netip.Addr) (net.HardwareAddr, error) {
	if want == "" {
		return macOf(ip), nil
	}
	mac, err := net.ParseMAC(want)
	if err != nil || len(mac) != 6 {
		return nil, fmt.Errorf("hardware address %q: want six bytes as 02:42:ac:11:00:02: %w", want, errs.ErrInvalid)
	}
	return mac, nil
}

// redirect has what arrives at the ports of an endpoint, which is among its container's, sent there.
func (d *Driver) redirect(e *endpoint) error {
	err := d.rules.addPorts(e.targets())
	if errors.Is(err, unix.ENOENT) { // somebody emptied the packet filter
		return d.rules.rebuild(d.everything)
	}
	return err
}

// Publish publishes ports of a container on a network it is connected to and that publishes none of its ports yet: they
// move there when it leaves the network that had them. Errors are those of Join; an unconnected container is
// errs.ErrNotFound. An internal network publishes nothing.
func (d *Driver) Publish(_ context.Context, containerID, ref string, ports []Port) (Joined, error) {
	s := d.lock(containerID)
	defer d.unlock(s)
	n, e, err := d.connection(s, ref)
	if err != nil {
		return Joined{}, err
	}
	if n.Internal || len(e.Ports) > 0 || len(ports) == 0 {
		return n.joined(e), nil
	}
	if err := d.publishOn(s, n, e, ports); err != nil {
		return Joined{}, err
	}
	return n.joined(e), nil
}

func (d *Driver) publishOn(s *sandbox, n *network, e *endpoint, ports []Port) (err error) {
	if e.Ports, e.holds, err = d.publish(ports, n.HostIP); err != nil {
		return fmt.Errorf("driver failed programming external connectivity on endpoint %s: %w", e.ID, err)
	}
	if err = d.redirect(e); err == nil {
		err = d.save(s)
	}
	if err != nil {
		_ = d.rules.removePorts(e.targets())
		d.unpublish(e.Ports, e.holds)
		e.Ports, e.holds = nil, nil
		return err
	}
	forgetUDP(e.Ports)
	e.serve()
	return nil
}

// serve passes on what arrives at the sockets of the ports rather than being redirected.
func (e *endpoint) serve() {
	for i, h := range e.holds {
		if h != nil {
			h.serve(netip.AddrPortFrom(e.IP.Addr(), e.Ports[i].Port))
		}
	}
}

// address chooses the addresses of an endpoint, or takes the wanted ones.
func (d *Driver) address(e *endpoint, n *network, want Endpoint) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	ip, err := n.v4.take(want.IP)
	if err != nil {
		return err
	}
	e.IP = netip.PrefixFrom(ip, n.Subnet.Bits())
	if n.v6 == nil {
		if want.IP6.IsValid() {
			n.v4.free(ip)
			return fmt.Errorf("network %q has no IPv6, but address %s is wanted: %w", n.Name, want.IP6, errs.ErrInvalid)
		}
		return nil
	}
	ip6, err := n.v6.take(want.IP6)
	if err != nil {
		n.v4.free(ip)
		return err
	}
	e.IP6 = netip.PrefixFrom(ip6, n.Subnet6.Bits())
	return nil
}

// freeAddress gives the addresses of an endpoint back.
func (d *Driver) freeAddress(e *endpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.networks[e.Network]
	if n == nil {
		return
	}
	n.v4.free(e.IP.Addr())
	if n.v6 != nil && e.IP6.IsValid() {
		n.v6.free(e.IP6.Addr())
	}
}

// nameInterface gives a new endpoint of s a name that is free.
func nameInterface(e *endpoint, s *sandbox, prefix string) error {
	taken := map[string]bool{"lo": true}
	for _, other := range s.endpoints {
		taken[other.Interface] = true
	}
	if e.Interface != "" {
		if taken[e.Interface] || len(e.Interface) > unix.IFNAMSIZ-1 || netlinkName(e.Interface) != nil {
			return fmt.Errorf("interface %q of container %q: in use or not a name: %w", e.Interface, s.id, errs.ErrInvalid)
		}
		return nil
	}
	for i := 0; e.Interface == "" || taken[e.Interface]; i++ {
		e.Interface = prefix + strconv.Itoa(i)
	}
	return nil
}

// joined describes an endpoint of n.
func (n *network) joined(e *endpoint) Joined {
	j := Joined{
		IP: e.IP, IP6: e.IP6, MAC: e.MAC, Interface: e.Interface, EndpointID: e.ID,
		NetworkID: n.ID, NetworkName: n.Name, ContainerID: e.Container, Ports: e.Ports,
	}
	if !n.Internal {
		j.Gateway = n.Gateway
		if e.IP6.IsValid() {
			j.Gateway6 = n.Gateway6
		}
	}
	return j
}

// Endpoints returns who is connected to a network, in the order they were; nothing for an unknown one.
func (d *Driver) Endpoints(ref string) []Joined {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.lookup(ref)
	if n == nil {
		return nil
	}
	var all []Joined
	for _, e := range d.endpointsOf(n.ID) {
		all = append(all, n.joined(e))
	}
	return all
}

// Connected returns the connections of a container, in the order they were made.
func (d *Driver) Connected(containerID string) []Joined {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sandboxes[containerID]
	if s == nil {
		return nil
	}
	var all []Joined
	for _, e := range s.endpoints {
		if n := d.networks[e.Network]; n != nil {
			all = append(all, n.joined(e))
		}
	}
	return all
}

// forgetUDP makes the host forget datagrams that went to ports before they were redirected, or to whom: the decision
// about the first one of a sender holds as long as it goes on sending.
func forgetUDP(ports []Port) {
	for _, p := range ports {
		if p.Proto != "udp" {
			continue
		}
		filter := &netlink.ConntrackFilter{}
		if filter.AddProtocol(unix.IPPROTO_UDP) != nil || filter.AddPort(netlink.ConntrackOrigDstPort, p.HostPort) != nil {
			continue
		}
		for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
			// At worst a sender goes on not being heard until it pauses.
			_, _ = netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter)
		}
	}
}
