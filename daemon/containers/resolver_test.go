//go:build linux

package containers

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/daemon/dns"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	server := netip.MustParseAddr("192.0.2.1")
	r := &record{ID: "0123456789abcdef", Name: "web", Config: &container.Config{Hostname: "box"}, Host: &container.HostConfig{
		DNS: []netip.Addr{server, {}}, DNSOptions: []string{"rotate", "ndots:2"},
	}}
	e := &network.EndpointSettings{Aliases: []string{"www", "web"}, Links: []string{"db:store", "cache", "/queue:jobs"}}
	want := dns.Identity{
		Names: []string{"web", "www", "0123456789ab", "box"}, Links: map[string]string{"store": "db", "cache": "cache", "jobs": "queue"},
		Servers: []netip.Addr{server}, KeepShort: true,
	}
	same := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(want, identity(r, "front", e), same); diff != "" {
		t.Error(diff)
	}
	if got := identity(r, "bridge", e); got.Names != nil {
		t.Errorf("the default network has no names, got %v", got.Names)
	}
	r.Host.DNSOptions = []string{"ndots:0"}
	if identity(r, "front", e).KeepShort {
		t.Error("ndots:0 keeps nothing")
	}
}

// TestFilesFollowNetworks: resolv.conf and hosts of what runs change with its networks, but not what the container wrote.
func TestFilesFollowNetworks(t *testing.T) {
	t.Parallel()
	s := &Service{root: t.TempDir(), log: hclog.NewNullLogger()}
	on := func(addresses ...string) *record {
		r := &record{ID: "0123456789abcdef", Config: &container.Config{Hostname: "box"}, Host: &container.HostConfig{NetworkMode: "bridge", DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}
		r.State.Running = true
		r.Endpoints = map[string]*network.EndpointSettings{"bridge": {IPAddress: netip.MustParseAddr("10.0.0.2")}}
		for _, a := range addresses {
			r.Endpoints["front"] = &network.EndpointSettings{IPAddress: netip.MustParseAddr(a)}
		}
		return r
	}
	plain, front := on(), on("10.1.0.2")
	must(t, os.Mkdir(s.dir(plain.ID), 0o700))
	must(t, s.writeResolv(plain, plain.Endpoints))
	hosts, resolv := filepath.Join(s.dir(plain.ID), hostsFile), filepath.Join(s.dir(plain.ID), resolvFile)
	must(t, os.WriteFile(hosts, []byte("127.0.0.1\tlocalhost\n10.0.0.2\tbox\n# mine\n10.9.9.9 own\n"), 0o600))
	want := func(path, text string) {
		t.Helper()
		raw, err := os.ReadFile(path)
		must(t, err)
		if !strings.Contains(string(raw), text) {
			t.Errorf("%s has no %q:\n%s", filepath.Base(path), text, raw)
		}
	}
	want(resolv, "nameserver 192.0.2.1\n")
	s.rewriteFiles(plain, front)
	want(resolv, "nameserver 127.0.0.11\n")
	want(hosts, "10.0.0.2\tbox\n# mine\n10.9.9.9 own\n10.1.0.2\tbox\n")
	s.rewriteFiles(front, plain)
	want(resolv, "nameserver 192.0.2.1\n")
	want(hosts, "127.0.0.1\tlocalhost\n10.0.0.2\tbox\n# mine\n10.9.9.9 own\n")
	if raw, _ := os.ReadFile(hosts); strings.Contains(string(raw), "10.1.0.2") {
		t.Errorf("hosts keeps an address that is gone:\n%s", raw)
	}
	must(t, os.WriteFile(resolv, []byte("nameserver 10.9.9.9\n"), 0o600))
	s.rewriteFiles(plain, front)
	want(resolv, "nameserver 10.9.9.9\n")
}
