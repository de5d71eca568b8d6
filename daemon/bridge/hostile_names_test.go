//go:build linux

package bridge

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/cleat-dev/cleat/daemon/dns"
)

// dial connects to the name service of a container as a program in it does.
func dial(t *testing.T, d *Driver, id, proto string) net.Conn {
	t.Helper()
	var conn net.Conn
	err := in(d, id, func() (err error) {
		conn, err = net.Dial(proto, dns.Address+":53")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(long))
	return conn
}

// silent is a name server that takes queries and never answers.
func silent(t *testing.T, address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", address+":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
}

// TestHostileQueries: whatever a container sends, it gets its answers afterwards.
func TestHostileQueries(t *testing.T) {
	t.Parallel()
	config, server := withResolv(t)
	d := openDriver(t, config)
	silent(t, server)
	userNetwork(t, d, Network{Name: "front"}, false)
	web := start(t, d, Endpoint{ContainerID: "web", Network: "front", DNS: called("web")})

	whole := dial(t, d, "web", "tcp")
	ask := func() error {
		own := new(mdns.Msg)
		own.SetQuestion("web.", mdns.TypeA)
		raw, err := own.Pack()
		if err != nil {
			return err
		}
		if _, err := whole.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)); err != nil {
			return err
		}
		var size [2]byte
		if _, err := io.ReadFull(whole, size[:]); err != nil {
			return err
		}
		_, err = io.ReadFull(whole, make([]byte, binary.BigEndian.Uint16(size[:])))
		return err
	}
	junk := dial(t, d, "web", "udp")
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		b := make([]byte, random.IntN(600))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		_, _ = junk.Write(b)
	}
	// More queries than may wait for a server that is silent: the others are refused at once.
	flood := dial(t, d, "web", "udp")
	q := new(mdns.Msg)
	q.SetQuestion("silent.example.", mdns.TypeA)
	for i := range 400 {
		q.Id = uint16(i)
		raw, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := flood.Write(raw); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 { // datagrams that find no room are lost: the service has to come to them
			if err := ask(); err != nil {
				t.Fatal("by TCP: ", err)
			}
		}
	}
	refused := make([]byte, 512)
	n, err := flood.Read(refused)
	reply := new(mdns.Msg)
	if err != nil || reply.Unpack(refused[:n]) != nil || reply.Rcode != mdns.RcodeServerFailure {
		t.Errorf("too many queries: %v, %v", reply, err)
	}
	wantAddresses(t, d, "web", "ip4", "web", web.IP.Addr())

	// Messages that never come to their end, and more connections than there may be: the last of them is closed.
	for range 63 {
		conn := dial(t, d, "web", "tcp")
		if _, err := conn.Write([]byte{0xff, 0xff, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // one after the other on one connection
		if err := ask(); err != nil {
			t.Error("by TCP: ", err)
		}
	}
	if _, err := dial(t, d, "web", "tcp").Read(make([]byte, 1)); err == nil {
		t.Error("one connection too many is served")
	}
	if err := d.Release(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if _, err := whole.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the container's network")
	}
}

// TestSilentServer: a server that does not answer holds a query up, and the next one answers it.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	config, server := withResolv(t)
	d := openDriver(t, config)
	second := strings.TrimSuffix(server, "1") + "2"
	silent(t, server)
	nameServer(t, d, "", second, "world.example", netip.MustParseAddr("192.0.2.1"))
	if err := os.WriteFile(config.HostResolv, []byte("nameserver "+server+"\nnameserver "+second+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	userNetwork(t, d, Network{Name: "front"}, false)
	web := start(t, d, Endpoint{ContainerID: "web", Network: "front", DNS: called("web")})
	done := make(chan struct{})
	go func() {
		defer close(done)
		wantAddresses(t, d, "web", "ip4", "world.example", netip.MustParseAddr("192.0.2.1"))
	}()
	began := time.Now()
	wantAddresses(t, d, "web", "ip4", "web", web.IP.Addr()) // meanwhile
	select {
	case <-done:
		if time.Since(began) < time.Second {
			t.Error("the silent server was not asked")
		}
	default:
	}
	<-done
}

// TestForwardLoop: servers that ask each other end by the limit of queries, and the service goes on.
func TestForwardLoop(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	userNetwork(t, d, Network{Name: "front"}, false)
	subnet, _ := d.Network("front")
	address := subnet.Gateway.Next()
	identity := called("web")
	identity.Servers = []netip.Addr{address}
	web := start(t, d, Endpoint{ContainerID: "web", Network: "front", IP: address, DNS: identity})
	relay := mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		var conn net.Conn
		err := in(d, "web", func() (err error) {
			conn, err = net.Dial("udp", dns.Address+":53")
			return err
		})
		if err != nil {
			return
		}
		defer conn.Close()
		if reply, _, err := (&mdns.Client{Timeout: long}).ExchangeWithConn(q, &mdns.Conn{Conn: conn}); err == nil {
			_ = w.WriteMsg(reply)
		}
	})
	err := in(d, "web", func() error {
		packets, err := net.ListenPacket("udp", address.String()+":53")
		if err != nil {
			return err
		}
		s := &mdns.Server{PacketConn: packets, Handler: relay}
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = packets.Close() })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	q := new(mdns.Msg)
	q.SetQuestion("loop.example.", mdns.TypeA)
	conn := dial(t, d, "web", "udp")
	reply, _, err := (&mdns.Client{Timeout: long}).ExchangeWithConn(q, &mdns.Conn{Conn: conn})
	if err != nil || reply.Rcode != mdns.RcodeServerFailure {
		t.Errorf("%v, %v", reply, err)
	}
	wantAddresses(t, d, "web", "ip4", "web", web.IP.Addr())
}
