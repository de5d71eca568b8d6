//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// A Network describes a bridge and its subnets.
type Network struct {
	ID     string // 64 hexadecimal digits; required
	Name   string // for messages, and a second way to name the network in an Endpoint; required
	Bridge string // name of the link; "br-" and 12 digits of ID when empty

	Subnet   netip.Prefix // IPv4; required
	Gateway  netip.Addr   // the host's address in Subnet; the first one when invalid
	Range    netip.Prefix // where addresses are chosen from, within Subnet; all of it when invalid
	Subnet6  netip.Prefix // IPv6; none when invalid
	Gateway6 netip.Addr
	Range6   netip.Prefix
	Reserved []netip.Addr // never given to a container

	Internal     bool       // no way out, no published ports, no default route
	Isolated     bool       // containers do not reach each other (enable_icc=false)
	NoMasquerade bool       // source addresses stay as they are when packets leave the host
	Prefix       string     // of the names of interfaces in containers; "eth" when empty
	MTU          int        // bytes; 0 is that of the default network
	HostIP       netip.Addr // address ports are published on that name none; all when invalid

	Created time.Time // when it was made; the driver keeps it for the default network and for others just carries it
}

// network is a Network that exists.
type network struct {
	Network
	link   int // index of the bridge
	v4, v6 *allocator
}

// AddNetwork makes a network, or takes over one that exists, with all containers that are connected to it. It may be
// called again with the same Network.
//
// A name, bridge or subnet another network has is errs.ErrConflict; addresses that do not fit together errs.ErrInvalid.
func (d *Driver) AddNetwork(_ context.Context, spec Network) error { return d.addNetwork(spec) }

func (d *Driver) addNetwork(spec Network) (err error) {
	if err := complete(&spec, d.mtu); err != nil {
		return err
	}
	n := &network{Network: spec}
	n.v4 = newAllocator(n.Name, n.Subnet, n.Range, append([]netip.Addr{n.Gateway}, n.Reserved...)...)
	if n.Subnet6.IsValid() {
		n.v6 = newAllocator(n.Name, n.Subnet6, n.Range6, append([]netip.Addr{n.Gateway6}, n.Reserved...)...)
	}
	if done, err := d.enter(n); done || err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.mu.Lock()
			delete(d.networks, n.ID)
			d.mu.Unlock()
		}
	}()
	index, made, err := d.ensureBridge(n.Network)
	if err != nil {
		return err
	}
	d.mu.Lock()
	n.link = index
	d.mu.Unlock()
	if err := d.rules.addNetwork(n.Network); err != nil {
		if made {
			_ = netlink.LinkDel(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}})
		}
		return err
	}
	if err := d.rules.openForeign(d.bridges()); err != nil {
		// A network that somebody's rules may cut off is better than none, and Watch tries again.
		d.log.Warn("rules of others may drop what containers send", "network", n.Name, "error", err)
	}
	return nil
}

// complete fills in defaults and refuses what does not fit together.
func complete(n *Network, mtu int) error {
	if n.Bridge == "" {
		n.Bridge = "br-" + n.ID[:min(12, len(n.ID))]
	}
	if n.MTU == 0 {
		n.MTU = mtu
	}
	if n.Prefix == "" {
		n.Prefix = "eth"
	}
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("network %q: %s: %w", n.Name, fmt.Sprintf(format, args...), errs.ErrInvalid)
	}
	if n.ID == "" || n.Name == "" {
		return invalid("no name or no id")
	}
	if len(n.Bridge) > unix.IFNAMSIZ-1 || netlinkName(n.Bridge) != nil {
		return invalid("%q cannot be the name of a bridge: up to 15 characters without / and space", n.Bridge)
	}
	if len(n.Prefix) > unix.IFNAMSIZ-4 || netlinkName(n.Prefix) != nil {
		return invalid("%q cannot begin the names of interfaces: up to 12 characters without / and space", n.Prefix)
	}
	if !n.Subnet.IsValid() || !n.Subnet.Addr().Is4() {
		return invalid("no IPv4 subnet")
	}
	if n.Subnet6.IsValid() && !n.Subnet6.Addr().Is6() {
		return invalid("%s is not a subnet of IPv6", n.Subnet6)
	}
	for _, family := range []struct {
		subnet  *netip.Prefix
		gateway *netip.Addr
		pool    netip.Prefix
	}{{&n.Subnet, &n.Gateway, n.Range}, {&n.Subnet6, &n.Gateway6, n.Range6}} {
		if !family.subnet.IsValid() {
			continue
		}
		*family.subnet = family.subnet.Masked()
		if !family.gateway.IsValid() {
			*family.gateway = family.subnet.Addr().Next()
		}
		if !family.subnet.Contains(*family.gateway) {
			return invalid("gateway %s is not in subnet %s", *family.gateway, *family.subnet)
		}
		if family.pool.IsValid() && (!family.subnet.Contains(family.pool.Addr()) || family.pool.Bits() < family.subnet.Bits()) {
			return invalid("range %s is not in subnet %s", family.pool, *family.subnet)
		}
	}
	return nil
}

