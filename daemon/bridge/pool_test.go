//go:build linux

package bridge

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/cleat-dev/cleat/api/errs"
)

func TestPick(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		busy []string
		v6   bool
		want string
	}{
		{"nothing busy", nil, false, "172.17.0.0/16"},
		{"a part of the first", []string{"172.17.42.0/24"}, false, "172.18.0.0/16"},
		{"more than the first", []string{"172.16.0.0/12"}, false, "192.168.0.0/20"},
		{"the last of the first kind", []string{"172.16.0.0/12", "192.168.0.1/32", "192.168.16.0/20"}, false, "192.168.32.0/20"},
		{"all", []string{"172.16.0.0/12", "192.168.0.0/16"}, false, ""},
		{"version six", []string{"fd00:636c:6561::/64"}, true, "fd00:636c:6561:1::/64"},
		{"all of six", []string{"fd00::/8"}, true, ""},
	} {
		var busy []netip.Prefix
		for _, b := range tt.busy {
			busy = append(busy, netip.MustParsePrefix(b))
		}
		got, err := pick(DefaultPools(), tt.v6, busy)
		if tt.want == "" {
			if !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("%s: %v, %v", tt.name, got, err)
			}
			continue
		}
		if err != nil || got != netip.MustParsePrefix(tt.want) {
			t.Errorf("%s: %v, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

func TestPickEnds(t *testing.T) {
	t.Parallel()
	// The end of all addresses is no reason to go round.
	pool := []Pool{{netip.MustParsePrefix("255.255.0.0/16"), 24}}
	if got, err := pick(pool, false, []netip.Prefix{netip.MustParsePrefix("255.255.0.0/16")}); err == nil {
		t.Errorf("got %v", got)
	}
	// Millions of subnets behind one route are passed in one step, or this does not end.
	six := []Pool{{netip.MustParsePrefix("fd00::/16"), 80}}
	if got, err := pick(six, true, []netip.Prefix{netip.MustParsePrefix("fd00::/17")}); err != nil || got != netip.MustParsePrefix("fd00:8000::/80") {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAllocatorGoesRound(t *testing.T) {
	t.Parallel()
	subnet := netip.MustParsePrefix("10.0.0.0/29") // .1 gateway, .2 to .6
	a := newAllocator("n", subnet, netip.Prefix{}, subnet.Addr().Next())
	take := func() string {
		ip, err := a.take(netip.Addr{})
		if err != nil {
			return err.Error()
		}
		return ip.String()
	}
	free := func(s string) { a.free(netip.MustParseAddr(s)) }
	for _, want := range []string{"10.0.0.2", "10.0.0.3"} {
		if got := take(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	free("10.0.0.3")
	free("10.0.0.2")
	for _, want := range []string{"10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3"} {
		if got := take(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if _, err := a.take(netip.Addr{}); !errors.Is(err, errs.ErrInternal) {
		t.Errorf("full: %v", err)
	}
	free("10.0.0.5")
	free("10.0.0.1") // the gateway stays reserved
	if got := take(); got != "10.0.0.5" {
		t.Errorf("%s, want the one that is free", got)
	}
	if used, left := a.status(); used != 8 || left != 0 {
		t.Errorf("used %d, left %d", used, left)
	}
}

func TestAllocatorRange(t *testing.T) {
	t.Parallel()
	a := newAllocator("n", netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("10.0.5.0/30"), netip.MustParseAddr("10.0.0.1"))
	seen := map[string]bool{}
	for range 4 {
		ip, err := a.take(netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		seen[ip.String()] = true
	}
	if len(seen) != 4 || !seen["10.0.5.0"] || !seen["10.0.5.3"] {
		t.Errorf("%v", seen) // within a larger subnet these are addresses as any
	}
	if _, err := a.take(netip.Addr{}); err == nil {
		t.Error("a fifth of four")
	}
	if _, err := a.take(netip.MustParseAddr("10.0.9.9")); err != nil {
		t.Errorf("asked for, beyond the range but in the subnet: %v", err)
	}
}

func TestAllocatorIPv6(t *testing.T) {
	t.Parallel()
	subnet := netip.MustParsePrefix("fd00::/64")
	a := newAllocator("n", subnet, netip.Prefix{}, subnet.Addr().Next())
	for _, want := range []string{"fd00::2", "fd00::3"} {
		if got, err := a.take(netip.Addr{}); err != nil || got.String() != want {
			t.Errorf("%v, %v, want %s", got, err, want)
		}
	}
}
