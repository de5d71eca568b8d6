//go:build linux

package dns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxForwards is how many queries of a container may wait for servers outside.
	maxForwards = 256
	// maxStreams is how many TCP connections a container may have.
	maxStreams = 64
	// streamIdle is how long one of them may be silent.
	streamIdle = 10 * time.Second
	// portTries is how often another port is tried.
	portTries = 16
)

// packets are buffers for what comes in.
var packets = sync.Pool{New: func() any { return new([65535]byte) }}

// sockets are those of one container.
type sockets struct {
	server    *Server
	container string
	namespace Namespace
	udp       *net.UDPConn
	tcp       *net.TCPListener
	slots     chan struct{} // one for each query that is forwarded
	streams   chan struct{} // one for each TCP connection

	mu     sync.Mutex
	closed bool
	open   map[io.Closer]struct{} // connections of clients and to servers
}

// openSockets opens the sockets of a container, and has what is sent to port 53 arrive there.
func openSockets(s *Server, container string, namespace Namespace) (*sockets, error) {
	k := &sockets{server: s, container: container, namespace: namespace, slots: make(chan struct{}, maxForwards), streams: make(chan struct{}, maxStreams)}
	err := namespace.Do(func() error {
		port, err := k.listen(usual)
		for range portTries {
			if !errors.Is(err, unix.EADDRINUSE) {
				break
			}
			port, err = k.listen(0)
		}
		if err != nil {
			return err
		}
		return redirect(port)
	})
	if err != nil {
		k.close()
		return nil, fmt.Errorf("name service: %w", err)
	}
	return k, nil
}

// listen opens both sockets on a port, or on one the kernel chooses. It runs in the namespace of the container.
func (k *sockets) listen(port uint16) (uint16, error) {
	at := netip.AddrPortFrom(netip.MustParseAddr(Address), port)
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return 0, err
	}
	at = udp.LocalAddr().(*net.UDPAddr).AddrPort()
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		_ = udp.Close()
		return 0, err
	}
	k.udp, k.tcp = udp, tcp
	return at.Port(), nil
}

// serve answers until close.
func (k *sockets) serve() {
	go k.serveUDP()
	go k.serveTCP()
}

// close ends everything; sockets that were never opened are no error.
func (k *sockets) close() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.udp != nil {
		_ = k.udp.Close()
		_ = k.tcp.Close()
	}
	for c := range k.open {
		_ = c.Close()
	}
}

// add registers what close has to end; it is closed at once, and false returned, when all is over.
func (k *sockets) add(c io.Closer) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		_ = c.Close()
		return false
	}
	if k.open == nil {
		k.open = map[io.Closer]struct{}{}
	}
	k.open[c] = struct{}{}
	return true
}

// drop closes c and forgets it.
func (k *sockets) drop(c io.Closer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, c)
	_ = c.Close()
}

// serveUDP takes a buffer only when there is something to read: most containers ask seldom.
func (k *sockets) serveUDP() {
	raw, err := k.udp.SyscallConn()
	if err != nil {
		return
	}
	for {
		if err := raw.Read(readable); err != nil {
			return // closed
		}
		buffer := packets.Get().(*[65535]byte)
		n, from, err := k.udp.ReadFromUDPAddrPort(buffer[:])
		if err == nil {
			k.datagram(buffer[:n], from)
		}
		packets.Put(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// readable reports whether a datagram waits, an empty one or an error included.
func readable(fd uintptr) bool {
	_, _, err := unix.Recvfrom(int(fd), nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
}

// datagram answers one. What is forwarded is answered later.
func (k *sockets) datagram(packet []byte, from netip.AddrPort) {
	reply, q := k.server.answer(k.container, packet, false)
	if q == nil {
		k.send(reply, from)
		return
	}
	select {
	case k.slots <- struct{}{}:
	default:
		k.send(q.failed(), from)
		return
	}
	q.detach()
	go func() {
		defer func() { <-k.slots }()
		k.send(k.forward(q, false), from)
	}()
}

// detach copies what q has of the buffer it was read into.
func (q *query) detach() {
	q.packet = bytes.Clone(q.packet)
	q.question = q.packet[headerSize : headerSize+len(q.question)]
}

func (k *sockets) send(reply []byte, to netip.AddrPort) {
	if reply != nil {
		_, _ = k.udp.WriteToUDPAddrPort(reply, to) // who asked asks again
	}
}

func (k *sockets) serveTCP() {
	for {
		conn, err := k.tcp.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of file descriptors, most likely: answers that do not fit in a datagram are missing until the next start.
			k.server.log.Error("name service of a container no longer takes connections", "container", k.container, "error", err)
			return
		}
		select {
		case k.streams <- struct{}{}:
			go k.talk(conn)
		default:
			_ = conn.Close()
		}
	}
}

// talk answers the queries of a connection, one after the other.
func (k *sockets) talk(conn *net.TCPConn) {
	defer func() { <-k.streams }()
	if !k.add(conn) {
		return
	}
	defer k.drop(conn)
	for {
		_ = conn.SetDeadline(time.Now().Add(streamIdle))
		packet, err := readFramed(conn)
		if err != nil {
			return
		}
		reply, q := k.server.answer(k.container, packet, true)
		if q != nil {
			reply = k.forward(q, true)
		}
		if reply == nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(streamIdle))
		if err := writeFramed(conn, reply); err != nil {
			return
		}
	}
}

// readFramed reads a message as it is sent by TCP: behind its length.
func readFramed(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, packet)
	return packet, err
}

func writeFramed(w io.Writer, packet []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
	return err
}
