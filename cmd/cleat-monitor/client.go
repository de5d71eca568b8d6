//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/cmd/cleat-monitor/internal/detach"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// queueSize is how much output waits for a client before chunks are skipped, or the container waits, bytes.
const queueSize = 1 << 20

// A client is one session: a socket that was handed over.
type client struct {
	s       *stdio
	owner   *conn // hears of the end; nil when it is gone
	id      string
	fd      int
	bits    int64
	keys    detach.Matcher
	first   []byte // input that came with the request
	queue   []byte
	sent    int   // of queue
	skipped int64 // bytes since the last chunk that was sent
	deaf    bool  // its input has ended
	hung    bool  // its socket is out of the epoll set: it hung up while its input has to wait
	why     string
}

// attach serves a client at the container's own command.
func (m *monitor) attach(r *request, bits, keys, first string, fd int) {
	if fd < 0 {
		r.fail(wire.ClassInvalid, "attach without a socket")
		return
	}
	if m.state == done || m.state == ending {
		closeFd(fd)
		r.fail(wire.ClassGone, "the container does not run")
		return
	}
	c := m.io.join(r, fd, wire.Atoi(bits), keys, first)
	r.ok(c.id)
	c.begin()
}

// join makes a client of a socket.
func (s *stdio) join(r *request, fd int, bits int64, keys, first string) *client {
	s.m.nextID++
	c := &client{s: s, owner: r.c, id: wire.Itoa(s.m.nextID), fd: fd, bits: bits}
	if !s.open {
		c.bits &^= wire.BitIn
	}
	if text, ok := wire.Unescape(keys); ok && text != "" {
		c.keys = detach.New([]byte(text))
	}
	if text, ok := wire.Unescape(first); ok && text != "" {
		c.first = []byte(text)
	}
	_ = syscall.SetNonblock(fd, true)
	s.clients = append(s.clients, c)
	return c
}

func (c *client) begin() {
	c.s.m.add(c.fd, c.wants(), c.ready)
	c.listen()
}

// forget is called when a control connection closes.
func (c *client) forget(owner *conn) {
	if c.owner == owner {
		c.owner = nil
	}
}

func (c *client) queued() int { return len(c.queue) - c.sent }

// reading reports whether the socket is to be read: input when the command takes it; without input only to see it end.
func (c *client) reading() bool {
	return !c.deaf && c.why == "" && (c.bits&wire.BitIn == 0 || c.s.inputReady())
}

func (c *client) wants() uint32 {
	var events uint32
	if c.reading() {
		events |= readable
	}
	if c.queued() > 0 {
		events |= writable
	}
	return events
}

// listen waits for what can be done now.
func (c *client) listen() {
	if c.fd < 0 {
		return
	}
	if len(c.first) > 0 && c.reading() {
		first := c.first
		c.first = nil
		c.take(first)
		if c.fd < 0 {
			return
		}
	}
	if c.hung {
		if c.wants() == 0 {
			return
		}
		c.hung = false
		c.s.m.add(c.fd, c.wants(), c.ready)
		return
	}
	c.s.m.change(c.fd, c.wants())
}

func (c *client) ready(events uint32) {
	switch {
	case events&readable != 0 && c.reading():
		c.read()
	case events&hangup != 0 && (c.deaf || c.bits&wire.BitIn == 0 || c.why != ""):
		c.drop("closed")
		return
	case events&hangup != 0:
		// It is gone, but what it has said before is still to be read, when the command takes it.
		c.s.m.remove(c.fd)
		c.hung = true
		return
	}
	if c.fd >= 0 && events&writable != 0 {
		c.send()
	}
}

func (c *client) read() {
	m := c.s.m
	n, err := syscall.Read(c.fd, m.input)
	switch {
	case n > 0:
		if c.bits&wire.BitIn != 0 {
			c.take(m.input[:n])
		}
	case again(err):
	case err != nil:
		c.drop("closed")
	default:
		c.endOfInput()
	}
}

// take handles input: keys to detach with end the session, all else goes to the command.
func (c *client) take(data []byte) {
	forward, detached := c.keys.Filter(data)
	if len(forward) > 0 {
		c.s.give(forward)
	}
	if detached {
		c.drop("detached")
	}
}

