package client

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/docker/cli/cli/connhelper"
)

// sshVerdict bounds how long a failed write waits for the reading side to say why ssh ended.
const sshVerdict = 2 * time.Second

// dialSSH returns how to connect through the ssh command.
func dialSSH(ep *endpoint) (dialFunc, error) {
	helper, err := connhelper.GetConnectionHelperWithSSHOpts(ep.host, ep.ssh)
	if err != nil {
		return nil, invalid(attributeOf(ep.origin), "%q: %w", ep.host, err)
	}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := helper.Dialer(ctx, "", "")
		if err != nil {
			return nil, err
		}
		return &sshConn{Conn: conn, ended: make(chan struct{})}, nil
	}, nil
}

// sshConn is a connection to the standard streams of an ssh command. When that command ends early, only the side that
// reads learns its last words; a write that runs into the closed pipe at the same moment reports those instead of the
// pipe's state.
type sshConn struct {
	net.Conn
	once  sync.Once
	ended chan struct{} // closed once cause is set
	cause error
}

func (c *sshConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.once.Do(func() { c.cause = err; close(c.ended) })
	}
	return n, err
}

func (c *sshConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EPIPE) {
		select {
		case <-c.ended:
			err = c.cause
		case <-time.After(sshVerdict):
		}
	}
	return n, err
}

// CloseWrite keeps the half-close of hijacked streams.
func (c *sshConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// CloseRead keeps the half-close of hijacked streams.
func (c *sshConn) CloseRead() error {
	if half, ok := c.Conn.(interface{ CloseRead() error }); ok {
		return half.CloseRead()
	}
	return nil
}
