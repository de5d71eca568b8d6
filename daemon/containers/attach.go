//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/logs"
	"github.com/cleat-dev/cleat/daemon/runtime"
)

// AttachOptions are those of "Attach to a container".
type AttachOptions = struct {
	// Logs sends what was written before; Stream goes on with what comes.
	Logs, Stream bool
	// Stdin, Stdout and Stderr choose streams.
	Stdin, Stdout, Stderr bool
	// Raw sends output without frames also when there is no terminal.
	Raw bool
	// DetachKeys end the session and leave the container alone, as "ctrl-p,ctrl-q"; "" is that very default.
	DetachKeys string
}

// session is an attacher that waits for the container to start.
type session struct {
	conn     net.Conn
	buffered []byte
	options  runtime.AttachOptions
	watched  chan struct{} // closed when nobody watches the connection any more
	once     sync.Once
	done     chan struct{} // closed when the session is over or no longer ours
	err      error
}

func (p *session) finish(err error) {
	p.once.Do(func() { p.err = err; close(p.done) })
}

// AttachInfo tells, before a connection is taken over, whether the container can be attached to, and what of the form of
// the stream depends on it: with a terminal it is raw, otherwise framed.
func (s *Service) AttachInfo(ref string, o AttachOptions) (tty bool, err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return false, err
	}
	if _, err := detachKeys(o.DetachKeys); err != nil {
		return false, err
	}
	switch st := c.record().State; {
	case st.Paused:
		return false, conflict("container %s is paused, unpause the container before attach", c.id)
	case st.Restarting:
		return false, conflict("container %s is restarting, wait until the container is running", c.id)
	}
	return c.record().Config.Tty, nil
}

// Attach runs a session on a connection that was taken over; conn is closed when it is over, or handed to the container's
// monitor, with which it outlives this daemon. buffered are bytes of the session that were read already. It returns
// when nothing is left for the caller to do.
//
// A container that does not run is waited for: clients attach before they start, and see the first byte.
func (s *Service) Attach(ctx context.Context, ref string, conn net.Conn, buffered []byte, o AttachOptions) error {
	c, err := s.index.find(ref)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	keys, err := detachKeys(o.DetachKeys)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	if ended := c.note().done; s.followable(c, o) { // before the state: an end in between closes it
		return s.attachLog(ctx, c, conn, o, ended)
	}
	r := c.record()
	if o.Logs && (o.Stdout || o.Stderr) {
		past := logs.Options{Stdout: o.Stdout, Stderr: o.Stderr, Tail: -1}
		if err := logs.Copy(ctx, s.logPath(c.id), past, conn, r.Config.Tty || o.Raw); err != nil {
			return errors.Join(fmt.Errorf("logs of container %s: %w", short(c.id), err), conn.Close())
		}
	}
	if !o.Stream {
		s.tell(c, events.ActionAttach)
		return conn.Close()
	}
	options := runtime.AttachOptions{
		Stdin: o.Stdin && r.Config.OpenStdin, Stdout: o.Stdout, Stderr: o.Stderr, Raw: o.Raw, DetachKeys: keys,
		// Who attaches before the start to a container made for it is its foreground: no byte may be lost.
		Flow: r.Config.AttachStdout && !r.State.Running,
	}
	if !r.Config.Tty {
		options.DetachKeys = nil
	}
	p := &session{conn: conn, buffered: buffered, options: options, done: make(chan struct{}), watched: make(chan struct{})}
	if process := c.enlist(p); process != nil {
		close(p.watched)
		return s.attachTo(ctx, c, process, p)
	}
	go p.watch(c)
	s.tell(c, events.ActionAttach)
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done(): // the daemon stops: whoever starts the container will be another
		c.unlist(p)
		p.stopWatch()
		return errors.Join(fmt.Errorf("attach to container %s: %w", short(c.id), ctx.Err()), conn.Close())
	}
}

// followable reports whether a session is what the log says and goes on to say. Read first and attached to then, what is
// written in between would pass by.
func (s *Service) followable(c *ctr, o AttachOptions) bool {
	r := c.record()
	return o.Logs && o.Stream && (o.Stdout || o.Stderr) && !(o.Stdin && r.Config.OpenStdin) &&
		!r.Config.Tty && r.State.Running && readable(r.Host.LogConfig.Type)
}

// attachLog sends the log from its beginning to the end of the run.
func (s *Service) attachLog(ctx context.Context, c *ctr, conn net.Conn, o AttachOptions, ended <-chan struct{}) error {
	s.tell(c, events.ActionAttach)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if hungUp(conn) {
			cancel()
		}
	}()
	all := logs.Options{Stdout: o.Stdout, Stderr: o.Stderr, Tail: -1, Follow: true, Ended: ended, Watcher: s.watcher}
	err := logs.Copy(ctx, s.logPath(c.id), all, conn, o.Raw)
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	<-watched
	if err != nil {
		err = fmt.Errorf("logs of container %s: %w", short(c.id), err)
	}
	return errors.Join(err, conn.Close())
}