// endOfInput: the client has said all it will. Where that ends the command's input, output goes on; so it does at a
// terminal. Else, like at dockerd, the session was about this input, and ends.
func (c *client) endOfInput() {
	c.deaf = true
	switch {
	case c.bits&wire.BitIn == 0 || c.s.tty:
		c.listen()
	case c.s.once:
		c.s.endInput()
		c.listen()
	default:
		c.end("closed")
	}
}

// output sends a frame, or what is in it, and queues what the socket does not take.
func (c *client) output(stream byte, frame []byte) {
	wanted := int64(wire.BitOut)
	if stream == 2 {
		wanted = wire.BitErr
	}
	if c.why != "" || c.bits&wanted == 0 {
		return
	}
	if c.s.tty || c.bits&wire.BitRaw != 0 {
		frame = frame[frameHead:]
	}
	if c.queued() > 0 || c.skipped > 0 {
		if c.bits&wire.BitFlow == 0 && c.queued()+len(frame) > queueSize || c.skipped > 0 {
			c.skipped += int64(len(frame))
			return
		}
		c.queue = append(c.queue, frame...)
		return
	}
	n, ok := c.write(frame)
	if ok && n < len(frame) {
		c.queue, c.sent = append(c.queue[:0], frame[n:]...), 0
		c.listen()
	}
}

// write sends what the socket takes; false when nobody reads it any more.
func (c *client) write(b []byte) (int, bool) {
	n, err := syscall.Write(c.fd, b)
	if err != nil && !again(err) {
		c.unheard()
		return 0, false
	}
	return max(n, 0), true
}

// unheard: the client is gone. What it has said before is still to be read, up to its end, and nothing more is sent.
func (c *client) unheard() {
	if c.bits&wire.BitIn == 0 || c.deaf || c.why != "" {
		c.drop("closed")
		return
	}
	c.bits &^= wire.BitOut | wire.BitErr
	c.queue, c.sent, c.skipped = nil, 0, 0
	c.listen()
	c.s.hold()
}

// send goes on with the queue.
func (c *client) send() {
	n, ok := c.write(c.queue[c.sent:])
	if !ok {
		return
	}
	if c.sent += n; c.queued() == 0 {
		c.queue, c.sent = nil, 0
		c.mark()
	}
	if c.why != "" && c.queued() == 0 {
		c.drop(c.why)
		return
	}
	if n > 0 && c.s.m.state == done {
		c.s.m.leave() // progress
	}
	c.listen()
	c.s.hold()
}

// mark says how much was skipped, when the client has caught up or the command has ended. A terminal's output has no
// place for it.
func (c *client) mark() {
	if c.skipped == 0 {
		return
	}
	text := "[cleat: " + wire.Itoa(c.skipped) + " bytes skipped, the client was too slow; see the log]\n"
	c.skipped = 0
	if c.s.tty || c.bits&wire.BitRaw != 0 {
		return
	}
	frame := make([]byte, frameHead, frameHead+len(text))
	header(frame, 2, len(text))
	c.queue = append(c.queue, append(frame, text...)...)
}

// end closes the session after what it has to send.
func (c *client) end(why string) {
	if c.why != "" {
		return
	}
	c.mark()
	c.why = why
	if c.queued() == 0 {
		c.drop(why)
		return
	}
	c.listen()
}

// drop closes the session now.
func (c *client) drop(why string) {
	if c.fd < 0 {
		return
	}
	m := c.s.m
	// Unread input would turn the close into a reset, which may overtake the last output.
	for range 16 {
		if n, err := syscall.Read(c.fd, m.input); n <= 0 || err != nil {
			break
		}
	}
	_ = syscall.Shutdown(c.fd, syscall.SHUT_RDWR)
	m.close(c.fd)
	c.fd, c.queue, c.sent = -1, nil, 0
	kept := c.s.clients[:0]
	for _, other := range c.s.clients {
		if other != c {
			kept = append(kept, other)
		}
	}
	clear(c.s.clients[len(kept):])
	c.s.clients = kept
	if c.bits&wire.BitIn != 0 && !c.deaf && c.s.once && why != "detached" {
		c.s.endInput()
	}
	if c.owner != nil {
		c.owner.say(wire.SayEnd, c.id, why)
	}
	c.s.hold()
	if !c.s.logged {
		m.dropExecs()
	}
	m.leave()
}
