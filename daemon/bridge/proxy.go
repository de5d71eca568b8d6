//go:build linux

package bridge

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// dialTimeout is how long a container has to accept a proxied connection.
const dialTimeout = 10 * time.Second

// idleUDP is how long the sender of a proxied datagram may be silent before an answer finds it no longer; that of
// connection tracking for a stream is the same order.
const idleUDP = 90 * time.Second

// closers ends many things at once, and everything that comes too late.
type closers struct {
	mu     sync.Mutex
	closed bool
	all    map[io.Closer]struct{}
}

// add registers c; it closes it and returns false when all is over.
func (s *closers) add(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	if s.all == nil {
		s.all = map[io.Closer]struct{}{}
	}
	s.all[c] = struct{}{}
	return true
}

// drop closes c and forgets it.
func (s *closers) drop(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c)
	_ = c.Close()
}

func (s *closers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.all {
		_ = c.Close()
	}
	s.all = nil
}

// tcpHold is a port held by listening on it.
type tcpHold struct {
	listener *net.TCPListener
	log      hclog.Logger
	open     closers
}

func listenTCP(family, address string, log hclog.Logger) (hold, error) {
	at, err := net.ResolveTCPAddr("tcp"+family, address)
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenTCP("tcp"+family, at)
	if err != nil {
		return nil, err
	}
	h := &tcpHold{listener: listener, log: log}
	h.open.add(listener)
	return h, nil
}

func (h *tcpHold) port() uint16 { return uint16(h.listener.Addr().(*net.TCPAddr).Port) }
func (h *tcpHold) close()       { h.open.close() }

func (h *tcpHold) serve(to netip.AddrPort) {
	go func() {
		for {
			client, err := h.listener.AcceptTCP()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				// Out of file descriptors, most likely. Redirected connections do not come here, so the ones this
				// port loses until it is published again are few.
				h.log.Error("proxy of a published port stops", "port", h.port(), "error", err)
				return
			}
			if h.open.add(client) {
				go h.pass(client, to)
			}
		}
	}()
}

// pass connects client to the container, and ends when both directions have.
func (h *tcpHold) pass(client *net.TCPConn, to netip.AddrPort) {
	defer h.open.drop(client)
	conn, err := net.DialTimeout("tcp", to.String(), dialTimeout)
	if err != nil {
		_ = client.SetLinger(0) // refused there is refused here
		return
	}
	if !h.open.add(conn) {
		return
	}
	defer h.open.drop(conn)
	container := conn.(*net.TCPConn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(container, client)
		_ = container.CloseWrite()
	}()
	_, _ = io.Copy(client, container)
	_ = client.CloseWrite()
	<-done
}

// udpHold is a port held by a socket bound to it.
type udpHold struct {
	conn *net.UDPConn
	open closers

	mu      sync.Mutex
	clients map[netip.AddrPort]*net.UDPConn
}

func listenUDP(family, address string, _ hclog.Logger) (hold, error) {
	at, err := net.ResolveUDPAddr("udp"+family, address)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp"+family, at)
	if err != nil {
		return nil, err
	}
	h := &udpHold{conn: conn, clients: map[netip.AddrPort]*net.UDPConn{}}
	h.open.add(conn)
	return h, nil
}

func (h *udpHold) port() uint16 { return uint16(h.conn.LocalAddr().(*net.UDPAddr).Port) }
func (h *udpHold) close()       { h.open.close() }

func (h *udpHold) serve(to netip.AddrPort) {
	go func() {
		buffer := make([]byte, 65535)
		for {
			n, from, err := h.conn.ReadFromUDPAddrPort(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // an ICMP error of an earlier answer
			}
			if container := h.client(from, to); container != nil {
				_, _ = container.Write(buffer[:n])
			}
		}
	}()
}

// client returns the socket that stands for a client towards the container.
func (h *udpHold) client(from, to netip.AddrPort) *net.UDPConn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if conn := h.clients[from]; conn != nil {
		_ = conn.SetReadDeadline(time.Now().Add(idleUDP))
		return conn
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil || !h.open.add(conn) {
		return nil
	}
	_ = conn.SetReadDeadline(time.Now().Add(idleUDP))
	h.clients[from] = conn
	go h.answer(conn, from)
	return conn
}

// answer passes on what the container says, until both have been silent for long.
func (h *udpHold) answer(conn *net.UDPConn, from netip.AddrPort) {
	defer func() {
		h.mu.Lock()
		delete(h.clients, from)
		h.mu.Unlock()
		h.open.drop(conn)
	}()
	buffer := make([]byte, 65535)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(idleUDP))
		if _, err := h.conn.WriteToUDPAddrPort(buffer[:n], from); err != nil {
			return
		}
	}
}
