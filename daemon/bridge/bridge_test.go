//go:build linux

package bridge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/hashicorp/go-hclog"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	acctest.Main(m)
}

// serial numbers drivers, so that tests side by side have bridges and subnets of their own.
type serials struct{ n atomic.Int32 }

var numbers serials

// needRoot skips a test that changes the network where it must not.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: network namespaces, links and packet filter")
	}
	if os.Getenv("CLEAT_ACCTEST_NETNS") == "" {
		t.Skip("needs a network namespace of its own, which could not be had")
	}
}

// testConfig is a configuration nobody else has.
func testConfig(t testing.TB) Config {
	t.Helper()
	needRoot(t)
	n := int(numbers.n.Add(1))
	dir := t.TempDir()
	return Config{
		Name: fmt.Sprintf("cl%d", n), BIP: fmt.Sprintf("10.%d.%d.1/24", 100+n/250, n%250),
		Pools:     []Pool{{netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", 120+n)), 24}, {netip.MustParsePrefix("fd00:1234::/48"), 64}},
		NetnsRoot: filepath.Join(dir, "netns"),
		Log:       hclog.New(&hclog.LoggerOptions{Output: testWriter{t}, Level: hclog.Debug}),
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// openDriver opens a driver, and at the end of the test takes away all it made.
func openDriver(t testing.TB, config Config) *Driver {
	t.Helper()
	db, err := metadata.Open(filepath.Join(filepath.Dir(config.NetnsRoot), "db"))
	if err != nil {
		t.Fatal(err)
	}
	config.DB = db
	d, err := Open(config)
	if err != nil {
		_ = db.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		demolish(t, d)
	})
	return d
}

// demolish removes what outlives a driver on purpose.
func demolish(t testing.TB, d *Driver) {
	t.Helper()
	entries, _ := os.ReadDir(d.config.NetnsRoot)
	for _, entry := range entries {
		if err := unpin(filepath.Join(d.config.NetnsRoot, entry.Name())); err != nil {
			t.Error(err)
		}
	}
	links, err := dumped(netlink.LinkList)
	if err != nil {
		t.Error(err)
	}
	for _, link := range links {
		name, alias := link.Attrs().Name, link.Attrs().Alias
		if alias == d.alias() || strings.HasPrefix(name, d.linkPrefix()) {
			if err := ignoreGone(netlink.LinkDel(link)); err != nil {
				t.Error(err)
			}
		}
	}
	if err := d.rules.closeForeign(""); err != nil {
		t.Error(err)
	}
	c := &nftables.Conn{}
	c.AddTable(d.rules.table)
	c.DelTable(d.rules.table)
	if err := c.Flush(); err != nil {
		t.Error(err)
	}
}

// start makes a sandbox and joins it to a network.
func start(t testing.TB, d *Driver, want Endpoint) Joined {
	t.Helper()
	if _, err := d.Sandbox(t.Context(), want.ContainerID); err != nil {
		t.Fatal(err)
	}
	joined, err := d.Join(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return joined
}

// in runs do in the namespace of a container; "" is the host.
func in(d *Driver, id string, do func() error) error {
	if id == "" {
		return do()
	}
	return inside(d.netnsPath(id), do)
}

// echo answers on a port of a container, with who it is and the address of the client. proto is "tcp" or "udp".
func echo(t testing.TB, d *Driver, id, proto string, port uint16) {
	t.Helper()
	err := in(d, id, func() error {
		address := fmt.Sprintf(":%d", port)
		if proto == "udp" {
			conn, err := net.ListenPacket("udp", address)
			if err != nil {
				return err
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				buffer := make([]byte, 2048)
				for {
					_, from, err := conn.ReadFrom(buffer)
					if err != nil {
						return
					}
					host, _, _ := net.SplitHostPort(from.String())
					_, _ = conn.WriteTo([]byte(id+" "+host+"\n"), from)
				}
			}()
			return nil
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
				_, _ = io.WriteString(conn, id+" "+strings.TrimPrefix(host, "::ffff:")+"\n")
				_ = conn.Close()
			}
		}()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// call asks an echo, and returns what it says: who it is and as whom it sees the caller.
func call(d *Driver, id, proto, address string, patience time.Duration) (string, error) {
	var conn net.Conn
	err := in(d, id, func() (err error) {
		conn, err = (&net.Dialer{Timeout: patience}).Dial(proto, address)
		return err
	})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if proto == "udp" {
		if _, err := conn.Write([]byte("hello")); err != nil {
			return "", err
		}
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(strings.ReplaceAll(line, "::ffff:", "")), err
}

const (
	long  = 60 * time.Second       // for what has to work, on a busy machine
	short = 300 * time.Millisecond // for what must not
)

// wantCall fails the test unless the echo says want; "" is for a call that must fail.
func wantCall(t *testing.T, d *Driver, id, proto, address, want string) {
	t.Helper()
	patience := long
	if want == "" {
		patience = short
	}
	got, err := call(d, id, proto, address, patience)
	switch {
	case want == "" && err == nil:
		t.Errorf("%s of %q to %s: answered %q, want none", proto, id, address, got)
	case want != "" && err != nil:
		t.Errorf("%s of %q to %s: %v, want %q", proto, id, address, err, want)
	case got != want:
		t.Errorf("%s of %q to %s: %q, want %q", proto, id, address, got, want)
	}
}

// outside makes a namespace that is another host on a network of the host: the path of the namespace as a container of
// d that the driver does not know, and the addresses of host and outsider.
func outside(t testing.TB, d *Driver, id string) (host, outsider string) {
	t.Helper()
	n := numbers.n.Add(1)
	host, outsider = fmt.Sprintf("10.99.%d.1", n), fmt.Sprintf("10.99.%d.2", n)
	if err := pin(d.netnsPath(id)); err != nil {
		t.Fatal(err)
	}
	ns, err := netns.GetFromPath(d.netnsPath(id))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = fmt.Sprintf("out%d", n)
	pair := netlink.NewVeth(attrs)
	pair.PeerName, pair.PeerNamespace = "eth0", netlink.NsFd(ns)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(netlink.LinkAdd(pair))
	t.Cleanup(func() { _ = netlink.LinkDel(pair) })
	must(netlink.AddrAdd(pair, address(netip.MustParsePrefix(host+"/24"))))
	must(netlink.LinkSetUp(pair))
	must(inside(d.netnsPath(id), func() error {
		inner, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(inner, address(netip.MustParsePrefix(outsider+"/24"))); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(inner); err != nil {
			return err
		}
		// A neighbour who sends everything to the host, as an attacker on the same network can.
		return netlink.RouteAdd(&netlink.Route{LinkIndex: inner.Attrs().Index, Gw: net.ParseIP(host)})
	}))
	return host, outsider
}
