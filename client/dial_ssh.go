package client

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/cli/cli/connhelper/ssh"

	"github.com/cleat-dev/cleat/internal/sshclient"
)

// sshVerdict bounds how long a failed write waits for the reading side to say why ssh ended.
const sshVerdict = 2 * time.Second

// envSSH leaves ssh:// hosts to the ssh command when it is "command".
const envSSH = "CLEAT_SSH"

// dialSSH returns how to connect to an ssh:// host, and what releases the connection: within this process, or through
// the ssh command where its configuration asks for what only that does.
func dialSSH(ep *endpoint) (dialFunc, func(), error) {
	to, err := ssh.ParseURL(ep.host)
	if err != nil {
		return nil, nil, invalid(attributeOf(ep.origin), "%q: %w", ep.host, err)
	}
	switch how := os.Getenv(envSSH); how {
	case "command":
		return dialCommand(ep, nil)
	case "":
	default:
		return nil, nil, invalid(envSSH, "found %q, want \"command\" or nothing", how)
	}
	target := sshclient.Target{User: to.User, Host: to.Host, Port: to.Port}
	settings, err := sshclient.Read(sshclient.Surroundings(), target, ep.ssh)
	var only *sshclient.NotUnderstood
	if errors.As(err, &only) {
		return dialCommand(ep, only)
	}
	if err != nil {
		return nil, nil, invalid("ssh_opts", "%w", err)
	}
	d := sshclient.NewDialer(settings, strings.TrimSuffix(to.Path, "/"))
	return d.Dial, d.Close, nil
}

// dialCommand returns how to connect through the ssh command. why is what it is needed for.
func dialCommand(ep *endpoint, why *sshclient.NotUnderstood) (dialFunc, func(), error) {
	helper, err := connhelper.GetConnectionHelperWithSSHOpts(ep.host, ep.ssh)
	if err != nil {
		return nil, nil, invalid(attributeOf(ep.origin), "%q: %w", ep.host, err)
	}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := helper.Dialer(ctx, "", "")
		if errors.Is(err, exec.ErrNotFound) && why != nil {
			return nil, &sshclient.Error{
				Problem: "there is no ssh command on this machine, which is needed for " + why.What + " (" + why.Where + ")",
				Next:    "install an OpenSSH client, or do without that option",
			}
		}
		if err != nil {
			return nil, err
		}
		return &sshConn{Conn: conn, ended: make(chan struct{})}, nil
	}, func() {}, nil
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
