//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// errLost is what requests end with when the monitor goes.
var errLost = fmt.Errorf("its monitor is gone: %w", errs.ErrUnavailable)

// A link is a control connection to a monitor.
type link struct {
	id   string
	file *os.File // in the runtime's poller: no thread and no buffer waits
	raw  syscall.RawConn
	pool *sync.Pool                   // of *[wire.MaxPacket]byte
	said func(words []string, fd int) // what came unasked; fd is the receiver's, -1 when there is none
	lost func()                       // called once, after the last packet
	over chan struct{}                // closed when lost has returned

	mu      sync.Mutex
	next    int64
	waiting map[int64]func(answer) // called in the order of the packets
	closed  bool
}

// An answer is a reply's words, or why there is none.
type answer struct {
	words []string
	err   error
}

// newLink takes over a connected SOCK_SEQPACKET socket that does not block.
func newLink(id string, fd int, pool *sync.Pool, said func([]string, int), lost func()) (*link, error) {
	file := os.NewFile(uintptr(fd), "monitor of "+id)
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &link{id: id, file: file, raw: raw, pool: pool, said: said, lost: lost, waiting: map[int64]func(answer){}, over: make(chan struct{})}, nil
}

// dial connects to the socket of a monitor. A refusal, or no such file, means that there is no monitor.
func dial(ctx context.Context, dir string) (int, error) {
	folder, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(folder)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// A monitor's backlog may be full for a moment; the kernel waits, and this bounds it.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 5})
	// Through the folder's descriptor: its path may be longer than a socket address.
	address := &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", folder, wire.Socket)}
	for {
		if err = unix.Connect(fd, address); err != unix.EINTR || ctx.Err() != nil {
			break
		}
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// serve reads packets until the connection ends.
func (l *link) serve() {
	defer close(l.over)
	defer l.lost()
	for {
		text, fd, err := l.receive()
		if err != nil {
			l.fail()
			return
		}
		words := wire.Words(text)
		if len(words) < 2 {
			closeFD(fd)
			continue
		}
		if words[0] == "0" {
			l.said(words[1:], fd)
			continue
		}
		closeFD(fd)
		l.mu.Lock()
		number := wire.Atoi(words[0])
		done := l.waiting[number]
		delete(l.waiting, number)
		l.mu.Unlock()
		if done != nil {
			done(l.answer(words[1:]))
		}
	}
}

func (l *link) answer(words []string) answer {
	switch {
	case words[0] == "ok":
		return answer{words: words[1:]}
	case words[0] == "err" && len(words) == 3:
		return answer{err: refusal(short(l.id), words[1], words[2])}
	default:
		return answer{err: fmt.Errorf("container %s: its monitor answers %q: %w", short(l.id), strings.Join(words, " "), errs.ErrInternal)}
	}
}

// receive takes one packet. It holds a buffer only while there is something to read.
func (l *link) receive() (text string, fd int, err error) {
	fd = -1
	readErr := l.raw.Read(func(socket uintptr) bool {
		data := l.pool.Get().(*[wire.MaxPacket]byte) //nolint:forcetypeassert // its New makes nothing else
		defer l.pool.Put(data)
		var control [64]byte
		n, k, _, _, e := unix.Recvmsg(int(socket), data[:], control[:], unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if e == unix.EAGAIN || e == unix.EINTR {
			return false
		}
		if err = e; err != nil {
			return true
		}
		if n == 0 && k == 0 {
			err = errLost
			return true
		}
		text = string(data[:n])
		fd = firstDescriptor(control[:k])
		return true
	})
	return text, fd, errors.Join(readErr, err)
}

// firstDescriptor takes the first descriptor out of a control message and closes any other.
func firstDescriptor(control []byte) int {
	first := -1
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return -1
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if first < 0 {
				first = fd
			} else {
				closeFD(fd)
			}
		}
	}
	return first
}

func closeFD(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}

// send sends a request; done is called with the answer, in order with what is said unasked. fd goes along when it is not -1.
func (l *link) send(ctx context.Context, fd int, done func(answer), words ...string) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fmt.Errorf("container %s: %w", short(l.id), errLost)
	}
	l.next++
	number := l.next
	l.waiting[number] = done
	l.mu.Unlock()
	text := wire.Itoa(number) + " " + strings.Join(words, " ")
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	var err error
	writeErr := l.raw.Write(func(socket uintptr) bool {
		err = unix.Sendmsg(int(socket), []byte(text), rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return err != unix.EAGAIN && err != unix.EINTR || ctx.Err() != nil
	})
	if err = errors.Join(writeErr, err); err != nil {
		l.mu.Lock()
		delete(l.waiting, number)
		l.mu.Unlock()
		return fmt.Errorf("container %s: %w: %w", short(l.id), errLost, err)
	}
	return nil
}

// callWith sends a request with a descriptor. got, if not nil, sees a good answer before anything that comes after it.
func (l *link) callWith(ctx context.Context, fd int, got func(words []string), words ...string) ([]string, error) {
	reply := make(chan answer, 1)
	err := l.send(ctx, fd, func(a answer) {
		if a.err == nil && got != nil {
			got(a.words)
		}
		reply <- a
	}, words...)
	if err != nil {
		return nil, err
	}
	select {
	case a := <-reply:
		return a.words, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("container %s: %s: %w", short(l.id), words[0], context.Cause(ctx))
	}
}

// fail ends all requests.
func (l *link) fail() {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting, l.closed = map[int64]func(answer){}, true
	l.mu.Unlock()
	for _, done := range waiting {
		done(answer{err: fmt.Errorf("container %s: %w", short(l.id), errLost)})
	}
	_ = l.file.Close()
}

// close ends the connection from this side.
func (l *link) close() { _ = l.file.Close() }
