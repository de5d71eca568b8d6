//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// A conn is a control connection, normally the only one, of cleatd.
type conn struct {
	m         *monitor
	fd        int
	inherited bool // the one the monitor was started with
	hello     bool // wants to hear what is unasked
	out       []packet
}

// A packet waits to be sent; fd goes with it when it is not -1, and is closed then.
type packet struct {
	text string
	fd   int
}

// A request is one that will be answered exactly once. A nil request is nobody's.
type request struct {
	c      *conn
	number string
}

// listen takes the connections: the inherited one, and those through the socket, for a cleatd that comes later.
func (m *monitor) listen() error {
	dir, err := open(m.runDir, oPath|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer closeFd(dir)
	// Through the folder's descriptor: the path itself may be longer than a socket address.
	path := "/proc/self/fd/" + wire.Itoa(int64(dir)) + "/" + wire.Socket
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_ = syscall.Unlink(path) // of a monitor that died: we hold the lock
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	if err := syscall.Listen(fd, 16); err != nil {
		return err
	}
	m.listener = fd
	m.add(fd, readable, func(uint32) {
		client, _, err := syscall.Accept4(fd, syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK)
		if err == nil {
			m.connect(client, false)
		}
	})
	syscall.CloseOnExec(wire.MonitorCreator)
	var st syscall.Stat_t
	if syscall.Fstat(wire.MonitorControl, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFSOCK {
		syscall.CloseOnExec(wire.MonitorControl)
		_ = syscall.SetNonblock(wire.MonitorControl, true)
		m.connect(wire.MonitorControl, true)
	}
	return nil
}

func (m *monitor) connect(fd int, inherited bool) {
	c := &conn{m: m, fd: fd, inherited: inherited}
	m.conns = append(m.conns, c)
	m.add(fd, readable, c.ready)
}

func (c *conn) ready(events uint32) {
	if events&writable != 0 {
		c.flush()
	}
	for c.fd >= 0 {
		text, fds, err := receive(c.fd, c.m.packet)
		if again(err) {
			return
		}
		if err != nil || text == "" && len(fds) == 0 {
			c.close()
			return
		}
		c.serve(text, fds)
	}
}

// receive takes one packet. Its descriptors are close-on-exec.
func receive(fd int, data []byte) (string, []int, error) {
	var control [64]byte
	n, k, _, _, err := syscall.Recvmsg(fd, data, control[:], syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		return "", nil, err
	}
	var fds []int
	if messages, err := syscall.ParseSocketControlMessage(control[:k]); err == nil {
		for i := range messages {
			if rights, err := syscall.ParseUnixRights(&messages[i]); err == nil {
				fds = append(fds, rights...)
			}
		}
	}
	return string(data[:n]), fds, nil
}

// dead reports whether the other side is gone already. A start whose asker has died before it begins must not begin: the next
// cleatd may have looked for this monitor when it was not listening yet, and would never know of the container.
func (c *conn) dead() bool {
	err := syscall.Sendmsg(c.fd, []byte("0 "+wire.SayBell), nil, nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
	return err != nil && !again(err)
}

func (c *conn) close() {
	c.m.close(c.fd)
	c.fd = -1
	for _, p := range c.out {
		closeFd(p.fd)
	}
	c.out = nil
	kept := c.m.conns[:0]
	for _, other := range c.m.conns {
		if other != c {
			kept = append(kept, other)
		}
	}
	c.m.conns = kept
	for _, client := range c.m.io.clients {
		client.forget(c)
	}
	for _, x := range c.m.execs {
		for _, client := range x.io.clients {
			client.forget(c)
		}
	}
	if c.inherited && c.m.state == created { // nobody will ask us to start any more
		_ = syscall.Unlink(c.m.runDir + "/" + wire.Socket)
		syscall.Exit(0)
	}
}

// say sends what nobody asked for to a connection that said hello. A bell that has not been heard is not rung again.
func (c *conn) say(words ...string) {
	if !c.hello {
		return
	}
	text := "0"
	for _, word := range words {
		text += " " + word
	}
	if n := len(c.out); n > 0 && words[0] == wire.SayBell && c.out[n-1].text == text {
		return
	}
	c.send(packet{text, -1})
}

func (c *conn) send(p packet) {
	if c.fd < 0 {
		closeFd(p.fd)
		return
	}
	c.out = append(c.out, p)
	c.flush()
}

// flush sends what waits, as far as the other side takes it.
func (c *conn) flush() {
	for len(c.out) > 0 && c.fd >= 0 {
		p := c.out[0]
		var rights []byte
		if p.fd >= 0 {
			rights = syscall.UnixRights(p.fd)
		}
		err := syscall.Sendmsg(c.fd, []byte(p.text), rights, nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
		if again(err) {
			c.m.change(c.fd, readable|writable)
			return
		}
		closeFd(p.fd)
		if c.out = c.out[1:]; err != nil {
			c.out = nil // the reading side finds out and closes
		}
	}
	c.m.change(c.fd, readable)
}

func (r *request) ok(words ...string) {
	if r == nil {
		return
	}
	text := r.number + " ok"
	for _, word := range words {
		text += " " + word
	}
	r.c.send(packet{text, -1})
}

func (r *request) fail(class, message string) {
	if r == nil {
		return
	}
	r.c.send(packet{r.number + " err " + class + " " + wire.Escape(message), -1})
}

// serve answers one request. Descriptors it does not take are closed.
func (c *conn) serve(text string, fds []int) {
	client := -1
	for i, fd := range fds {
		if i == 0 {
			client = fd
		} else {
			closeFd(fd)
		}
	}
	words := wire.Words(text)
	if len(words) < 2 {
		closeFd(client)
		return
	}
	r := &request{c: c, number: words[0]}
	verb, args := words[1], words[2:]
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	if !c.m.session(r, verb, arg, client) {
		closeFd(client)
		c.m.command(r, verb, arg)
	}
}

// session serves the requests that bring a client's socket, which is theirs then; false for all others.
func (m *monitor) session(r *request, verb string, arg func(int) string, fd int) bool {
	switch verb {
	case wire.VerbAttach:
		m.attach(r, arg(0), arg(1), arg(2), fd)
	case wire.VerbExec:
		m.exec(r, arg, fd)
	default:
		return false
	}
	return true
}

func (m *monitor) command(r *request, verb string, arg func(int) string) {
	switch verb {
	case wire.VerbHello:
		r.c.hello = true
		r.ok(wire.Itoa(wire.Protocol), string(m.state), wire.Itoa(m.run), wire.Itoa(int64(m.pid)))
		m.sendTerminal(r.c)
	case wire.VerbStart:
		if m.state != created {
			r.fail(wire.ClassBusy, "the container is "+string(m.state))
			return
		}
		if r.c.inherited && r.c.dead() {
			r.c.close() // ends the program
		}
		m.start(r)
	case wire.VerbSignal:
		m.signal(r, syscall.Signal(wire.Atoi(arg(0))), arg(1) == "1")
	case wire.VerbPolicy:
		m.conf.Policy, m.conf.MaxRetry = arg(0), wire.Atoi(arg(1))
		if m.state == restarting && !m.wanted(m.exit.code) {
			m.stopRestart()
		}
		r.ok()
	case wire.VerbResize:
		m.resize(r, wire.Atoi(arg(0)), wire.Atoi(arg(1)), arg(2))
	case wire.VerbExecSignal:
		m.signalExec(r, arg(0), syscall.Signal(wire.Atoi(arg(1))))
	default:
		r.fail(wire.ClassInvalid, "unknown request "+verb)
	}
}

// resize sets the size of the container's terminal or of an exec's.
func (m *monitor) resize(r *request, rows, cols int64, id string) {
	target := m.io
	if id != "" {
		x := m.findExec(id)
		if x == nil {
			r.fail(wire.ClassGone, "no such exec")
			return
		}
		target = x.io
	}
	switch {
	case !target.tty:
		r.fail(wire.ClassInvalid, "it has no terminal")
	case target.out.fd < 0:
		r.fail(wire.ClassGone, "it does not run")
	default:
		if err := setWinsize(target.out.fd, uint16(rows), uint16(cols)); err != nil {
			r.fail(wire.ClassOther, err.Error())
			return
		}
		r.ok()
	}
}

// sendTerminal gives a connection a copy of the terminal's master, so that the container outlives this process.
func (m *monitor) sendTerminal(c *conn) {
	if !m.io.tty || m.io.out.fd < 0 || !c.hello {
		return
	}
	if fd, err := dup(m.io.out.fd); err == nil {
		c.send(packet{"0 " + wire.SayTerminal, fd})
	}
}
