//go:build linux

package main

import (
	"errors"
	"syscall"
	"time"

	"github.com/cleat-dev/cleat/cmd/cleat-monitor/internal/lines"
	"github.com/cleat-dev/cleat/cmd/cleat-monitor/internal/record"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

const (
	// maxWaiting is how much waits for a receiver that is slow or away, bytes; what comes then is counted and dropped.
	maxWaiting = 1 << 20
	// reconnectEvery is how long after a failure the next attempt is made, milliseconds, while anything waits.
	reconnectEvery = 1000
)

// A socketLog is the log driver syslog or journald: one message a line, to a socket. The container never waits for it.
type socketLog struct {
	m        *monitor
	address  syscall.Sockaddr
	domain   int
	kind     int // SOCK_DGRAM or SOCK_STREAM
	format   func(dst []byte, stream byte, line []byte, newline bool) []byte
	lines    lines.Splitter
	fd       int
	waiting  [][]byte
	size     int // of waiting
	dropped  int64
	retrying bool
}

var errAddress = errors.New("log address")

func (m *monitor) openSocketLog(conf wire.Conf) (*socketLog, error) {
	l := &socketLog{m: m, fd: -1, kind: syscall.SOCK_DGRAM}
	if conf.Driver == "journald" {
		l.domain, l.address = syscall.AF_UNIX, &syscall.SockaddrUnix{Name: conf.Address}
		l.format = func(dst []byte, stream byte, line []byte, newline bool) []byte {
			return record.Journal(dst, conf.Fields, stream, line, !newline)
		}
		return l, nil
	}
	if !l.parse(conf.Address) {
		return nil, errAddress
	}
	syslog := record.Syslog{Format: conf.Format, Facility: conf.Facility, Host: conf.Host, Tag: conf.Tag, Pid: int64(syscall.Getpid())}
	l.format = func(dst []byte, stream byte, line []byte, _ bool) []byte {
		dst = syslog.Append(dst, stream, line, time.Now())
		if l.kind == syscall.SOCK_STREAM {
			dst = append(dst, '\n')
		}
		return dst
	}
	return l, nil
}

// parse reads "unixgram:path", "unix:path", "udp:ip:port" or "tcp:ip:port".
func (l *socketLog) parse(address string) bool {
	at := 0
	for at < len(address) && address[at] != ':' {
		at++
	}
	if at == len(address) {
		return false
	}
	scheme, rest := address[:at], address[at+1:]
	switch scheme {
	case "unixgram", "unix":
		l.domain, l.address = syscall.AF_UNIX, &syscall.SockaddrUnix{Name: rest}
	case "udp", "tcp":
		if !l.parseHost(rest) {
			return false
		}
	default:
		return false
	}
	if scheme == "unix" || scheme == "tcp" {
		l.kind = syscall.SOCK_STREAM
	}
	return true
}

// parseHost reads "1.2.3.4:5" or "[1::2]:5", in the form cleatd writes it.
func (l *socketLog) parseHost(text string) bool {
	colon := len(text) - 1
	for colon >= 0 && text[colon] != ':' {
		colon--
	}
	if colon < 1 {
		return false
	}
	port := int(wire.Atoi(text[colon+1:]))
	host := text[:colon]
	if host[0] == '[' {
		ip, ok := parseIPv6(host[1 : len(host)-1])
		l.domain, l.address = syscall.AF_INET6, &syscall.SockaddrInet6{Port: port, Addr: ip}
		return ok
	}
	var ip [4]byte
	part, n := 0, 0
	for i := 0; i <= len(host); i++ {
		if i < len(host) && host[i] >= '0' && host[i] <= '9' {
			n = n*10 + int(host[i]-'0')
			continue
		}
		if part > 3 || n > 255 {
			return false
		}
		ip[part], n = byte(n), 0
		part++
	}
	l.domain, l.address = syscall.AF_INET, &syscall.SockaddrInet4{Port: port, Addr: ip}
	return part == 4
}

// parseIPv6 reads an address without a zone.
func parseIPv6(text string) (ip [16]byte, ok bool) {
	groups, gap := make([]uint16, 0, 8), -1
	n, digits := 0, 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] != ':' {
			d := int(text[i])
			switch {
			case d >= '0' && d <= '9':
				d -= '0'
			case d >= 'a' && d <= 'f':
				d -= 'a' - 10
			default:
				return ip, false
			}
			n, digits = n<<4|d, digits+1
			continue
		}
		if digits > 0 {
			groups, n, digits = append(groups, uint16(n)), 0, 0
		}
		if i+1 < len(text) && text[i+1] == ':' && i < len(text) {
			gap = len(groups)
		}
	}
	if len(groups) > 8 || gap < 0 && len(groups) != 8 {
		return ip, false
	}
	for i, g := range groups {
		at := i
		if gap >= 0 && i >= gap {
			at = 8 - len(groups) + i
		}
		ip[2*at], ip[2*at+1] = byte(g>>8), byte(g)
	}
	return ip, true
}

