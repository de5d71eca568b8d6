//go:build linux

package bridge

import (
	"context"
	"errors"
	"slices"

	mdnetlink "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// findUplinks returns the bridges by which the host reaches others: those that have a port which is no end of a
// container or a virtual machine, and those it routes over to a gateway. Every other bridge is a network of somebody
// else's containers.
func findUplinks() ([]string, error) {
	links, err := dumped(netlink.LinkList)
	if err != nil {
		return nil, kernel(err, "links of the host")
	}
	up := map[int]bool{}
	for _, link := range links {
		if master := link.Attrs().MasterIndex; master != 0 && !virtual(link.Type()) {
			up[master] = true
		}
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := dumped(func() ([]netlink.Route, error) { return netlink.RouteList(nil, family) })
		if err != nil {
			return nil, kernel(err, "routes of the host")
		}
		for _, route := range routes {
			whole := route.Dst == nil
			if !whole {
				ones, _ := route.Dst.Mask.Size()
				whole = ones == 0
			}
			if whole || len(route.Gw) > 0 {
				up[route.LinkIndex] = true
			}
			for _, hop := range route.MultiPath {
				up[hop.LinkIndex] = true
			}
		}
	}
	var names []string
	for _, link := range links {
		if link.Type() == "bridge" && up[link.Attrs().Index] {
			names = append(names, link.Attrs().Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// virtual reports whether links of a kind are ends of containers or virtual machines.
func virtual(kind string) bool { return kind == "veth" || kind == "tun" || kind == "tuntap" }

// uplinkElements is what the sets have of the uplinks. What stays on one was never routed: where bridges are filtered
// (bridge-nf-call-iptables), frames between its ports pass as well.
func (r *rules) uplinkElements(names []string) []elements {
	var list, within []nftables.SetElement
	for _, name := range names {
		name := ifname(name)
		list = append(list, nftables.SetElement{Key: name})
		within = append(within, nftables.SetElement{Key: slices.Concat(name, name), VerdictData: &expr.Verdict{Kind: expr.VerdictAccept}})
	}
	if list == nil {
		return nil
	}
	return []elements{{r.uplinks, list}, {r.pairs, within}}
}

// followUplinks brings the set of uplinks up to date.
func (r *rules) followUplinks() error {
	return r.with(func(c *nftables.Conn) error {
		now, err := findUplinks()
		if err != nil || slices.Equal(now, r.known) {
			return err
		}
		if gone := missing(r.known, now); len(gone) > 0 {
			if err := r.send(c, r.uplinkElements(gone), (*nftables.Conn).SetDeleteElements); err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
		if err := r.send(c, r.uplinkElements(missing(now, r.known)), (*nftables.Conn).SetAddElements); err != nil {
			return err
		}
		r.known = now
		return nil
	})
}

// missing are those of names that others has not.
func missing(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}

// watchLinks keeps the set of uplinks up to date until ctx ends, and calls changed after each look at them.
func (d *Driver) watchLinks(ctx context.Context, changed func()) error {
	return subscription{
		what: "watch links", protocol: unix.NETLINK_ROUTE, groups: []uint32{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE},
		ready: func() {}, concerns: func(messages []mdnetlink.Message) bool { return slices.ContainsFunc(messages, d.mayBeUplink) },
		look: func() {
			if err := d.rules.followUplinks(); err != nil && ctx.Err() == nil {
				d.log.Error("bridges of the host", "error", err)
			}
			changed()
		},
	}.follow(ctx)
}

// mayBeUplink reports whether a change may make a bridge an uplink, or no longer one. Containers come and go without.
func (d *Driver) mayBeUplink(m mdnetlink.Message) bool {
	const sizeofLink, sizeofRoute = 16, 12
	switch uint16(m.Header.Type) {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return len(m.Data) >= sizeofRoute && (m.Data[1] == 0 || hasGateway(m.Data[sizeofRoute:])) // the length of its prefix
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
	default:
		return false
	}
	if len(m.Data) < sizeofLink || m.Data[0] == unix.AF_BRIDGE { // what a bridge says of a port, the port says itself
		return false
	}
	attributes, err := mdnetlink.NewAttributeDecoder(m.Data[sizeofLink:])
	if err != nil {
		return true
	}
	name, kind := "", ""
	for attributes.Next() {
		switch attributes.Type() {
		case unix.IFLA_IFNAME:
			name = attributes.String()
		case unix.IFLA_LINKINFO:
			attributes.Nested(func(info *mdnetlink.AttributeDecoder) error {
				for info.Next() {
					if info.Type() == unix.IFLA_INFO_KIND {
						kind = info.String()
					}
				}
				return nil
			})
		}
	}
	if kind == "bridge" {
		return !slices.Contains(d.bridges(), name)
	}
	return !virtual(kind)
}

// hasGateway reports whether a route leads to one; one that cannot be read may.
func hasGateway(attributes []byte) bool {
	decoder, err := mdnetlink.NewAttributeDecoder(attributes)
	if err != nil {
		return true
	}
	for decoder.Next() {
		if t := decoder.Type(); t == unix.RTA_GATEWAY || t == unix.RTA_VIA || t == unix.RTA_MULTIPATH {
			return true
		}
	}
	return false
}
