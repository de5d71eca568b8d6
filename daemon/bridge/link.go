//go:build linux

package bridge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// linkPrefix begins the names of our ends of the pairs.
func (d *Driver) linkPrefix() string { return "veth" + d.instance[:6] }

// connect makes a pair of interfaces between the bridge and the namespace of a container, and sets up the inner one.
// When it fails nothing is left.
func (d *Driver) connect(e *endpoint, n *network, mac net.HardwareAddr, linkLocal []netip.Addr) error {
	path := d.netnsPath(e.Container)
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return kernel(err, "network namespace of container %q", e.Container)
	}
	defer ns.Close()
	var pair *netlink.Veth
	for try := 0; ; try++ {
		// A name has room for five digits of the id: among a thousand containers two may share those, so other
		// digits get their chance. An interface of that name in the container is the same error, and stays one.
		digits := unix.IFNAMSIZ - 1 - len(d.linkPrefix())
		e.Link = d.linkPrefix() + e.ID[try*digits:(try+1)*digits]
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU, attrs.MasterIndex, attrs.Flags = e.Link, n.MTU, n.link, net.FlagUp
		pair = netlink.NewVeth(attrs)
		pair.PeerName, pair.PeerHardwareAddr, pair.PeerNamespace = e.Interface, mac, netlink.NsFd(ns)
		err := netlink.LinkAdd(pair)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EEXIST) || try >= 8 {
			return kernel(err, "network %q: link %s of container %q", n.Name, e.Link, e.Container)
		}
	}
	if err := d.setUp(e, n, pair, ns, linkLocal); err != nil {
		_ = netlink.LinkDel(pair)
		return err
	}
	return nil
}

// setUp configures both ends of a new pair.
func (d *Driver) setUp(e *endpoint, n *network, pair *netlink.Veth, ns netns.NsHandle, linkLocal []netip.Addr) error {
	what := fmt.Sprintf("network %q: interface %s of container %q", n.Name, e.Interface, e.Container)
	// Where the host filters bridged packets too, a redirected one may have to leave by the port it came in by.
	if err := netlink.LinkSetHairpin(pair, true); err != nil {
		return kernel(err, "%s: hairpin", what)
	}
	if n.Isolated {
		if err := netlink.LinkSetIsolated(pair, true); err != nil {
			return kernel(err, "%s: isolation", what)
		}
	}
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return kernel(err, "%s", what)
	}
	defer handle.Close()
	inner, err := handle.LinkByName(e.Interface)
	if err != nil {
		return kernel(err, "%s", what)
	}
	if err := handle.AddrAdd(inner, address(e.IP)); err != nil {
		return kernel(err, "%s: address %s", what, e.IP)
	}
	linkLocal = slices.DeleteFunc(slices.Clone(linkLocal), func(a netip.Addr) bool { return !a.IsValid() })
	if e.IP6.IsValid() || slices.ContainsFunc(linkLocal, netip.Addr.Is6) {
		if err := inside(d.netnsPath(e.Container), func() error {
			return sysctl("net/ipv6/conf/"+e.Interface+"/disable_ipv6", "0")
		}); err != nil {
			return err
		}
	}
	if e.IP6.IsValid() {
		if err := handle.AddrAdd(inner, address(e.IP6)); err != nil {
			return kernel(err, "%s: address %s", what, e.IP6)
		}
	}
	for _, a := range linkLocal {
		bits := 16
		if a.Is6() {
			bits = 64
		}
		if err := handle.AddrAdd(inner, address(netip.PrefixFrom(a, bits))); err != nil && !errors.Is(err, unix.EEXIST) {
			return kernel(err, "%s: address %s", what, a)
		}
	}
	return kernel(handle.LinkSetUp(inner), "%s up", what)
}

func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

// route makes the namespace of a container leave by the network that is first in line: the highest priority, then the
// first name; internal ones never.
func (d *Driver) route(s *sandbox) error {
	d.mu.Lock()
	var way *endpoint
	var via *network
	for _, e := range s.endpoints {
		n := d.networks[e.Network]
		if n == nil || n.Internal {
			continue
		}
		if way == nil || e.Priority > way.Priority || e.Priority == way.Priority && n.Name < via.Name {
			way, via = e, n
		}
	}
	d.mu.Unlock()
	if way == nil {
		return nil
	}
	ns, err := netns.GetFromPath(d.netnsPath(s.id))
	if err != nil {
		return kernel(err, "network namespace of container %q", s.id)
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return kernel(err, "default route of container %q", s.id)
	}
	defer handle.Close()
	inner, err := handle.LinkByName(way.Interface)
	if err != nil {
		return kernel(err, "default route of container %q", s.id)
	}
	gateways := []netip.Addr{via.Gateway}
	if way.IP6.IsValid() {
		gateways = append(gateways, via.Gateway6)
	}
	for _, gateway := range gateways {
		everything := &net.IPNet{IP: make(net.IP, gateway.BitLen()/8), Mask: net.CIDRMask(0, gateway.BitLen())}
		route := &netlink.Route{LinkIndex: inner.Attrs().Index, Dst: everything, Gw: gateway.AsSlice()}
		if err := handle.RouteReplace(route); err != nil {
			return kernel(err, "default route of container %q by %s", s.id, gateway)
		}
	}
	return nil
}

// disconnect takes an endpoint off its bridge at once, and has its links removed.
func (d *Driver) disconnect(e *endpoint) (gone <-chan struct{}, err error) {
	if e.Link == "" { // restored: see Reconcile
		return d.reaper.remove(), nil
	}
	link, err := netlink.LinkByName(e.Link)
	if err != nil {
		return d.reaper.remove(), kernel(ignoreGone(err), "link %s of container %q", e.Link, e.Container)
	}
	index := link.Attrs().Index
	if err := silence(index); err != nil && !errors.Is(err, unix.EOPNOTSUPP) { // taken from its bridge by somebody
		return d.reaper.remove(index), kernel(err, "link %s of container %q", e.Link, e.Container)
	}
	return d.reaper.remove(index), nil
}
