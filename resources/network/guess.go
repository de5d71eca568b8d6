package network

import (
	"net/netip"
	"slices"

	mobynetwork "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/system"
)

// addressPool is where an engine takes subnets of size bits from when none is declared.
type addressPool struct {
	base netip.Prefix
	bits int
}

var (
	dockerPools = []addressPool{
		{netip.MustParsePrefix("172.16.0.0/12"), 16},
		{netip.MustParsePrefix("192.168.0.0/16"), 20},
	}
	podmanPools = []addressPool{
		{netip.MustParsePrefix("10.0.0.0/8"), 24},
		{netip.MustParsePrefix("fd00::/8"), 64},
	}
	// uniqueLocal is where every engine takes IPv6 subnets from.
	uniqueLocal = addressPool{netip.MustParsePrefix("fd00::/8"), 64}
)

// guesser returns what tells declared ranges of addresses from those the engine chose, on a network nothing is known
// of but what the engine says. A range with anything an engine never chooses by itself was declared. One that looks
// in everything like the engine's choice is taken for it: being wrong there costs an update of the record, no change
// of the network.
func guesser(n mobynetwork.Inspect, pools []addressPool) func(pool) bool {
	podman := isPodman(n)
	return func(p pool) bool {
		switch {
		case p.ipRange.IsValid() || len(p.aux) > 0 || !p.subnet.IsValid() || p.subnet != p.subnet.Masked():
			return true
		case !p.gateway.IsValid():
			// Docker reports the gateway it chose, but only of a subnet that it chose too. Podman gives internal
			// networks none.
			return !podman || !n.Internal
		case !p.firstGateway():
			return true
		}
		return pools != nil && !slices.ContainsFunc(pools, func(from addressPool) bool {
			return from.bits == p.subnet.Bits() && from.base.Contains(p.subnet.Addr())
		})
	}
}

// ambiguous reports whether the engine has to be asked for its address pools to tell. Podman does not report its own.
func ambiguous(n mobynetwork.Inspect) bool {
	return !isPodman(n) && slices.ContainsFunc(n.IPAM.Config, func(c mobynetwork.IPAMConfig) bool { return poolFrom(c).firstGateway() })
}

// poolsOf returns the address pools an engine was configured with, or its defaults.
func poolsOf(n mobynetwork.Inspect, info system.Info) []addressPool {
	if isPodman(n) {
		return podmanPools
	}
	if len(info.DefaultAddressPools) == 0 {
		return append(slices.Clone(dockerPools), uniqueLocal)
	}
	pools := []addressPool{uniqueLocal}
	for _, p := range info.DefaultAddressPools {
		pools = append(pools, addressPool{p.Base, p.Size})
	}
	return pools
}