func (l *socketLog) write(stream byte, data []byte) {
	for len(data) > 0 {
		line, newline, rest, ok := l.lines.Next(stream, data)
		if ok {
			l.add(stream, line, newline)
		}
		data = rest
	}
	l.flush()
}

func (l *socketLog) add(stream byte, line []byte, newline bool) {
	if l.size > maxWaiting {
		l.dropped++
		return
	}
	if l.dropped > 0 {
		text := "[cleat: " + wire.Itoa(l.dropped) + " lines lost, the log could not be sent]"
		l.dropped = 0
		l.add(2, []byte(text), true)
	}
	message := l.format(nil, stream, line, newline)
	l.waiting = append(l.waiting, message)
	l.size += len(message)
}

// flush sends what waits, as far as the receiver takes it.
func (l *socketLog) flush() {
	for len(l.waiting) > 0 {
		if l.fd < 0 && !l.connect() {
			l.later()
			return
		}
		message := l.waiting[0]
		n, err := syscall.Write(l.fd, message)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN || err == syscall.ENOTCONN || err == syscall.EALREADY:
			l.m.change(l.fd, writable)
			return
		case err == syscall.EMSGSIZE: // it will never go
			l.dropped++
			n = len(message)
		case err != nil:
			l.m.close(l.fd)
			l.fd = -1
			l.later()
			return
		}
		l.size -= n
		if l.waiting[0] = message[n:]; n == len(message) {
			l.waiting = l.waiting[1:]
		}
	}
	l.waiting, l.size = nil, 0
	if l.fd >= 0 {
		l.m.change(l.fd, 0)
	}
	if l.m.state == done {
		l.m.leave()
	}
}

// connect makes a connection, or begins to.
func (l *socketLog) connect() bool {
	fd, err := syscall.Socket(l.domain, l.kind|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	if err := syscall.Connect(fd, l.address); err != nil && err != syscall.EINPROGRESS {
		closeFd(fd)
		return false
	}
	l.fd = fd
	l.m.add(fd, 0, func(events uint32) {
		if events&hangup != 0 {
			l.m.close(fd)
			l.fd = -1
			l.later()
			return
		}
		l.flush()
	})
	return true
}

// later tries again after a while, when anything waits.
func (l *socketLog) later() {
	if l.retrying || len(l.waiting) == 0 {
		return
	}
	l.retrying = true
	l.m.after(reconnectEvery, func() {
		l.retrying = false
		l.flush()
	})
}

func (l *socketLog) end() {
	for stream := byte(1); stream <= 2; stream++ {
		if line := l.lines.End(stream); line != nil {
			l.add(stream, line, true)
		}
	}
	l.flush()
}

func (l *socketLog) idle()         { l.lines.Idle() }
func (l *socketLog) close()        { l.end() }
func (l *socketLog) pending() bool { return len(l.waiting) > 0 }