func netlinkName(name string) error {
	for _, r := range name {
		if r <= ' ' || r == '/' || r == ':' || r > '~' {
			return errs.ErrInvalid
		}
	}
	if name == "" || name == "." || name == ".." {
		return errs.ErrInvalid
	}
	return nil
}

// enter reserves name, bridge and subnets of n, and marks the addresses that are in use in it. done means that the
// same network is there already.
func (d *Driver) enter(n *network) (done bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, other := range d.networks {
		switch {
		case id == n.ID && other.Subnet == n.Subnet && other.Bridge == n.Bridge:
			return true, nil
		case id == n.ID || other.Name == n.Name:
			return false, fmt.Errorf("network with name %s already exists: %w", n.Name, errs.ErrConflict)
		case other.Bridge == n.Bridge:
			return false, errs.Forbid(fmt.Errorf("cannot create network %s (%s): conflicts with network %s (%s): networks have same bridge name: %w",
				n.ID, n.Bridge, other.ID, other.Bridge, errs.ErrConflict))
		case other.Subnet.Overlaps(n.Subnet) || other.Subnet6.Overlaps(n.Subnet6):
			return false, errs.Forbid(fmt.Errorf("Pool overlaps with other one on this address space: network %q: subnet %s of network %q: %w",
				n.Name, other.Subnet, other.Name, errs.ErrConflict))
		}
	}
	for _, e := range d.endpointsOf(n.ID) {
		n.v4.hold(e.IP.Addr())
		if n.v6 != nil && e.IP6.IsValid() {
			n.v6.hold(e.IP6.Addr())
		}
	}
	d.networks[n.ID] = n
	return false, nil
}

// RemoveNetwork removes a network nobody is connected to, with its bridge and rules; one that is not there is no error.
// errs.ErrConflict when containers are connected.
func (d *Driver) RemoveNetwork(_ context.Context, ref string) error {
	d.mu.Lock()
	n := d.lookup(ref)
	if n == nil {
		d.mu.Unlock()
		return nil
	}
	if in := d.endpointsOf(n.ID); len(in) > 0 {
		d.mu.Unlock()
		return fmt.Errorf("error while removing network: network %s has active endpoints (%d): %w", n.Name, len(in), errs.ErrConflict)
	}
	delete(d.networks, n.ID)
	d.mu.Unlock()
	err := errors.Join(d.rules.removeNetwork(n.Network), d.rules.closeForeign(n.Bridge))
	link, linkErr := netlink.LinkByName(n.Bridge)
	if linkErr == nil && link.Attrs().Alias == d.alias() { // what we did not make we do not remove
		err = errors.Join(err, kernel(ignoreGone(netlink.LinkDel(link)), "remove bridge %q", n.Bridge))
	}
	return err
}

// Network returns what a network is like, by name or id.
func (d *Driver) Network(ref string) (Network, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.lookup(ref); n != nil {
		return n.Network, true
	}
	return Network{}, false
}

// find is lookup for those who cannot go on without it: errs.ErrNotFound.
func (d *Driver) find(ref string) (*network, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.lookup(ref)
	if n == nil {
		return nil, fmt.Errorf("network %s not found: %w", ref, errs.ErrNotFound)
	}
	return n, nil
}

// connection finds a network and a container's connection with it; errs.ErrNotFound when either is not there.
func (d *Driver) connection(s *sandbox, ref string) (*network, *endpoint, error) {
	n, err := d.find(ref)
	if err != nil {
		return nil, nil, err
	}
	e := s.on(n.ID)
	if e == nil {
		return nil, nil, fmt.Errorf("container %s is not connected to network %s: %w", s.id, n.Name, errs.ErrNotFound)
	}
	return n, e, nil
}

