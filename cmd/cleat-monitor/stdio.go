//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// stdio is the input and output of one command: the container's or an exec's. With a terminal there is one outlet, its
// master; else two pipes.
type stdio struct {
	m       *monitor
	tty     bool
	open    bool // input can be given
	logged  bool // the container's own: into the log, and lingering
	once    bool // input ends when the client that gives it goes
	out     outlet
	err     outlet
	in      int    // write end of stdin or a copy of the master; -1 before the start and after the end of input
	begun   bool   // there is, or was, somebody to give input to
	pending []byte // input the command has not taken yet; clients are not read meanwhile
	last    bool   // close the input when pending is taken
	dead    bool   // the command is: what is left of its output is read whoever is behind
	held    bool   // output is not read because a client that must not lose any is behind
	clients []*client
	drained func() // called when all output has been read, once
}

// An outlet is a descriptor the command's output comes from; fd is -1 when there is none or it has ended.
type outlet struct {
	s      *stdio
	fd     int
	stream byte // 1 stdout, 2 stderr
}

func newStdio(m *monitor, tty, open bool) *stdio {
	s := &stdio{m: m, tty: tty, open: open, in: -1}
	s.out, s.err = outlet{s, -1, 1}, outlet{s, -1, 2}
	return s
}

// set is the epoll set the output is waited for in.
func (s *stdio) set() int {
	if s.logged {
		return s.m.quiet
	}
	return s.m.ep
}

// pipes makes the pipes of a command without terminal and returns the ends it gets: stdin, stdout, stderr. Output ends
// are open for reading too: when this monitor dies, the command gets no SIGPIPE, and another monitor can take the pipe over.
func (s *stdio) pipes() (child [3]int, err error) {
	child = [3]int{-1, -1, -1}
	defer func() {
		if err != nil {
			closeAll(child[:])
			s.closeAll()
		}
	}()
	if child[0], s.in, err = s.inputPipe(); err != nil {
		return child, err
	}
	for i, o := range []*outlet{&s.out, &s.err} {
		var ends [2]int
		if err = syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
			return child, err
		}
		o.fd = ends[0]
		child[i+1], err = open("/proc/self/fd/"+wire.Itoa(int64(ends[1])), syscall.O_RDWR, 0)
		closeFd(ends[1])
		if err != nil {
			return child, err
		}
		_ = syscall.SetNonblock(o.fd, true)
	}
	return child, nil
}

func (s *stdio) inputPipe() (read, write int, err error) {
	if !s.open {
		read, err = open("/dev/null", syscall.O_RDONLY, 0)
		return read, -1, err
	}
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return -1, -1, err
	}
	_ = syscall.SetNonblock(ends[1], true)
	return ends[0], ends[1], nil
}

// terminal takes the master of a new terminal.
func (s *stdio) terminal(master int) {
	_ = syscall.SetNonblock(master, true)
	s.out.fd = master
	if s.open {
		if fd, err := dup(master); err == nil {
			s.in = fd
		}
	}
	s.begin()
}

// begin starts to carry.
func (s *stdio) begin() {
	s.begun, s.dead, s.held, s.last, s.pending = true, false, false, false, nil
	for _, o := range []*outlet{&s.out, &s.err} {
		if o.fd >= 0 {
			s.m.addTo(s.set(), o.fd, readable, o.ready)
		}
	}
	for _, c := range s.clients {
		c.listen()
	}
}

func (o *outlet) ready(uint32) {
	m := o.s.m
	n, err := syscall.Read(o.fd, m.buf[frameHead:])
	switch {
	case n > 0:
		o.s.deliver(o.stream, n)
	case again(err):
	default: // end of file; for a terminal EIO
		o.end()
	}
}

// end stops reading an outlet for good.
func (o *outlet) end() {
	if o.fd < 0 {
		return
	}
	o.s.m.close(o.fd)
	o.fd = -1
	o.s.endOfOutput()
}

func (s *stdio) endOfOutput() {
	if s.out.fd < 0 && s.err.fd < 0 && s.drained != nil {
		call := s.drained
		s.drained = nil
		call()
	}
}

