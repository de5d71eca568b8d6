package sshclient

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

const (
	// DefaultSocket is where an engine listens when nobody says.
	DefaultSocket = "/var/run/docker.sock"
	// sessions is how many commands run on one connection: sshd's MaxSessions is 10 when nobody set it, and others may
	// share the connection's account, not the connection.
	sessions = 8
)

// Dialer connects to the socket of an engine on another host. It is safe for concurrent use.
type Dialer struct {
	settings *Settings
	// socket is the path there, "" for the host's default.
	socket string

	mu      sync.Mutex
	links   []*link
	opening *opening
	// commands: the server refuses channels to sockets, so commands take their place.
	commands, closed bool
}

// link is a connection and what goes over it.
type link struct {
	*connection
	open, limit int
}

// opening is a connection that is being made; whoever wants one waits for it.
type opening struct {
	done chan struct{}
	err  error
}

// NewDialer returns a dialer for a socket on a host; "" is the socket of the host's docker.
func NewDialer(s *Settings, socket string) *Dialer { return &Dialer{settings: s, socket: socket} }

// Dial returns a connection to the socket.
func (d *Dialer) Dial(ctx context.Context) (net.Conn, error) {
	retried := false
	for {
		l, fresh, err := d.take(ctx)
		if err != nil {
			return nil, err
		}
		conn, err := d.over(ctx, l)
		if err == nil {
			return conn, nil
		}
		d.release(l)
		var known *Error
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, errFull):
			continue // with one less to try
		case errors.As(err, &known):
			return nil, err
		case fresh || retried:
			return nil, d.settings.explain(ctx, err)
		}
		d.drop(l) // it was cut since it was last used
		retried = true
	}
}

// Close closes the connections nobody uses; one in use is closed with its last use.
func (d *Dialer) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.links = d.withoutUnused()
}

// withoutUnused closes the links nobody uses and returns the others.
func (d *Dialer) withoutUnused() []*link {
	var used []*link
	for _, l := range d.links {
		if l.open > 0 {
			used = append(used, l)
			continue
		}
		l.close()
	}
	return used
}

// take returns a link with room, making one when there is none. The caller releases it.
func (d *Dialer) take(ctx context.Context) (l *link, fresh bool, err error) {
	d.mu.Lock()
	for {
		if l := d.withRoom(); l != nil {
			l.open++
			d.mu.Unlock()
			return l, false, nil
		}
		o := d.opening
		if o == nil {
			break
		}
		d.mu.Unlock()
		select {
		case <-o.done:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		// What failed for the one who made it fails for all, unless it was its own impatience.
		if o.err != nil && !errors.Is(o.err, context.Canceled) && !errors.Is(o.err, context.DeadlineExceeded) {
			return nil, false, o.err
		}
		d.mu.Lock()
	}
	o := &opening{done: make(chan struct{})}
	d.opening = o
	d.mu.Unlock()
	made, err := d.settings.connect(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opening, o.err = nil, err
	close(o.done)
	if err != nil {
		return nil, false, err
	}
	l = &link{connection: made, open: 1, limit: sessions}
	d.links = append(d.links, l)
	return l, true, nil
}

// withRoom returns a link that lives and can carry one more, or nil. Channels to sockets are not counted by servers.
func (d *Dialer) withRoom() *link {
	var living []*link
	var found *link
	for _, l := range d.links {
		if l.life.Err() != nil {
			continue
		}
		living = append(living, l)
		if found == nil && (!d.commands || l.open < l.limit) {
			found = l
		}
	}
	d.links = living
	return found
}

func (d *Dialer) release(l *link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.open--
	if d.closed {
		d.links = d.withoutUnused()
	}
}

func (d *Dialer) drop(l *link) {
	l.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, other := range d.links {
		if other == l {
			d.links = append(d.links[:i:i], d.links[i+1:]...)
			return
		}
	}
}

// errFull is a connection on which the server wants no further command.
var errFull = errors.New("no room for another command")

// over opens a connection to the socket on a link.
func (d *Dialer) over(ctx context.Context, l *link) (net.Conn, error) {
	d.mu.Lock()
	commands := d.commands
	d.mu.Unlock()
	var direct *ssh.OpenChannelError
	if !commands {
		path := d.socket
		if path == "" {
			path = DefaultSocket
		}
		within, cancel := l.within(ctx)
		conn, err := l.DialContext(within, "unix", path)
		cancel()
		if err != nil && l.life.Err() != nil {
			err = io.EOF
		}
		if err == nil {
			return &channel{Conn: conn, release: func() { d.release(l) }}, nil
		}
		if !errors.As(err, &direct) {
			return nil, err //nolint:wrapcheck // judged by the caller
		}
	}
	conn, err := d.command(ctx, l)
	if err != nil {
		return nil, err
	}
	// A server does not tell a socket it may not connect to from one on which nobody listens: the first answer does.
	conn.direct, conn.answered = direct, d.useCommands
	return conn, nil
}

func (d *Dialer) useCommands() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = true
}

// command runs docker system dial-stdio on the host.
func (d *Dialer) command(ctx context.Context, l *link) (*command, error) {
	line := "docker system dial-stdio"
	if d.socket != "" {
		line = "docker --host=unix://" + quote(d.socket) + " system dial-stdio"
	}
	type started struct {
		c   *command
		err error
	}
	done := make(chan started, 1)
	go func() {
		c, err := startCommand(l.Client, line)
		done <- started{c, err}
	}()
	var s started
	within, cancel := l.within(ctx)
	defer cancel()
	select {
	case s = <-done:
	case <-within.Done():
		go func() {
			if s := <-done; s.err == nil {
				_ = s.c.Close()
			}
		}()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, io.EOF
	}
	var refused *ssh.OpenChannelError
	if errors.As(s.err, &refused) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if l.open > 1 {
			l.limit, d.commands = l.open-1, true
			return nil, errFull
		}
		return nil, &Error{Problem: "the host refuses to run a command (" + refused.Message + ")", Next: "allow the user commands there, or AllowStreamLocalForwarding in sshd_config"}
	}
	if s.err != nil {
		return nil, s.err
	}
	s.c.release = func() { d.release(l) }
	return s.c, nil
}

// quote makes a path one word of a POSIX shell.
func quote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
