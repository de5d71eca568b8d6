//go:build linux

package bridge

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/cleat-dev/cleat/api/errs"
)

// An allocator hands out the addresses of one subnet. It goes round: an address that was given back is the last to be
// used again, so that nobody talks to a new container in the belief that it is the old one.
type allocator struct {
	network  string       // for messages
	subnet   netip.Prefix // what addresses may be asked for
	pool     netip.Prefix // what addresses are chosen from, within subnet
	reserved map[netip.Addr]bool
	used     map[netip.Addr]bool // reserved ones included
	last     netip.Addr          // the last one chosen
}

func newAllocator(network string, subnet, pool netip.Prefix, reserved ...netip.Addr) *allocator {
	if !pool.IsValid() {
		pool = subnet
	}
	a := &allocator{network: network, subnet: subnet, pool: pool, reserved: map[netip.Addr]bool{}, used: map[netip.Addr]bool{}}
	if subnet.Addr().BitLen()-subnet.Bits() > 1 { // a /31 has neither network nor broadcast address (RFC 3021)
		reserved = append(reserved, subnet.Addr())
		if subnet.Addr().Is4() {
			reserved = append(reserved, lastAddress(subnet))
		}
	}
	for _, address := range reserved {
		if address.IsValid() {
			a.reserved[address], a.used[address] = true, true
		}
	}
	a.last = lastAddress(pool)
	return a
}

// take reserves want, or the next free address when want is not valid.
func (a *allocator) take(want netip.Addr) (netip.Addr, error) {
	if want.IsValid() {
		want = want.Unmap()
		if !a.subnet.Contains(want) {
			return want, fmt.Errorf("Invalid address %s: It does not belong to any of this network's subnets: %s has %s: %w", want, a.network, a.subnet, errs.ErrInvalid)
		}
		if a.used[want] {
			return want, errs.Forbid(fmt.Errorf("Address already in use: %s on network %q: %w", want, a.network, errs.ErrConflict))
		}
		a.used[want] = true
		return want, nil
	}
	// Among as many candidates as there are used addresses, and one more, is a free one unless all are used.
	candidate := a.last
	for range a.tries() {
		candidate = candidate.Next()
		if !candidate.IsValid() || !a.pool.Contains(candidate) {
			candidate = a.pool.Addr()
		}
		if !a.used[candidate] {
			a.used[candidate], a.last = true, candidate
			return candidate, nil
		}
	}
	return candidate, fmt.Errorf("no available addresses on this network's address pools: %s (%s): %w", a.network, a.pool, errs.ErrInternal)
}

// tries is how many addresses have to be looked at to know that none is free.
func (a *allocator) tries() int {
	hosts := a.pool.Addr().BitLen() - a.pool.Bits()
	if hosts >= 31 {
		return len(a.used) + 1
	}
	return min(len(a.used)+1, 1<<hosts)
}

// hold marks the address of a container that runs already; seen in order of their age they also tell where to go on.
func (a *allocator) hold(address netip.Addr) {
	a.used[address] = true
	if a.pool.Contains(address) {
		a.last = address
	}
}

// free gives an address back; one that is reserved for good stays so.
func (a *allocator) free(address netip.Addr) {
	if !a.reserved[address] {
		delete(a.used, address)
	}
}

// status counts the addresses of the pool: in use, and left.
func (a *allocator) status() (used, left uint64) {
	size := uint64(math.MaxUint64)
	if hosts := a.pool.Addr().BitLen() - a.pool.Bits(); hosts < 64 {
		size = 1 << hosts
	}
	for address := range a.used {
		if a.pool.Contains(address) {
			used++
		}
	}
	return used, size - used
}
