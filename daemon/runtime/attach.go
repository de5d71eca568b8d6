//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// AttachOptions say what a session carries.
type AttachOptions struct {
	// Stdin, Stdout and Stderr are the streams. Stdin counts only where the command has an input.
	Stdin, Stdout, Stderr bool
	// Flow makes the command wait for a client that is slow; else what is too much for it (1 MiB) is left out, and a frame
	// on stderr says so. For the foreground client of a container, which must not lose a byte. An exec's session always has it.
	Flow bool
	// Raw sends output without the frames of the API, as before version 1.6. A terminal's output is always raw.
	Raw bool
	// DetachKeys end the session when they come on Stdin; none when empty.
	DetachKeys []byte
}

func (o AttachOptions) bits() string {
	bits := 0
	for _, b := range []struct {
		on  bool
		bit int
	}{{o.Stdin, wire.BitIn}, {o.Stdout, wire.BitOut}, {o.Stderr, wire.BitErr}, {o.Flow, wire.BitFlow}, {o.Raw, wire.BitRaw}} {
		if b.on {
			bits |= b.bit
		}
	}
	return wire.Itoa(int64(bits))
}

// maxFirst is how much input may go along with a request. What an HTTP server has read ahead is less.
const maxFirst = 4 << 10

// Attach hands a client's connection over, and with it buffered, what has been read from it already. The session is the
// monitor's then: it goes on when the daemon dies. Of TCP and unix connections the monitor gets the socket; others (TLS,
// websockets) are copied here, and end with the daemon.
//
// On success the connection belongs to the session, which closes it; done is closed at the end of the session: the client has gone,
// has detached, or the command has ended and all output is sent. On an error the connection is still the caller's.
func (p *Process) Attach(ctx context.Context, conn net.Conn, buffered []byte, o AttachOptions) (done <-chan struct{}, err error) {
	return p.hand(conn, buffered, 0, func(socket int, first []byte, got func([]string)) error {
		_, err := p.ask(ctx, socket, got, wire.VerbAttach, o.bits(), wire.Escape(string(o.DetachKeys)), wire.Escape(string(first)))
		return err
	})
}

// Pair returns the two ends of a connection whose second can be handed over, for whoever is a client itself.
func Pair() (ours, theirs net.Conn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	var conns [2]net.Conn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "session")
		conns[i], err = net.FileConn(file) // a duplicate
		if err = errors.Join(err, file.Close()); err != nil {
			if i > 0 {
				_ = conns[0].Close()
			} else {
				closeFD(fds[1])
			}
			return nil, nil, fmt.Errorf("socketpair: %w", err)
		}
	}
	return conns[0], conns[1], nil
}

// hand gives a connection to the monitor with the request that ask sends. session is the index of the session's number
// among the words of the answer.
func (p *Process) hand(
	conn net.Conn, buffered []byte, session int, ask func(socket int, first []byte, got func([]string)) error,
) (<-chan struct{}, error) {
	var ended <-chan struct{}
	got := func(words []string) {
		if session < len(words) {
			ended = p.beginSession(words[session])
		}
	}
	if raw, ok := rawConn(conn); ok && len(buffered) <= maxFirst {
		var err error
		if controlErr := raw.Control(func(fd uintptr) { err = ask(int(fd), buffered, got) }); err == nil {
			err = controlErr
		}
		if err != nil {
			return nil, err
		}
		if ended == nil {
			return nil, fmt.Errorf("container %s: no session: %w", short(p.id), errs.ErrInternal)
		}
		_ = conn.Close() // our copy
		return ended, nil
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", short(p.id), err)
	}
	ours := os.NewFile(uintptr(pair[0]), "session")
	err = ask(pair[1], nil, got)
	closeFD(pair[1])
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	return pump(conn, buffered, ours), nil
}

// rawConn is the descriptor behind a connection which is nothing but a socket.
func rawConn(conn net.Conn) (syscall.RawConn, bool) {
	var raw syscall.RawConn
	var err error
	switch c := conn.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return nil, false
	}
	return raw, err == nil
}

// pump copies between a connection and the socket the monitor has the other end of. The end of output ends the session,
// the end of input only the input.
func pump(conn net.Conn, buffered []byte, socket *os.File) <-chan struct{} {
	done := make(chan struct{})
	var once sync.Once
	finish := func() {
		once.Do(func() {
			_ = conn.Close()
			_ = socket.Close()
			close(done)
		})
	}
	go func() {
		_, err := socket.Write(buffered)
		if err == nil {
			_, err = io.Copy(socket, conn)
		}
		if raw, rawErr := socket.SyscallConn(); rawErr == nil {
			how := unix.SHUT_WR
			if err != nil { // the client is gone, not only silent
				how = unix.SHUT_RDWR
			}
			_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), how) })
		}
	}()
	go func() {
		if _, err := io.Copy(conn, socket); err != nil { // nobody hears it: what the client said before it left still counts
			_, _ = io.Copy(io.Discard, socket)
		}
		finish()
	}()
	return done
}

// beginSession and endSession run in the order of the monitor's packets.
func (p *Process) beginSession(id string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := make(chan struct{})
	p.sessions[id] = done
	return done
}

func (p *Process) endSession(id string) {
	p.mu.Lock()
	done, ok := p.sessions[id]
	delete(p.sessions, id)
	p.mu.Unlock()
	if ok {
		close(done)
	}
}
