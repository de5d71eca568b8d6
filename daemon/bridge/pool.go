//go:build linux

package bridge

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// A Pool is a range of addresses that is cut into subnets of one size (--default-address-pool).
type Pool struct {
	Base netip.Prefix // the range
	Size int          // prefix length of the subnets, at least that of Base
}

// DefaultPools are the ranges of dockerd, in its order.
func DefaultPools() []Pool {
	return []Pool{
		{netip.MustParsePrefix("172.17.0.0/16"), 16},
		{netip.MustParsePrefix("172.18.0.0/16"), 16},
		{netip.MustParsePrefix("172.19.0.0/16"), 16},
		{netip.MustParsePrefix("172.20.0.0/14"), 16},
		{netip.MustParsePrefix("172.24.0.0/14"), 16},
		{netip.MustParsePrefix("172.28.0.0/14"), 16},
		{netip.MustParsePrefix("192.168.0.0/16"), 20},
		{netip.MustParsePrefix("fd00:636c:6561::/48"), 64},
	}
}

// FreeSubnet returns the first subnet of the pools that no route of the host and no network of this driver uses. v6
// asks for one of IPv6. Nothing is reserved: AddNetwork does that, and refuses a subnet taken meanwhile.
func (d *Driver) FreeSubnet(v6 bool) (netip.Prefix, error) {
	busy, err := routedPrefixes()
	if err != nil {
		return netip.Prefix{}, err
	}
	d.mu.Lock()
	for _, n := range d.networks {
		busy = append(busy, n.Subnet, n.Subnet6)
	}
	d.mu.Unlock()
	return pick(d.config.Pools, v6, busy)
}

// pick returns the first subnet of pools that overlaps none of busy.
func pick(pools []Pool, v6 bool, busy []netip.Prefix) (netip.Prefix, error) {
	for _, pool := range pools {
		if pool.Base.Addr().Is6() != v6 || pool.Size < pool.Base.Bits() || pool.Size > pool.Base.Addr().BitLen() {
			continue
		}
		subnet := netip.PrefixFrom(pool.Base.Masked().Addr(), pool.Size)
		for subnet.IsValid() && pool.Base.Contains(subnet.Addr()) {
			i := slices.IndexFunc(busy, subnet.Overlaps)
			if i < 0 {
				return subnet, nil
			}
			// Go on behind the larger of the two, so that a /8 of the host does not cost a step for every subnet.
			next := subnet
			if busy[i].Bits() < subnet.Bits() {
				next = busy[i].Masked()
			}
			subnet = netip.PrefixFrom(lastAddress(next).Next(), pool.Size)
		}
	}
	family := "IPv4"
	if v6 {
		family = "IPv6"
	}
	return netip.Prefix{}, fmt.Errorf(
		"could not find an available, non-overlapping %s address pool among the defaults to assign to the network: %w", family, errs.ErrNotFound)
}

func overlapsAny(p netip.Prefix, busy []netip.Prefix) bool {
	return slices.ContainsFunc(busy, p.Overlaps)
}

// lastAddress returns the highest address of p.
func lastAddress(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}

// routedPrefixes returns the destinations of all routes of the host, but not the default ones.
func routedPrefixes() ([]netip.Prefix, error) {
	routes, err := dumped(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, kernel(err, "routes of the host")
	}
	var out []netip.Prefix
	for _, r := range routes {
		if r.Dst == nil || r.Type == unix.RTN_MULTICAST || r.Type == unix.RTN_BROADCAST {
			continue
		}
		address, ok := netip.AddrFromSlice(r.Dst.IP)
		bits, _ := r.Dst.Mask.Size()
		// Half of all addresses, or 2000::/3, is a VPN's way to say default route without touching the real one.
		if ok && (bits > 1 && address.Is4() || bits > 3) {
			out = append(out, netip.PrefixFrom(address, bits))
		}
	}
	return out, nil
}

// routeMTU is the MTU of the interface the default route leaves by, 1500 without one.
func routeMTU() int {
	routes, err := dumped(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return 1500
	}
	for _, r := range routes {
		if r.Dst != nil {
			if ones, _ := r.Dst.Mask.Size(); ones != 0 {
				continue
			}
		}
		if link, err := netlink.LinkByIndex(r.LinkIndex); err == nil && link.Attrs().MTU > 0 {
			return link.Attrs().MTU
		}
	}
	return 1500
}