// whenDrained calls back when all output has been read, which may be now.
func (s *stdio) whenDrained(call func()) {
	s.drained = call
	s.endOfOutput()
}

// deliver gives n bytes, which are in the monitor's buffer behind the room for a frame's head, to log and clients.
func (s *stdio) deliver(stream byte, n int) {
	m := s.m
	if n > 16<<10 {
		m.flood()
	}
	data := m.buf[frameHead : frameHead+n]
	if s.logged {
		m.log.write(stream, data)
		m.lingering(s, n)
	}
	if len(s.clients) == 0 {
		return
	}
	frame := m.buf[:frameHead+n]
	header(frame, stream, n)
	for i := len(s.clients) - 1; i >= 0; i-- { // a client that is gone takes itself out
		s.clients[i].output(stream, frame)
	}
	s.hold()
}

// header writes the head of a frame of the Docker API: the stream, three zeros, the length in big-endian order.
func header(frame []byte, stream byte, n int) {
	frame[0], frame[1], frame[2], frame[3] = stream, 0, 0, 0
	frame[4], frame[5], frame[6], frame[7] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
}

// hold stops reading output while a client that must not lose any has too much to send, and goes on afterwards.
func (s *stdio) hold() {
	behind := false
	if s.dead {
		return
	}
	for _, c := range s.clients {
		behind = behind || c.bits&wire.BitFlow != 0 && c.queued() > queueSize
	}
	if behind == s.held {
		return
	}
	s.held = behind
	for _, o := range []*outlet{&s.out, &s.err} {
		switch {
		case o.fd < 0:
		case behind:
			s.m.remove(o.fd)
		default:
			s.m.addTo(s.set(), o.fd, readable, o.ready)
		}
	}
}

// release reads output again whatever clients are behind: the command is dead, what is left is little and fits their queues.
func (s *stdio) release() {
	if s.held {
		s.held = false
		for _, o := range []*outlet{&s.out, &s.err} {
			if o.fd >= 0 {
				s.m.addTo(s.set(), o.fd, readable, o.ready)
			}
		}
	}
	s.dead = true
}

// inputReady reports whether input can be taken from clients.
func (s *stdio) inputReady() bool { return s.begun && len(s.pending) == 0 }

// give passes input on. What the command does not take at once waits.
func (s *stdio) give(data []byte) {
	if s.in < 0 || s.last {
		return // nobody reads it any more
	}
	n, err := syscall.Write(s.in, data)
	if n < 0 {
		n = 0
	}
	if err != nil && !again(err) {
		s.closeInput()
		return
	}
	if n < len(data) {
		s.pending = append([]byte(nil), data[n:]...)
		s.m.add(s.in, writable, s.giveMore)
		for _, c := range s.clients {
			c.listen()
		}
	}
}

func (s *stdio) giveMore(uint32) {
	n, err := syscall.Write(s.in, s.pending)
	if n > 0 {
		s.pending = s.pending[n:]
	}
	if err != nil && !again(err) {
		s.closeInput()
	} else if len(s.pending) > 0 {
		return
	} else {
		s.pending = nil
		s.m.remove(s.in)
		if s.last {
			s.closeInput()
		}
	}
	for _, c := range s.clients {
		c.listen()
	}
}

// endInput closes the command's input after what is pending. A terminal has no end of input.
func (s *stdio) endInput() {
	if s.tty {
		return
	}
	if s.last = len(s.pending) > 0; !s.last {
		s.closeInput()
	}
}

func (s *stdio) closeInput() {
	s.m.close(s.in)
	s.in, s.pending, s.last = -1, nil, false
}

// closeAll gives all descriptors up.
func (s *stdio) closeAll() {
	s.closeInput()
	for _, o := range []*outlet{&s.out, &s.err} {
		if o.fd >= 0 {
			s.m.close(o.fd)
			o.fd = -1
		}
	}
	s.begun = false
}

// dismiss ends all sessions after what they have to send.
func (s *stdio) dismiss() {
	for i := len(s.clients) - 1; i >= 0; i-- {
		s.clients[i].end("exit")
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		closeFd(fd)
	}
}
