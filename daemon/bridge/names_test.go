//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	mdns "github.com/miekg/dns"

	"github.com/cleat-dev/cleat/daemon/dns"
)

// resolver asks the name service as a program in the container does.
func resolver(d *Driver, id string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, proto, _ string) (conn net.Conn, err error) {
		err = in(d, id, func() error {
			conn, err = (&net.Dialer{}).DialContext(ctx, proto, dns.Address+":53")
			return err
		})
		return conn, err
	}}
}

// wantAddresses fails the test unless a container finds these addresses of a family ("ip4", "ip6") under a name, in any
// order; none is for names nobody has.
func wantAddresses(t *testing.T, d *Driver, id, family, name string, want ...netip.Addr) {
	t.Helper()
	got, err := resolver(d, id).LookupNetIP(t.Context(), family, name+".")
	var missing *net.DNSError
	if err != nil && (len(want) > 0 || !errors.As(err, &missing) || !missing.IsNotFound) {
		t.Errorf("%s of %s in %s: %v", family, name, id, err)
	}
	for i := range got {
		got[i] = got[i].Unmap()
	}
	slices.SortFunc(got, netip.Addr.Compare)
	slices.SortFunc(want, netip.Addr.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("%s of %s in %s: %v, want %v", family, name, id, got, want)
	}
}

