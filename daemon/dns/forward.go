//go:build linux

package dns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

const (
	// maxServers is how many servers are asked, as resolvers do.
	maxServers = 3
	// patience is how long one of them has for an answer. Clients have 5 seconds for all, by default.
	patience = 2 * time.Second
)

// upstream is a server for names of others.
type upstream struct {
	address netip.Addr
	host    bool // to be asked from the host's namespace
}

// upstreams are those of a container. short says that it wants names without a dot kept from them.
func (k *sockets) upstreams() (list []upstream, short bool) {
	s := k.server
	s.mu.RLock()
	var given []netip.Addr
	if a := s.askers[k.container]; a != nil {
		given, short = a.last.Servers, a.last.KeepShort
	}
	s.mu.RUnlock()
	for _, address := range given {
		if address != netip.MustParseAddr(Address) { // it would be asking itself
			list = append(list, upstream{address: address})
		}
	}
	if len(given) == 0 {
		for _, address := range s.host.get() {
			// What only the host can reach would be a way out of internal networks.
			u := upstream{address: address, host: address.IsLoopback() || address.Is6()}
			if !u.host || k.namespace.Outward() {
				list = append(list, u)
			}
		}
	}
	return list[:min(len(list), maxServers)], short
}

// forward asks servers until one answers, over the protocol the client used.
func (k *sockets) forward(q *query, tcp bool) []byte {
	servers, short := k.upstreams()
	if short && !strings.Contains(q.name, ".") && (q.kind == dns.TypeA || q.kind == dns.TypeAAAA) {
		return refuse(q.packet, q.question, dns.RcodeSuccess) // the client goes on with its search list
	}
	var failure []byte
	for _, u := range servers {
		reply, err := k.ask(u, q, tcp)
		if err != nil {
			k.server.log.Debug("a name server does not answer", "container", k.container, "server", u.address.String(), "error", err)
			continue
		}
		switch int(reply[3] & 0xf) {
		case dns.RcodeServerFailure, dns.RcodeRefused: // the next one may know
			failure = reply
		default:
			return q.fit(reply)
		}
	}
	if failure != nil {
		return q.fit(failure)
	}
	return q.failed()
}

// fit gives a reply the identifier of the query, and cuts one that is longer than the client can take.
func (q *query) fit(reply []byte) []byte {
	if len(reply) > q.limit {
		return q.truncated(reply)
	}
	copy(reply, q.packet[:2])
	return reply
}

// ask asks one server.
func (k *sockets) ask(u upstream, q *query, tcp bool) ([]byte, error) {
	kind := unix.SOCK_DGRAM
	if tcp {
		kind = unix.SOCK_STREAM
	}
	file, err := k.dial(u, kind)
	if err != nil {
		return nil, err
	}
	if !k.add(file) {
		return nil, os.ErrClosed
	}
	defer k.drop(file)
	id := uint16(rand.Uint32()) //nolint:gosec // drawn from a generator that is seeded by the kernel and hard to predict
	packet := bytes.Clone(q.packet)
	binary.BigEndian.PutUint16(packet, id)
	if tcp {
		if err := writeFramed(file, packet); err != nil {
			return nil, err
		}
		reply, err := readFramed(file)
		if err == nil && !q.answeredBy(reply, id) {
			err = errForged
		}
		return reply, err
	}
	if _, err := file.Write(packet); err != nil {
		return nil, err
	}
	buffer := packets.Get().(*[65535]byte)
	defer packets.Put(buffer)
	for {
		n, err := file.Read(buffer[:])
		if err != nil {
			return nil, err
		}
		if q.answeredBy(buffer[:n], id) {
			return bytes.Clone(buffer[:n]), nil
		}
	}
}

var errForged = errors.New("the reply is to another query")

// dial connects a socket made in the right namespace, where it stays wherever it is used. Its deadline is set.
func (k *sockets) dial(u upstream, kind int) (*os.File, error) {
	var fd int
	open := func() (err error) {
		family := unix.AF_INET
		if u.address.Is6() {
			family = unix.AF_INET6
		}
		fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	}
	err := error(nil)
	if u.host {
		err = open()
	} else {
		err = k.namespace.Do(open)
	}
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = unix.Connect(fd, sockaddr(u.address))
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	waiting := err != nil
	file := os.NewFile(uintptr(fd), u.address.String())
	err = file.SetDeadline(time.Now().Add(patience))
	if err == nil && waiting {
		err = connected(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func sockaddr(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Port: service, Addr: a.As4()}
	}
	to := &unix.SockaddrInet6{Port: service, Addr: a.As16()}
	if zone := a.Zone(); zone != "" {
		if link, err := net.InterfaceByName(zone); err == nil {
			to.ZoneId = uint32(link.Index)
		}
	}
	return to
}

// connected waits until a connection is made, or refused.
func connected(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		number, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && number != 0 {
			err = unix.Errno(number)
		}
		if failed = err; failed != nil {
			return true
		}
		_, err = unix.Getpeername(int(fd))
		return err == nil
	})
	return errors.Join(failed, err)
}

// answeredBy reports whether a message is a reply to the query sent as id. A server that refused to understand may leave
// the question out.
func (q *query) answeredBy(reply []byte, id uint16) bool {
	if len(reply) < headerSize || binary.BigEndian.Uint16(reply) != id || reply[2]&0x80 == 0 {
		return false
	}
	if binary.BigEndian.Uint16(reply[4:]) == 0 {
		return reply[3]&0xf != dns.RcodeSuccess
	}
	end := headerSize + len(q.question)
	return len(reply) >= end && sameQuestion(reply[headerSize:end], q.question)
}

// sameQuestion compares a name, whose case does not matter, and the type and class behind it.
func sameQuestion(a, b []byte) bool {
	lower := func(c byte) byte {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	for i := range a[:len(a)-4] {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return bytes.Equal(a[len(a)-4:], b[len(b)-4:])
}
