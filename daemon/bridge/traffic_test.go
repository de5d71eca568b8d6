//go:build linux

package bridge

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

func TestContainersTalk(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	a, b := start(t, d, Endpoint{ContainerID: "a"}), start(t, d, Endpoint{ContainerID: "b"})
	host, outsider := outside(t, d, "out")
	for _, id := range []string{"a", "b", "out"} {
		echo(t, d, id, "tcp", 80)
		echo(t, d, id, "udp", 80)
	}
	for _, proto := range []string{"tcp", "udp"} {
		wantCall(t, d, "a", proto, b.IP.Addr().String()+":80", "b "+a.IP.Addr().String())
		wantCall(t, d, "", proto, a.IP.Addr().String()+":80", "a "+a.Gateway.String())
		wantCall(t, d, "a", proto, outsider+":80", "out "+host)      // masqueraded
		wantCall(t, d, "a", proto, "127.0.0.1:80", "a 127.0.0.1")    // its own lo
		wantCall(t, d, "out", proto, a.IP.Addr().String()+":80", "") // not published
	}
	if want := "02:42:" + fmt.Sprintf("%02x:%02x:%02x:%02x", a.IP.Addr().As4()[0], a.IP.Addr().As4()[1], a.IP.Addr().As4()[2], a.IP.Addr().As4()[3]); a.MAC != want {
		t.Errorf("MAC %s, want %s", a.MAC, want)
	}
	stats, err := d.Statistics(t.Context(), "a")
	if err != nil || stats["eth0"].RxPackets == 0 || stats["eth0"].TxBytes == 0 || len(stats) != 1 {
		t.Errorf("statistics: %+v, %v", stats, err)
	}
}

// TestPublished is not parallel: it changes whether the kernel shows bridged packets to the packet filter, which takes
// other ways through it.
func TestPublished(t *testing.T) {
	d := openDriver(t, testConfig(t))
	const bridged = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	was, err := os.ReadFile(bridged)
	if err != nil {
		t.Run("no br_netfilter", func(t *testing.T) { testPublished(t, d) })
		return
	}
	t.Cleanup(func() { _ = os.WriteFile(bridged, was, 0) })
	for _, value := range []string{"0", "1"} {
		t.Run("bridge-nf "+value, func(t *testing.T) {
			if err := os.WriteFile(bridged, []byte(value), 0); err != nil {
				t.Fatal(err)
			}
			testPublished(t, d)
		})
	}
}