// nameServer is a server outside, on port 53 of an address of a namespace: it knows one name, and answers NXDOMAIN for
// all others.
func nameServer(t *testing.T, d *Driver, id, address, name string, answer netip.Addr) {
	t.Helper()
	handler := mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		out := new(mdns.Msg)
		out.SetReply(q)
		switch {
		case q.Question[0].Name != name+".":
			out.Rcode = mdns.RcodeNameError
		case q.Question[0].Qtype == mdns.TypeTXT: // more than fits in a datagram
			for i := range 60 {
				header := mdns.RR_Header{Name: name + ".", Rrtype: mdns.TypeTXT, Class: mdns.ClassINET}
				out.Answer = append(out.Answer, &mdns.TXT{Hdr: header, Txt: []string{fmt.Sprint("text ", i, strings.Repeat("x", 80))}})
			}
			if w.RemoteAddr().Network() == "udp" {
				out.Truncate(mdns.MinMsgSize)
			}
		case q.Question[0].Qtype == mdns.TypeA:
			header := mdns.RR_Header{Name: q.Question[0].Name, Rrtype: mdns.TypeA, Class: mdns.ClassINET}
			out.Answer = append(out.Answer, &mdns.A{Hdr: header, A: answer.AsSlice()})
		}
		_ = w.WriteMsg(out)
	})
	err := in(d, id, func() error {
		packets, err := net.ListenPacket("udp", address+":53")
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", address+":53")
		if err != nil {
			return errors.Join(err, packets.Close())
		}
		for _, s := range []*mdns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
			started := make(chan struct{})
			s.NotifyStartedFunc = func() { close(started) }
			go func() { _ = s.ActivateAndServe() }()
			<-started
			t.Cleanup(func() { _ = s.Shutdown() })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// called is a container's identity: a name and others.
func called(names ...string) dns.Identity { return dns.Identity{Names: names} }

// userNetwork adds a network, with IPv6 if it is to have that.
func userNetwork(t testing.TB, d *Driver, n Network, six bool) {
	t.Helper()
	n.ID = NewID()
	var err error
	if n.Subnet, err = d.FreeSubnet(false); err != nil {
		t.Fatal(err)
	}
	if six {
		if n.Subnet6, err = d.FreeSubnet(true); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.AddNetwork(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// withResolv is a configuration whose host has a name server at an address of its loopback interface.
func withResolv(t *testing.T) (config Config, server string) {
	t.Helper()
	config = testConfig(t)
	server = fmt.Sprintf("127.53.%d.1", numbers.n.Add(1))
	config.HostResolv = filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(config.HostResolv, []byte("nameserver "+server+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, server
}

func TestNames(t *testing.T) {
	t.Parallel()
	config, server := withResolv(t)
	d := openDriver(t, config)
	nameServer(t, d, "", server, "world.example", netip.MustParseAddr("192.0.2.1"))
	userNetwork(t, d, Network{Name: "front"}, false)
	userNetwork(t, d, Network{Name: "back"}, true)
	web := start(t, d, Endpoint{ContainerID: "web", Network: "front", DNS: called("web", "www", "0123456789ab")})
	other := start(t, d, Endpoint{ContainerID: "other", Network: "front", DNS: called("other", "WWW")})
	db := start(t, d, Endpoint{ContainerID: "db", Network: "back", DNS: called("db")})
	start(t, d, Endpoint{ContainerID: "plain"})
	four, six := func(j Joined) netip.Addr { return j.IP.Addr() }, func(j Joined) netip.Addr { return j.IP6.Addr() }

	wantAddresses(t, d, "other", "ip4", "web", four(web))
	wantAddresses(t, d, "other", "ip4", "WEB", four(web))
	wantAddresses(t, d, "web", "ip4", "web", four(web))
	wantAddresses(t, d, "other", "ip4", "0123456789ab", four(web))
	wantAddresses(t, d, "other", "ip4", "web.front", four(web))
	wantAddresses(t, d, "other", "ip4", "web.back")
	wantAddresses(t, d, "other", "ip4", "www", four(web), four(other))
	wantAddresses(t, d, "other", "ip6", "web")
	wantAddresses(t, d, "other", "ip4", "db")
	wantAddresses(t, d, "db", "ip4", "web")
	wantAddresses(t, d, "db", "ip6", "db", six(db))
	for address, want := range map[netip.Addr]string{four(web): "web.front.", four(other): "other.front."} {
		if names, err := resolver(d, "web").LookupAddr(t.Context(), address.String()); err != nil || !slices.Equal(names, []string{want}) {
			t.Errorf("name of %s: %v, %v, want %s", address, names, err, want)
		}
	}
	if names, err := resolver(d, "db").LookupAddr(t.Context(), six(db).String()); err != nil || !slices.Equal(names, []string{"db.back."}) {
		t.Errorf("name of %s: %v, %v", six(db), names, err)
	}
	if names, err := resolver(d, "db").LookupAddr(t.Context(), four(web).String()); err == nil {
		t.Errorf("a container has the name %v of an address on a network it is not on", names)
	}
	if err := in(d, "plain", func() error { _, err := net.ListenPacket("udp", dns.Address+":30053"); return err }); err != nil {
		t.Errorf("a container without a network of its own kind is served: %v", err)
	}

	// Connected while it runs, it knows the others at once, and they it; then no longer.
	joined, err := d.Join(t.Context(), Endpoint{ContainerID: "plain", Network: "back", DNS: dns.Identity{Names: []string{"late"}, Links: map[string]string{"Store": "DB"}}})
	if err != nil {
		t.Fatal(err)
	}
	wantAddresses(t, d, "plain", "ip4", "db", four(db))
	wantAddresses(t, d, "plain", "ip4", "store", four(db))
	wantAddresses(t, d, "db", "ip4", "store")
	wantAddresses(t, d, "db", "ip6", "late", six(joined))
	if err := d.Rename(t.Context(), "plain", "back", []string{"later"}); err != nil {
		t.Fatal(err)
	}
	wantAddresses(t, d, "db", "ip4", "late")
	wantAddresses(t, d, "db", "ip4", "later", four(joined))
	if err := d.Leave(t.Context(), "plain", "back"); err != nil {
		t.Fatal(err)
	}
	wantAddresses(t, d, "db", "ip4", "later")
	wantAddresses(t, d, "plain", "ip4", "db")
}

func TestNamesForwarded(t *testing.T) {
	t.Parallel()
	config, server := withResolv(t)
	d := openDriver(t, config)
	world, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	nameServer(t, d, "", server, "world.example", world)
	userNetwork(t, d, Network{Name: "front"}, false)
	userNetwork(t, d, Network{Name: "inner", Internal: true}, false)
	start(t, d, Endpoint{ContainerID: "web", Network: "front", DNS: called("web")})
	own := start(t, d, Endpoint{ContainerID: "own", Network: "inner", DNS: called("own")})
	start(t, d, Endpoint{ContainerID: "shut", Network: "inner", DNS: called("shut")})
	nameServer(t, d, "own", own.IP.Addr().String(), "inside.example", second)

	wantAddresses(t, d, "web", "ip4", "world.example", world)
	wantAddresses(t, d, "web", "ip4", "nobody.example")
	texts, err := resolver(d, "web").LookupTXT(t.Context(), "world.example.") // truncated, and again by TCP
	if err != nil || len(texts) != 60 {
		t.Errorf("%d texts, %v", len(texts), err)
	}
	// A network without a way out has none by the host's servers either, only by servers within.
	if got, err := resolver(d, "shut").LookupNetIP(t.Context(), "ip4", "world.example."); err == nil {
		t.Errorf("a container on an internal network learned %v from the host's server", got)
	}
	identity := called("asks")
	identity.Servers = []netip.Addr{netip.MustParseAddr(dns.Address), own.IP.Addr()}
	start(t, d, Endpoint{ContainerID: "asks", Network: "inner", DNS: identity})
	wantAddresses(t, d, "asks", "ip4", "inside.example", second)
	wantAddresses(t, d, "asks", "ip4", "shut", addressOf(t, d, "shut"))

	// The host changes its servers. The first one of these is dead.
	moved := strings.TrimSuffix(server, "1") + "3"
	nameServer(t, d, "", moved, "world.example", second)
	list := "nameserver " + strings.TrimSuffix(server, "1") + "2\nnameserver " + moved + "\n"
	if err := os.WriteFile(config.HostResolv, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	wantAddresses(t, d, "web", "ip4", "world.example", second)

	// Names without a dot are not for others where the container's ndots says so.
	nameServer(t, d, "", strings.TrimSuffix(server, "1")+"4", "short", second)
	if err := os.WriteFile(config.HostResolv, []byte("nameserver "+strings.TrimSuffix(server, "1")+"4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantAddresses(t, d, "web", "ip4", "short", second)
	identity = called("keeps")
	identity.KeepShort = true
	start(t, d, Endpoint{ContainerID: "keeps", Network: "front", DNS: identity})
	wantAddresses(t, d, "keeps", "ip4", "short")
}

func addressOf(t *testing.T, d *Driver, id string) netip.Addr {
	t.Helper()
	for _, j := range d.Connected(id) {
		return j.IP.Addr()
	}
	t.Fatalf("%s is not connected", id)
	return netip.Addr{}
}

// TestOwnNameServer: a container may serve port 53 on all addresses, and still has ours.
func TestOwnNameServer(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	userNetwork(t, d, Network{Name: "front"}, false)
	web := start(t, d, Endpoint{ContainerID: "web", Network: "front", DNS: called("web")})
	start(t, d, Endpoint{ContainerID: "asks", Network: "front", DNS: called("asks")})
	nameServer(t, d, "web", "0.0.0.0", "mine", netip.MustParseAddr("192.0.2.1"))
	wantAddresses(t, d, "web", "ip4", "asks", addressOf(t, d, "asks"))
	for _, proto := range []string{"udp", "tcp"} {
		var reply *mdns.Msg
		err := in(d, "asks", func() (err error) {
			q := new(mdns.Msg)
			q.SetQuestion("mine.", mdns.TypeA)
			reply, _, err = (&mdns.Client{Net: proto, Timeout: long}).ExchangeContext(t.Context(), q, web.IP.Addr().String()+":53")
			return err
		})
		if err != nil || len(reply.Answer) != 1 {
			t.Errorf("the container's own server by %s: %v, %v", proto, reply, err)
		}
	}
}

// TestManyHolders: an answer that does not fit in a datagram is had by TCP, or by saying that one takes more.
func TestManyHolders(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	userNetwork(t, d, Network{Name: "front"}, false)
	var want []netip.Addr
	for i := range 40 {
		j := start(t, d, Endpoint{ContainerID: fmt.Sprintf("c%d", i), Network: "front", DNS: called(fmt.Sprintf("c%d", i), "all")})
		want = append(want, j.IP.Addr())
	}
	wantAddresses(t, d, "c7", "ip4", "all", want...)
	ask := func(proto string, size uint16) *mdns.Msg {
		t.Helper()
		var reply *mdns.Msg
		err := in(d, "c7", func() (err error) {
			q := new(mdns.Msg)
			q.SetQuestion("all.", mdns.TypeA)
			if size > 0 {
				q.SetEdns0(size, false)
			}
			reply, _, err = (&mdns.Client{Net: proto, Timeout: long, UDPSize: max(size, 512)}).ExchangeContext(t.Context(), q, dns.Address+":53")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	if r := ask("udp", 0); !r.Truncated || len(r.Answer) >= 40 || r.IsEdns0() != nil {
		t.Errorf("by UDP: %d answers, truncated %t, EDNS %v", len(r.Answer), r.Truncated, r.IsEdns0())
	}
	for proto, size := range map[string]uint16{"udp": 1232, "tcp": 0} {
		if r := ask(proto, size); r.Truncated || len(r.Answer) != 40 || (r.IsEdns0() != nil) != (size > 0) {
			t.Errorf("by %s, %d bytes: %d answers, truncated %t, EDNS %v", proto, size, len(r.Answer), r.Truncated, r.IsEdns0())
		}
	}
	first := map[string]bool{}
	for range 40 {
		first[ask("udp", 1232).Answer[0].(*mdns.A).A.String()] = true
	}
	if len(first) < 2 {
		t.Error("the order of answers is always the same")
	}
}

// TestNamesSurviveKill: a daemon that comes after one that was killed answers for the containers of that.
func TestNamesSurviveKill(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	config.Log = nil
	front := Network{ID: NewID(), Name: "front", Subnet: netip.MustParsePrefix(config.Pools[0].Base.Addr().String() + "/24")}
	joined := killedDaemon(t, childPlan{Config: config, Networks: []Network{front}, Join: []Endpoint{
		{ContainerID: "web", Network: "front", DNS: called("web")}, {ContainerID: "asks", Network: "front", DNS: called("asks")},
		{ContainerID: "died", Network: "front", DNS: called("died")},
	}})
	config.Log = hclog.New(&hclog.LoggerOptions{Output: testWriter{t}})
	d := openDriver(t, config)
	if err := d.AddNetwork(t.Context(), front); err != nil {
		t.Fatal(err)
	}
	// What has taken our port meanwhile keeps it.
	err := in(d, "asks", func() error {
		conn, err := net.ListenPacket("udp", "0.0.0.0:30053")
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Reconcile(t.Context(), map[string][]Endpoint{"web": nil, "asks": nil}); err != nil {
		t.Fatal(err)
	}
	wantAddresses(t, d, "asks", "ip4", "web", joined[0].IP.Addr())
	wantAddresses(t, d, "web", "ip4", "asks", joined[1].IP.Addr())
	if got, err := resolver(d, "web").LookupNetIP(t.Context(), "ip4", "died."); err == nil {
		t.Errorf("a dead container is still known: %v", got)
	}
	if diff := cmp.Diff([]string{"web.front."}, reverse(t, d, "asks", joined[0].IP.Addr())); diff != "" {
		t.Error(diff)
	}
}

func reverse(t *testing.T, d *Driver, id string, address netip.Addr) []string {
	t.Helper()
	names, err := resolver(d, id).LookupAddr(t.Context(), address.String())
	if err != nil {
		t.Error(err)
	}
	return names
}