// enlist returns the process of a container that runs, or puts the session on the list for the next start.
func (c *ctr) enlist(p *session) Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil && c.record().State.Running {
		return c.process
	}
	c.pending = append(c.pending, p)
	return nil
}

// unlist takes a session off the list; false when a start has taken it.
func (c *ctr) unlist(p *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.pending {
		if other == p {
			c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
			return true
		}
	}
	return false
}

// takePending empties the list.
func (c *ctr) takePending() []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.pending
	c.pending = nil
	return waiting
}

// attachTo hands the session over and waits for its end, which for a connection the monitor took is now.
func (s *Service) attachTo(ctx context.Context, c *ctr, process Process, p *session) error {
	done, err := process.Attach(ctx, p.conn, p.buffered, p.options)
	if err != nil {
		return errors.Join(fmt.Errorf("attach: %w", err), p.conn.Close())
	}
	s.tell(c, events.ActionAttach) // not before: until the session is handed over, output passes it by
	select {
	case <-done:
	case <-ctx.Done():
	}
	return nil
}

// attachPending hands over those who wait, before the container starts. One that fails has left.
func (s *Service) attachPending(ctx context.Context, c *ctr, process Process) {
	for _, p := range c.takePending() {
		p.stopWatch()
		done, err := process.Attach(ctx, p.conn, p.buffered, p.options)
		if err != nil {
			s.log.Debug("an attached client has left before the start", "container", short(c.id), "error", err)
			p.finish(errors.Join(err, p.conn.Close()))
			continue
		}
		go func() {
			select {
			case <-done:
			case <-s.ending.Done():
			}
			p.finish(nil)
		}()
	}
}

// dropPending ends the sessions of those who wait for a start that will not be.
func (c *ctr) dropPending() {
	for _, p := range c.takePending() {
		p.stopWatch()
		p.finish(p.conn.Close())
	}
}

// watch ends a session whose client leaves before the start. It reads nothing: what the client has sent is for the
// container.
func (p *session) watch(c *ctr) {
	defer close(p.watched)
	if hungUp(p.conn) && c.unlist(p) {
		p.finish(p.conn.Close())
	}
}

// hungUp waits until the other side of a connection has left, or for the end of its read deadline. It reads nothing.
func hungUp(conn net.Conn) bool {
	plain, ok := conn.(syscall.Conn)
	if !ok {
		return false // noticed when it is written to
	}
	raw, err := plain.SyscallConn()
	if err != nil {
		return false
	}
	left := false
	// The callback runs when something happens on the socket; false waits for the next time.
	err = raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd)}} //nolint:gosec // file descriptors are small; POLLHUP and POLLERR need not be asked for
		n, err := unix.Poll(poll, 0)
		left = err == nil && n > 0 && poll[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
		return left
	})
	return left || err != nil && !errors.Is(err, errDeadline)
}

// errDeadline is what ends a watch.
var errDeadline = os.ErrDeadlineExceeded

// stopWatch ends watch, so that the connection can be handed over.
func (p *session) stopWatch() {
	_ = p.conn.SetReadDeadline(time.Unix(1, 0)) // a connection without deadlines has no watch
	<-p.watched
	_ = p.conn.SetReadDeadline(time.Time{})
}

// defaultDetach is ctrl-p, ctrl-q.
var defaultDetach = []byte{16, 17}

// detachKeys reads a sequence: single characters and ctrl-<letter> or ctrl-@[\]^_, separated by commas.
func detachKeys(text string) ([]byte, error) {
	if text == "" {
		return defaultDetach, nil
	}
	var keys []byte
	for _, word := range splitKeys(text) {
		switch {
		case len(word) == 1:
			keys = append(keys, word[0])
		case len(word) == 6 && word[:5] == "ctrl-" && word[5] >= '@' && word[5] <= '_':
			keys = append(keys, word[5]-'@')
		case len(word) == 6 && word[:5] == "ctrl-" && word[5] >= 'a' && word[5] <= 'z':
			keys = append(keys, word[5]-'a'+1)
		default:
			return nil, invalid("Invalid detach keys (%s) provided: unknown character: '%s'", text, word)
		}
	}
	return keys, nil
}

// splitKeys splits at commas; a comma by itself is one of the keys.
func splitKeys(text string) []string {
	var out []string
	start := 0
	for i := 0; i <= len(text); i++ {
		if i == len(text) || (text[i] == ',' && i > start) {
			out = append(out, text[start:i])
			start = i + 1
		}
	}
	return out
}

// Resize sets the size of the terminal.
func (s *Service) Resize(ctx context.Context, ref string, height, width uint) error {
	c, err := s.index.find(ref)
	if err != nil {
		return err
	}
	process := c.proc()
	if r := c.record(); process == nil || !r.State.Running {
		return conflict("Container %s is not running", c.id)
	}
	if height == 0 || width == 0 || !c.record().Config.Tty {
		return nil // clients send it before they know, and engines take it where there is no terminal
	}
	if err := process.Resize(ctx, height, width); err != nil {
		return fmt.Errorf("cannot resize container %s: %w", ref, err)
	}
	s.tell(c, events.ActionResize, "height", fmt.Sprint(height), "width", fmt.Sprint(width))
	return nil
}