func testPublished(t *testing.T, d *Driver) {
	other := Network{ID: NewID(), Name: "other", Subnet: netip.MustParsePrefix("10.250.1.0/24")}
	if err := d.AddNetwork(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	host, outsider := outside(t, d, "out")
	ports := []Port{
		{Port: 80}, {Port: 81, Proto: "udp"},
		// Not from the ephemeral range: a socket there may be given the port it calls, and talk to itself.
		{Port: 80, HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: 20802},
		{Port: 81, HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: 20803, Proto: "udp"},
		{Port: 80, HostIP: netip.MustParseAddr(host)},
	}
	a := start(t, d, Endpoint{ContainerID: "a", Ports: ports})
	b := start(t, d, Endpoint{ContainerID: "b"})
	start(t, d, Endpoint{ContainerID: "c", Network: "other"})
	t.Cleanup(func() {
		for _, id := range []string{"a", "b", "c"} {
			if err := d.Release(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
		if err := d.RemoveNetwork(t.Context(), "other"); err != nil {
			t.Error(err)
		}
		_ = unpin(d.netnsPath("out"))
	})
	echo(t, d, "a", "tcp", 80)
	echo(t, d, "a", "udp", 81)
	gateway := a.Gateway.String()
	at := func(host string, i int) string { return net.JoinHostPort(host, fmt.Sprint(a.Ports[i].HostPort)) }
	for i, proto := range []string{"tcp", "udp"} {
		wantCall(t, d, "out", proto, at(host, i), "a "+outsider)
		wantCall(t, d, "", proto, at(host, i), "a "+host)
		wantCall(t, d, "", proto, at("127.0.0.1", i), "a "+gateway)
		wantCall(t, d, "", proto, at("127.0.0.2", i), "a "+gateway)
		wantCall(t, d, "", proto, at("::1", i), "a "+gateway) // the proxy
		wantCall(t, d, "", proto, at(gateway, i), "a "+gateway)
		wantCall(t, d, "b", proto, at(host, i), "a "+gateway)
		wantCall(t, d, "b", proto, at(gateway, i), "a "+gateway)
		wantCall(t, d, "c", proto, at(host, i), "a "+gateway) // of another network
		wantCall(t, d, "a", proto, at(host, i), "a "+gateway) // itself
		wantCall(t, d, "a", proto, at(gateway, i), "a "+gateway)
		// Only what is published is reachable, and only where.
		wantCall(t, d, "c", proto, fmt.Sprintf("%s:%d", a.IP.Addr(), 80+i), "")
		wantCall(t, d, "", proto, at("127.0.0.1", 2+i), "a "+gateway)
		wantCall(t, d, "", proto, at(host, 2+i), "")
		wantCall(t, d, "out", proto, at(host, 2+i), "")
		wantCall(t, d, "out", proto, at("127.0.0.1", 2+i), "")
		wantCall(t, d, "b", proto, at("127.0.0.1", 2+i), "")
		wantCall(t, d, "b", proto, at(gateway, 2+i), "")
	}
	wantCall(t, d, "out", "tcp", at(host, 4), "a "+outsider)
	wantCall(t, d, "", "tcp", at("127.0.0.1", 4), "")
	_ = b
}

// TestLocalhostIsPrivate shows that what listens on 127.0.0.1 of the host stays private with route_localnet on.
func TestLocalhostIsPrivate(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	a := start(t, d, Endpoint{ContainerID: "a"})
	_, outsider := outside(t, d, "out")
	for id, address := range map[string]string{"a": a.IP.Addr().String(), "out": outsider} { // the ways are open
		echo(t, d, id, "tcp", 80)
		if _, err := call(d, "", "tcp", address+":80", long); err != nil {
			t.Fatal(err)
		}
	}
	// A datagram is enough: what is sent need not be answered to do harm.
	private, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	for _, id := range []string{"a", "out"} {
		err := in(d, id, func() error {
			// Let the namespace send packets for 127.0.0.1 out, as root in a container may.
			if err := os.WriteFile("/proc/sys/net/ipv4/conf/eth0/route_localnet", []byte("1"), 0); err != nil {
				return err
			}
			return replaceLocalRoute()
		})
		if err != nil {
			t.Fatal(err)
		}
		wantCall(t, d, id, "udp", private.LocalAddr().String(), "")
	}
	// The host itself is the last to send, so what came before has arrived.
	if _, err := private.WriteTo([]byte("host"), private.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 16)
	if n, from, err := private.ReadFrom(buffer); err != nil || string(buffer[:n]) != "host" {
		t.Errorf("%s reached 127.0.0.1 of the host: %q, %v", from, buffer[:n], err)
	}
}

func TestNetworksAreApart(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	subnet := func() netip.Prefix {
		t.Helper()
		p, err := d.FreeSubnet(false)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, n := range []Network{{Name: "one"}, {Name: "isolated", Isolated: true}, {Name: "internal", Internal: true}} {
		n.ID, n.Subnet = NewID(), subnet()
		if err := d.AddNetwork(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	_, outsider := outside(t, d, "out")
	echo(t, d, "out", "tcp", 80)
	at := map[string]string{}
	for _, name := range []string{"bridge", "one", "isolated", "internal"} {
		for _, i := range []string{"1", "2"} {
			j := start(t, d, Endpoint{ContainerID: name + i, Network: name, Ports: []Port{{Port: 80}}})
			echo(t, d, name+i, "tcp", 80)
			at[name+i] = j.IP.Addr().String()
			if want := name != "internal"; len(j.Ports) == 1 != want || j.Gateway.IsValid() != want {
				t.Errorf("%s: ports %v, gateway %v", name, j.Ports, j.Gateway)
			}
		}
	}
	says := func(name, from string) string { return name + " " + from }
	wantCall(t, d, "one1", "tcp", at["one2"]+":80", says("one2", at["one1"]))
	wantCall(t, d, "internal1", "tcp", at["internal2"]+":80", says("internal2", at["internal1"]))
	wantCall(t, d, "isolated1", "tcp", at["isolated2"]+":80", "")
	wantCall(t, d, "one1", "tcp", at["bridge1"]+":80", "")
	wantCall(t, d, "bridge1", "tcp", at["one1"]+":80", "")
	wantCall(t, d, "bridge1", "tcp", at["internal1"]+":80", "")
	wantCall(t, d, "internal1", "tcp", at["bridge1"]+":80", "")
	wantCall(t, d, "internal1", "tcp", outsider+":80", "")
	for _, name := range []string{"one1", "isolated1"} {
		if _, err := call(d, name, "tcp", outsider+":80", long); err != nil {
			t.Errorf("%s does not get out: %v", name, err)
		}
	}

	// A container on two networks reaches both, and leaves by the first by name; then by the one that is left.
	if _, err := d.Join(t.Context(), Endpoint{ContainerID: "bridge1", Network: "one"}); err != nil {
		t.Fatal(err)
	}
	if _, err := call(d, "bridge1", "tcp", at["one2"]+":80", long); err != nil {
		t.Error(err)
	}
	if err := d.Leave(t.Context(), "bridge1", "bridge"); err != nil {
		t.Fatal(err)
	}
	if _, err := call(d, "bridge1", "tcp", outsider+":80", long); err != nil {
		t.Errorf("by the network that is left: %v", err)
	}
	wantCall(t, d, "bridge1", "tcp", at["bridge2"]+":80", "")
}

// replaceLocalRoute makes the calling thread's namespace send packets for 127.0.0.1 to its gateway.
func replaceLocalRoute() error {
	if err := netlink.RouteDel(&netlink.Route{
		LinkIndex: 1, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST,
		Dst: &net.IPNet{IP: net.IPv4(127, 0, 0, 1).To4(), Mask: net.CIDRMask(32, 32)},
	}); err != nil {
		return err
	}
	if err := netlink.RouteDel(&netlink.Route{
		LinkIndex: 1, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST,
		Dst: &net.IPNet{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
	}); err != nil {
		return err
	}
	return nil
}

// TestHostIsNoRouter: a host that did not forward does not become a router, nor are containers of others cut off. It is
// not parallel: forwarding is everybody's.
func TestHostIsNoRouter(t *testing.T) {
	needRoot(t)
	if err := sysctl("net/ipv4/ip_forward", "0"); err != nil {
		t.Fatal(err)
	}
	d := openDriver(t, testConfig(t))
	if !d.rules.private {
		t.Fatal("forwarding is on, and nothing is dropped")
	}
	_, one := outside(t, d, "one")
	_, two := outside(t, d, "two")
	echo(t, d, "two", "tcp", 80)
	wantCall(t, d, "one", "tcp", two+":80", "")
	theirs := foreignBridge(t, d, "forOne", "theirs")
	others := foreignBridge(t, d, "forTwo", "others")
	echo(t, d, "theirs", "tcp", 80)
	wantCall(t, d, "theirs", "tcp", two+":80", "two "+theirs)
	wantCall(t, d, "one", "tcp", theirs+":80", "theirs "+one)
	wantCall(t, d, "others", "tcp", theirs+":80", "theirs "+others)

	// Frames within a bridge pass the chain too, where bridges are filtered.
	third := foreignPort(t, d, "forOne", "third", 3)
	wantCall(t, d, "third", "tcp", theirs+":80", "theirs "+third)
	up, err := netlink.LinkByName("forOne")
	if err != nil {
		t.Fatal(err)
	}
	route := &netlink.Route{LinkIndex: up.Attrs().Index, Gw: net.ParseIP(theirs), Dst: &net.IPNet{IP: net.IPv4(192, 0, 2, 0), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.RouteAdd(route); err != nil {
		t.Fatal(err)
	}
	if err := d.rules.followUplinks(); err != nil {
		t.Fatal(err)
	}
	wantCall(t, d, "third", "tcp", theirs+":80", "theirs "+third)
	wantCall(t, d, "one", "tcp", theirs+":80", "") // the bridge is a network of the host's now, as that of "one" is
	wantCall(t, d, "others", "tcp", theirs+":80", "theirs "+others)
}

// foreignBridge makes a bridge of somebody else with a container on it, as of another engine; the container's address.
func foreignBridge(t *testing.T, d *Driver, name, id string) (address string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	n := numbers.n.Add(1)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	must(netlink.LinkAdd(bridge))
	t.Cleanup(func() { must(netlink.LinkDel(bridge)) })
	must(addAddress(bridge, netip.AddrFrom4([4]byte{10, 98, byte(n), 1}), 24))
	must(netlink.LinkSetUp(bridge))
	return foreignPort(t, d, name, id, 2)
}

// foreignPort makes a container with the address of this last byte on such a bridge.
func foreignPort(t *testing.T, d *Driver, bridge, id string, last byte) (address string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link, err := netlink.LinkByName(bridge)
	must(err)
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	must(err)
	gateway := addresses[0].IP.To4()
	own := netip.AddrFrom4([4]byte{gateway[0], gateway[1], gateway[2], last})
	must(pin(d.netnsPath(id)))
	ns, err := netns.GetFromPath(d.netnsPath(id))
	must(err)
	defer ns.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex, attrs.Flags = fmt.Sprintf("for%d", numbers.n.Add(1)), link.Attrs().Index, net.FlagUp
	pair := netlink.NewVeth(attrs)
	pair.PeerName, pair.PeerNamespace = "eth0", netlink.NsFd(ns)
	must(netlink.LinkAdd(pair))
	must(in(d, id, func() error {
		inner, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		if err := addAddress(inner, own, 24); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(inner); err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: inner.Attrs().Index, Gw: gateway})
	}))
	return own.String()
}

// TestBridgesOfOthers: our containers do not reach those of other engines, nor they ours, but by published ports; a
// bridge that is the host's way out is none of those.
func TestBridgesOfOthers(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	a := start(t, d, Endpoint{ContainerID: "a", Ports: []Port{{Port: 80}}})
	echo(t, d, "a", "tcp", 80)
	looked := make(chan struct{}, 1)
	tell := func() { // other tests make bridges as well: one word of many looks is enough
		select {
		case looked <- struct{}{}:
		default:
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.watchLinks(ctx, tell) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	<-looked
	name := "foreign" + d.instance[:6]
	address := foreignBridge(t, d, name, "theirs")
	echo(t, d, "theirs", "tcp", 80)
	wantCall(t, d, "", "tcp", address+":80", "theirs "+strings.TrimSuffix(address, "2")+"1") // it is there
	wantCall(t, d, "a", "tcp", address+":80", "")
	wantCall(t, d, "theirs", "tcp", a.IP.Addr().String()+":80", "")
	wantCall(t, d, "theirs", "tcp", a.Gateway.String()+":"+portOf(a), "a "+address)

	// The bridge becomes the host's way out: it gets a port that is no container.
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "port" + d.instance[:6]
	port := &netlink.Vxlan{LinkAttrs: attrs, VxlanId: int(numbers.n.Add(1)), Port: 4789}
	if err := netlink.LinkAdd(port); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = netlink.LinkDel(port) }()
	bridge, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetMaster(port, bridge); err != nil {
		t.Fatal(err)
	}
	knows := func() bool {
		d.rules.mu.Lock()
		defer d.rules.mu.Unlock()
		return slices.Contains(d.rules.known, name)
	}
	await(t, looked, knows)
	if _, err := call(d, "a", "tcp", address+":80", long); err != nil {
		t.Errorf("by a bridge that leads outside: %v", err)
	}
	if err := d.rules.rebuild(d.everything); err != nil {
		t.Fatal(err)
	}
	if _, err := call(d, "a", "tcp", address+":80", long); err != nil {
		t.Errorf("after all rules were written again: %v", err)
	}
	if err := netlink.LinkDel(port); err != nil {
		t.Fatal(err)
	}
	await(t, looked, func() bool { return !knows() })
	wantCall(t, d, "a", "tcp", address+":80", "")

	// It becomes one by a route to somebody behind it.
	route := &netlink.Route{LinkIndex: bridge.Attrs().Index, Gw: net.ParseIP(address), Dst: &net.IPNet{IP: net.IPv4(192, 0, 2, 0), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.RouteAdd(route); err != nil {
		t.Fatal(err)
	}
	await(t, looked, knows)
	if err := netlink.RouteDel(route); err != nil {
		t.Fatal(err)
	}
	await(t, looked, func() bool { return !knows() })
	wantCall(t, d, "a", "tcp", address+":80", "")
}
