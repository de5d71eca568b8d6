package sshclient

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxWords bounds what is kept of a command's last words.
const maxWords = 8 << 10

// channel is a connection to a socket. Channels have no deadlines; those who want one close it.
type channel struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *channel) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	if errors.Is(err, io.EOF) { // the other side was first
		return nil
	}
	return err //nolint:wrapcheck // a net.Conn's own
}

// CloseWrite ends what is sent; the answer still comes.
func (c *channel) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() //nolint:wrapcheck // a net.Conn's own
	}
	return errors.ErrUnsupported
}

func (c *channel) SetDeadline(time.Time) error      { return nil }
func (c *channel) SetReadDeadline(time.Time) error  { return nil }
func (c *channel) SetWriteDeadline(time.Time) error { return nil }

// command is a connection to the standard streams of a command.
type command struct {
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
	words   *words
	direct  *ssh.OpenChannelError // why it is no channel to the socket

	// answered is called at the first answer, release at the end.
	answered, release func()

	first, once, ended sync.Once
	why                error
}

// words are the last ones of a command.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p[:min(len(p), maxWords-w.text.Len())])
	return len(p), nil
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(w.text.String())
}

func startCommand(client *ssh.Client, line string) (*command, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, err //nolint:wrapcheck // judged by the caller
	}
	c := &command{session: session, words: &words{}, answered: func() {}, release: func() {}}
	session.Stderr = c.words
	if c.in, err = session.StdinPipe(); err == nil {
		if c.out, err = session.StdoutPipe(); err == nil {
			err = session.Start(line)
		}
	}
	if err != nil {
		_ = session.Close()
		return nil, err //nolint:wrapcheck // judged by the caller
	}
	return c, nil
}

func (c *command) Read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if err == nil || n > 0 {
		c.first.Do(c.answered)
		return n, nil
	}
	return 0, c.end()
}

// end is why there is nothing more to read.
func (c *command) end() error {
	c.ended.Do(func() {
		c.why = io.EOF
		if err := c.session.Wait(); err != nil && c.words.String() != "" {
			c.why = &CommandError{Words: c.words.String(), Direct: c.direct}
		}
	})
	return c.why
}

// Write reports why the command ended rather than that its input is closed.
func (c *command) Write(p []byte) (int, error) {
	n, err := c.in.Write(p)
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		if why := c.end(); !errors.Is(why, io.EOF) {
			err = why
		}
	}
	return n, err //nolint:wrapcheck // a net.Conn's own
}

func (c *command) Close() error {
	err := c.session.Close()
	c.once.Do(c.release)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err //nolint:wrapcheck // a net.Conn's own
}

func (c *command) CloseWrite() error { return c.in.Close() } //nolint:wrapcheck // a net.Conn's own

func (c *command) LocalAddr() net.Addr  { return address{} }
func (c *command) RemoteAddr() net.Addr { return address{} }

func (c *command) SetDeadline(time.Time) error      { return nil }
func (c *command) SetReadDeadline(time.Time) error  { return nil }
func (c *command) SetWriteDeadline(time.Time) error { return nil }

type address struct{}

func (address) Network() string { return "ssh" }
func (address) String() string  { return "docker system dial-stdio" }

// CommandError is a docker command on the host that ended with an error.
type CommandError struct {
	// Words are what it said.
	Words string
	// Direct is why the socket was not connected to without it.
	Direct *ssh.OpenChannelError
}

func (e *CommandError) Error() string { return e.Words }
