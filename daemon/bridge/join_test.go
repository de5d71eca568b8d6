//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
)

// testContext is for code that runs outside of a test.
func testContext() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

func TestCyclesLeaveNothing(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	before, fds := state(t, d), openFiles(t)
	for i := range 200 {
		id := fmt.Sprintf("c%d", i)
		start(t, d, Endpoint{ContainerID: id, Ports: []Port{{Port: 80}, {Port: 53, Proto: "udp"}, {Port: 9, Proto: "sctp"}}})
		if i%3 == 0 {
			if err := d.Leave(t.Context(), id, "bridge"); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := d.Release(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, state(t, d), cmp.AllowUnexported(snapshot{})); diff != "" {
		t.Error(diff)
	}
	if len(d.sandboxes) != 0 {
		t.Errorf("%d sandboxes are remembered", len(d.sandboxes))
	}
	if now := openFiles(t); now > fds+50 { // other tests run beside
		t.Errorf("%d files open, %d before", now, fds)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	before := state(t, d)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = map[netip.Prefix]string{}
		busy = map[uint16]string{}
	)
	for worker := range 16 {
		wg.Go(func() {
			for i := range 8 {
				id := fmt.Sprintf("w%d-%d", worker, i)
				if _, err := d.Sandbox(t.Context(), id); err != nil {
					t.Error(err)
					return
				}
				j, err := d.Join(t.Context(), Endpoint{ContainerID: id, Ports: []Port{{Port: 80}}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if other := seen[j.IP]; other != "" {
					t.Errorf("%s has the address %s of %s", id, j.IP, other)
				}
				if other := busy[j.Ports[0].HostPort]; other != "" {
					t.Errorf("%s has the port %s of %s", id, j.Ports[0], other)
				}
				seen[j.IP], busy[j.Ports[0].HostPort] = id, id
				mu.Unlock()
				if i%2 == 0 {
					mu.Lock()
					delete(seen, j.IP)
					delete(busy, j.Ports[0].HostPort)
					mu.Unlock()
					if err := d.Release(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got, want := len(d.Endpoints("bridge")), 16*4; got != want {
		t.Errorf("%d endpoints, want %d", got, want)
	}
	for _, e := range d.Endpoints("bridge") {
		wg.Go(func() {
			if err := d.Release(t.Context(), e.ContainerID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, state(t, d), cmp.AllowUnexported(snapshot{})); diff != "" {
		t.Error(diff)
	}
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	n, _ := d.Network("bridge")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenPort := uint16(taken.Addr().(*net.TCPAddr).Port)
	first := start(t, d, Endpoint{ContainerID: "first", Ports: []Port{{Port: 80}, {Port: 80, Proto: "sctp"}}})
	if _, err := d.Sandbox(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	before := state(t, d)
	outsideSubnet := n.Subnet.Addr().Prev()
	for _, tt := range []struct {
		name  string
		want  Endpoint
		class error
		text  string
	}{
		{"no sandbox", Endpoint{ContainerID: "b"}, errs.ErrNotFound, `container "b" has no network namespace`},
		{"no network", Endpoint{ContainerID: "a", Network: "none such"}, errs.ErrNotFound, "network none such not found"},
		{"bad id", Endpoint{ContainerID: "../a"}, errs.ErrInvalid, "container id"},
		{"address of another", Endpoint{ContainerID: "a", IP: first.IP.Addr()}, errs.ErrConflict, "Address already in use"},
		{"address of the host", Endpoint{ContainerID: "a", IP: n.Gateway}, errs.ErrConflict, "Address already in use"},
		{"broadcast address", Endpoint{ContainerID: "a", IP: lastAddress(n.Subnet)}, errs.ErrConflict, "Address already in use"},
		{"address elsewhere", Endpoint{ContainerID: "a", IP: outsideSubnet}, errs.ErrInvalid, "does not belong to any of this network's subnets"},
		{"address of a family it has not", Endpoint{ContainerID: "a", IP6: netip.MustParseAddr("fd00::2")}, errs.ErrInvalid, "has no IPv6"},
		{"bad MAC", Endpoint{ContainerID: "a", MAC: "02:42"}, errs.ErrInvalid, `hardware address "02:42"`},
		{"bad interface", Endpoint{ContainerID: "a", Interface: "a/b"}, errs.ErrInvalid, `interface "a/b"`},
		{"lo", Endpoint{ContainerID: "a", Interface: "lo"}, errs.ErrInvalid, `interface "lo"`},
		{"bad protocol", Endpoint{ContainerID: "a", Ports: []Port{{Port: 80, Proto: "icmp"}}}, errs.ErrInvalid, "80/icmp"},
		{"port zero", Endpoint{ContainerID: "a", Ports: []Port{{Proto: "tcp"}}}, errs.ErrInvalid, "invalid port"},
		{"port of a process", Endpoint{ContainerID: "a", Ports: []Port{{Port: 81}, {Port: 80, HostPort: takenPort}}}, errs.ErrInternal,
			"driver failed programming external connectivity on endpoint a ("},
		{"port of a process, at the end", Endpoint{ContainerID: "a", Ports: []Port{{Port: 81}, {Port: 80, HostPort: takenPort}}}, errs.ErrInternal,
			fmt.Sprintf("Bind for 0.0.0.0:%d failed: port is already allocated", takenPort)},
		{"port of a container", Endpoint{ContainerID: "a", Ports: []Port{{Port: 80, HostPort: first.Ports[0].HostPort, HostIP: netip.MustParseAddr("127.0.0.1")}}}, errs.ErrInternal,
			fmt.Sprintf("Bind for 127.0.0.1:%d failed: port is already allocated", first.Ports[0].HostPort)},
		{"port without socket", Endpoint{ContainerID: "a", Ports: []Port{{Port: 80, Proto: "sctp", HostPort: first.Ports[1].HostPort}}}, errs.ErrInternal, "port is already allocated"},
		{"the same port twice", Endpoint{ContainerID: "a", Ports: []Port{{Port: 80, Proto: "sctp", HostPort: 7}, {Port: 81, Proto: "sctp", HostPort: 7}}}, errs.ErrInternal, "port is already allocated"},
		{"address of no interface", Endpoint{ContainerID: "a", Ports: []Port{{Port: 80, HostIP: netip.MustParseAddr("192.0.2.77")}}}, errs.ErrInternal, "cannot assign requested address"},
	} {
		_, err := d.Join(t.Context(), tt.want)
		if err == nil || errs.Class(err) != tt.class || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v (class %v), want %v with %q", tt.name, err, errs.Class(err), tt.class, tt.text)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Join(cancelled, Endpoint{ContainerID: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, state(t, d), cmp.AllowUnexported(snapshot{})); diff != "" {
		t.Errorf("refused joins left something: %s", diff)
	}
}

func TestJoinAsAsked(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	n, _ := d.Network("bridge")
	ip := n.Gateway.Next().Next().Next()
	want := Endpoint{
		ContainerID: "a", IP: ip, MAC: "02:42:00:00:00:07", Interface: "net7",
		Ports: []Port{{Port: 80, HostPort: 20080}, {Port: 81, HostPort: 20080, HostEnd: 20082}, {Port: 82, HostIP: netip.MustParseAddr("::1")}},
	}
	j := start(t, d, want)
	if j.IP.Addr() != ip || j.MAC != want.MAC || j.Interface != "net7" || j.Ports[0].HostPort != 20080 || j.Ports[1].HostPort != 20081 || j.Ports[1].HostEnd != 0 {
		t.Errorf("joined: %+v", j)
	}
	again, err := d.Join(t.Context(), want)
	if err != nil || cmp.Diff(j, again, byValue) != "" {
		t.Errorf("joined again: %+v, %v", again, err)
	}
	err = in(d, "a", func() error {
		i, err := net.InterfaceByName("net7")
		if err == nil && i.HardwareAddr.String() != want.MAC {
			t.Errorf("hardware address %s", i.HardwareAddr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	echo(t, d, "a", "tcp", 82)
	wantCall(t, d, "", "tcp", fmt.Sprintf("[::1]:%d", j.Ports[2].HostPort), "a "+j.Gateway.String())
	if err := d.Leave(t.Context(), "a", "bridge"); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", ":20080")
	if err != nil {
		t.Error("the port is not free after Leave: ", err)
	} else {
		listener.Close()
	}
	if stats, err := d.Statistics(t.Context(), "a"); err != nil || len(stats) != 0 {
		t.Errorf("statistics after Leave: %v, %v", stats, err)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	v4, err := d.FreeSubnet(false)
	if err != nil {
		t.Fatal(err)
	}
	v6, err := d.FreeSubnet(true)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddNetwork(t.Context(), Network{ID: NewID(), Name: "six", Subnet: v4, Subnet6: v6}); err != nil {
		t.Fatal(err)
	}
	a := start(t, d, Endpoint{ContainerID: "a", Network: "six", Ports: []Port{{Port: 80}}})
	b := start(t, d, Endpoint{ContainerID: "b", Network: "six"})
	echo(t, d, "a", "tcp", 80)
	six := func(ip netip.Addr, port uint16) string { return netip.AddrPortFrom(ip, port).String() }
	published := a.Ports[0].HostPort
	wantCall(t, d, "b", "tcp", six(a.IP6.Addr(), 80), "a "+b.IP6.Addr().String())
	wantCall(t, d, "", "tcp", six(a.IP6.Addr(), 80), "a "+a.Gateway6.String())
	wantCall(t, d, "", "tcp", six(a.Gateway6, published), "a "+a.Gateway6.String())
	wantCall(t, d, "b", "tcp", six(a.Gateway6, published), "a "+a.Gateway6.String()) // hairpin
	wantCall(t, d, "", "tcp", six(netip.IPv6Loopback(), published), "a "+a.Gateway.String())
	before := state(t, d)
	if err := d.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if after := state(t, d); after.elements != before.elements-2 {
		t.Errorf("elements %d, before %d", after.elements, before.elements)
	}
}

func BenchmarkJoinLeave(b *testing.B) {
	for _, bb := range []struct {
		name string
		join Endpoint
	}{
		{"no ports", Endpoint{}}, {"one port", Endpoint{Ports: []Port{{Port: 80}}}}, {"names", Endpoint{Network: "front", DNS: called("web", "www")}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			d := openDriver(b, testConfig(b))
			userNetwork(b, d, Network{Name: "front"}, false)
			for i := 0; b.Loop(); i++ {
				id := fmt.Sprintf("c%d", i)
				join := bb.join
				join.ContainerID = id
				start(b, d, join)
				if err := d.Release(b.Context(), id); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := d.Settle(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
