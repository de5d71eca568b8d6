//go:build linux

package bridge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// A Port is a port of a container that the host passes on.
type Port struct {
	Port     uint16     `json:"port"`              // of the container; required
	Proto    string     `json:"proto"`             // "tcp" (default), "udp" or "sctp"
	HostIP   netip.Addr `json:"host_ip,omitzero"`  // address of the host; that of the network when invalid
	HostPort uint16     `json:"host_port"`         // 0 is a free one, chosen by the kernel from its ephemeral range
	HostEnd  uint16     `json:"host_end,omitzero"` // when greater than HostPort: the first free one of HostPort to HostEnd
}

// String is the port of the host, as messages name it.
func (p Port) String() string {
	return netip.AddrPortFrom(p.HostIP, p.HostPort).String()
}

// portTable knows which ports of the host are published. Sockets tell most of it, but not for SCTP, and not for ports
// another process took while the daemon was dead.
type portTable map[portKey][]netip.Addr

type portKey struct {
	proto string
	port  uint16
}

// claim notes a port, unless one that overlaps is there.
func (t portTable) claim(p Port) bool {
	key := portKey{p.Proto, p.HostPort}
	for _, other := range t[key] {
		if other == p.HostIP || other.IsUnspecified() || p.HostIP.IsUnspecified() {
			return false
		}
	}
	t[key] = append(t[key], p.HostIP)
	return true
}

func (t portTable) release(p Port) {
	key := portKey{p.Proto, p.HostPort}
	t[key] = slices.DeleteFunc(t[key], func(ip netip.Addr) bool { return ip == p.HostIP })
	if len(t[key]) == 0 {
		delete(t, key)
	}
}

// complete fills in what a request may leave out.
func (p Port) complete(hostIP netip.Addr) (Port, error) {
	if p.Proto == "" {
		p.Proto = "tcp"
	}
	if p.Proto != "tcp" && p.Proto != "udp" && p.Proto != "sctp" {
		return p, fmt.Errorf("published port %d/%s: protocol is none of tcp, udp, sctp: %w", p.Port, p.Proto, errs.ErrInvalid)
	}
	if p.Port == 0 || p.HostEnd != 0 && p.HostEnd < p.HostPort {
		return p, fmt.Errorf("published port %d/%s on %d-%d: invalid port: %w", p.Port, p.Proto, p.HostPort, p.HostEnd, errs.ErrInvalid)
	}
	if !p.HostIP.IsValid() {
		p.HostIP = hostIP
	}
	if !p.HostIP.IsValid() {
		p.HostIP = netip.IPv4Unspecified()
	}
	p.HostIP = p.HostIP.Unmap().WithZone("")
	return p, nil
}

// publish reserves ports for a container, all or none, and returns them as bound.
func (d *Driver) publish(ports []Port, hostIP netip.Addr) (bound []Port, holds []hold, err error) {
	defer func() {
		if err != nil {
			d.unpublish(bound, holds)
			bound, holds = nil, nil
		}
	}()
	for _, p := range ports {
		if p, err = p.complete(hostIP); err != nil {
			return bound, holds, err
		}
		var h hold
		if p, h, err = d.reserve(p); err != nil {
			return bound, holds, err
		}
		bound = append(bound, p)
		holds = append(holds, h)
	}
	return bound, holds, nil
}

func (d *Driver) unpublish(ports []Port, holds []hold) {
	closeHolds(holds)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range ports {
		d.ports.release(p)
	}
}

// reserve takes one port.
func (d *Driver) reserve(p Port) (Port, hold, error) {
	if p.HostPort == 0 {
		return d.reserveAny(p)
	}
	last := max(p.HostEnd, p.HostPort)
	p.HostEnd = 0
	for {
		h, err := d.reserveThis(p)
		if err == nil || p.HostPort >= last || !errors.Is(err, errTaken) {
			return p, h, err
		}
		p.HostPort++
	}
}

// errTaken tells a port somebody has from other reasons not to get it.
var errTaken = errors.New("port is already allocated")

func (d *Driver) reserveThis(p Port) (hold, error) {
	d.mu.Lock()
	free := d.ports.claim(p)
	d.mu.Unlock()
	if !free {
		return nil, fmt.Errorf("Bind for %s failed: %w", p, errTaken)
	}
	h, err := d.bind(p)
	if err != nil {
		d.mu.Lock()
		d.ports.release(p)
		d.mu.Unlock()
	}
	return h, err
}

// reserveAny lets the kernel choose, and asks again when its choice is taken in a way the kernel does not see.
func (d *Driver) reserveAny(p Port) (Port, hold, error) {
	if p.Proto == "sctp" { // the kernel may have no sockets of it
		p.HostPort, p.HostEnd = ephemeralRange()
		return d.reserve(p)
	}
	var refused []hold
	defer func() { closeHolds(refused) }()
	for range 64 {
		h, err := d.bind(p)
		if err != nil {
			return p, nil, err
		}
		found := p
		found.HostPort = h.port()
		d.mu.Lock()
		free := d.ports.claim(found)
		d.mu.Unlock()
		if free {
			return found, h, nil
		}
		refused = append(refused, h)
	}
	return p, nil, fmt.Errorf("no free port of %s for %d/%s: %w", p.HostIP, p.Port, p.Proto, errs.ErrInternal)
}

// bind opens the socket that keeps a port. An unspecified IPv4 address stands for IPv6 as well, where the host has it.
func (d *Driver) bind(p Port) (hold, error) {
	family := "6"
	host := p.HostIP.String()
	switch {
	case p.HostIP == netip.IPv4Unspecified():
		family, host = "", ""
	case p.HostIP.Is4():
		family = "4"
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(p.HostPort)))
	var (
		h   hold
		err error
	)
	switch p.Proto {
	case "sctp":
		return noHold(p.HostPort), nil
	case "udp":
		h, err = listenUDP(family, address, d.log)
	default:
		h, err = listenTCP(family, address, d.log)
	}
	switch {
	case err == nil:
		return h, nil
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("Bind for %s failed: %w", p, errTaken)
	default:
		return nil, kernel(err, "Bind for %s failed", p)
	}
}

// ephemeralRange is the kernel's.
func ephemeralRange() (first, last uint16) {
	first, last = 32768, 60999
	raw, err := readSysctl("net/ipv4/ip_local_port_range")
	if err == nil {
		_, _ = fmt.Sscan(raw, &first, &last)
	}
	return first, last
}

// targets is what the packet filter has to know of the ports of an endpoint.
func (e *endpoint) targets() []target {
	var out []target
	for _, p := range e.Ports {
		t := target{proto: p.Proto, host: p.HostIP, hostPort: p.HostPort, to: e.IP.Addr(), port: p.Port}
		if p.HostIP.Is4() {
			out = append(out, t)
		}
		if e.IP6.IsValid() && (p.HostIP.Is6() || p.HostIP.IsUnspecified()) {
			t.to = e.IP6.Addr()
			if p.HostIP.Is4() {
				t.host = netip.IPv6Unspecified()
			}
			out = append(out, t)
		}
	}
	return out
}

// hold keeps a port of the host.
type hold interface {
	port() uint16
	serve(to netip.AddrPort) // passes on what arrives at the socket, until close
	close()
}

func closeHolds(holds []hold) {
	for _, h := range holds {
		if h != nil {
			h.close()
		}
	}
}

// noHold is the hold of a port without a socket.
type noHold uint16

func (h noHold) port() uint16         { return uint16(h) }
func (h noHold) serve(netip.AddrPort) {}
func (h noHold) close()               {}