// lookup finds a network by id or name; d.mu is held. Names are few, so they need no index.
func (d *Driver) lookup(ref string) *network {
	if n, ok := d.networks[ref]; ok {
		return n
	}
	for _, n := range d.networks {
		if n.Name == ref {
			return n
		}
	}
	return nil
}

// bridges returns the names of all bridges.
func (d *Driver) bridges() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for _, n := range d.networks {
		names = append(names, n.Bridge)
	}
	return names
}

// alias marks bridges as made by this instance.
func (d *Driver) alias() string { return "cleat-" + d.instance }

// ensureBridge makes the bridge, with addresses, up, and ready to carry packets of 127.0.0.1. made is false for one
// that was there.
func (d *Driver) ensureBridge(n Network) (index int, made bool, err error) {
	link, err := netlink.LinkByName(n.Bridge)
	var missing netlink.LinkNotFoundError
	switch {
	case errors.As(err, &missing):
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = n.Bridge, n.MTU
		attrs.HardwareAddr = macOf(n.Gateway) // else it would change with each port that comes and goes
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
			return 0, false, kernel(err, "network %q: create bridge %q", n.Name, n.Bridge)
		}
		made = true
		if link, err = netlink.LinkByName(n.Bridge); err != nil {
			return 0, made, kernel(err, "network %q: bridge %q", n.Name, n.Bridge)
		}
		if err := netlink.LinkSetAlias(link, d.alias()); err != nil {
			return 0, made, kernel(err, "network %q: bridge %q", n.Name, n.Bridge)
		}
	case err != nil:
		return 0, false, kernel(err, "network %q: bridge %q", n.Name, n.Bridge)
	case link.Type() != "bridge":
		return 0, false, fmt.Errorf("network %q: link %q exists and is no bridge but %s: %w", n.Name, n.Bridge, link.Type(), errs.ErrConflict)
	}
	if err := configureBridge(link, n); err != nil {
		if made {
			_ = netlink.LinkDel(link)
		}
		return 0, made, err
	}
	return link.Attrs().Index, made, nil
}

func configureBridge(link netlink.Link, n Network) error {
	if err := addAddress(link, n.Gateway, n.Subnet.Bits()); err != nil {
		return kernel(err, "network %q: address %s of bridge %q", n.Name, n.Gateway, n.Bridge)
	}
	if n.Subnet6.IsValid() {
		if err := enableForwarding6(); err != nil {
			return err
		}
		if err := sysctl("net/ipv6/conf/"+n.Bridge+"/disable_ipv6", "0"); err != nil {
			return err
		}
		if err := addAddress(link, n.Gateway6, n.Subnet6.Bits()); err != nil {
			return kernel(err, "network %q: address %s of bridge %q", n.Name, n.Gateway6, n.Bridge)
		}
	}
	if err := sysctl("net/ipv4/conf/"+n.Bridge+"/route_localnet", "1"); err != nil {
		return err
	}
	return kernel(netlink.LinkSetUp(link), "network %q: bridge %q up", n.Name, n.Bridge)
}

// addAddress gives a link an address; one that it has is no error.
func addAddress(link netlink.Link, address netip.Addr, bits int) error {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(bits, address.BitLen())}}
	if address.Is6() {
		a.Flags = unix.IFA_F_NODAD // nobody else chooses addresses here, and a tentative one is of no use yet
	}
	if err := netlink.AddrAdd(link, a); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// bridgeAddress returns the first IPv4 address of a bridge; the zero prefix when there is no such link.
func bridgeAddress(name string) (netip.Prefix, error) {
	link, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return netip.Prefix{}, nil
	}
	if err != nil {
		return netip.Prefix{}, kernel(err, "bridge %q", name)
	}
	addresses, err := dumped(func() ([]netlink.Addr, error) { return netlink.AddrList(link, netlink.FAMILY_V4) })
	if err != nil || len(addresses) == 0 {
		return netip.Prefix{}, kernel(err, "addresses of bridge %q", name)
	}
	address, _ := netip.AddrFromSlice(addresses[0].IP.To4())
	ones, _ := addresses[0].Mask.Size()
	return netip.PrefixFrom(address, ones), nil
}

// macOf is the hardware address that goes with an IPv4 address, as dockerd derives it.
func macOf(ip netip.Addr) net.HardwareAddr {
	b := ip.As4()
	return net.HardwareAddr{0x02, 0x42, b[0], b[1], b[2], b[3]}
}
