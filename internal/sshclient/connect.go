package sshclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// Error is a host that cannot be reached, in words.
type Error struct {
	// Problem, and Next, what to do about it.
	Problem, Next string
}

func (e *Error) Error() string { return e.Problem + "; " + e.Next }

// connection is one SSH connection to a host and, below it, those to the hosts on the way.
type connection struct {
	*ssh.Client
	below *connection // to the host before, or nil

	life context.Context //nolint:containedctx // ends with the connection, which no call of the library's reliably does
	end  context.CancelFunc
	once sync.Once
}

func (c *connection) close() {
	c.once.Do(func() {
		_ = c.Client.Close()
		if c.below != nil {
			c.below.close()
		}
	})
}

// within returns a context that also ends with the connection: a channel that is asked for in the moment the connection
// breaks is never answered.
func (c *connection) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// connect makes a connection: through its jump host, when there is one.
func (s *Settings) connect(ctx context.Context) (*connection, error) {
	var below *connection
	if s.jump != nil {
		var err error
		below, err = s.jump.connect(ctx)
		var known *Error
		if errors.As(err, &known) {
			return nil, &Error{Problem: "jump host " + s.jump.name + ": " + known.Problem, Next: known.Next}
		}
		if err != nil {
			return nil, err
		}
	}
	c, err := s.handshake(ctx, below)
	if err != nil {
		if below != nil {
			below.close()
		}
		return nil, err
	}
	c.below = below
	c.life, c.end = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		_ = c.Wait()
		c.end()
		c.close()
	}()
	if s.alive > 0 {
		go c.keepAlive(s.alive, s.alive*time.Duration(max(s.aliveCount, 1)))
	}
	return c, nil
}

// dial connects to the host's port, over the connection to the host before.
func (s *Settings) dial(ctx context.Context, below *connection, address string) (net.Conn, error) {
	if below == nil {
		return (&net.Dialer{}).DialContext(ctx, s.network, address)
	}
	ctx, cancel := below.within(ctx)
	defer cancel()
	return below.DialContext(ctx, "tcp", address) //nolint:wrapcheck // judged by the caller
}

// handshake connects to the host's port and authenticates both sides.
func (s *Settings) handshake(ctx context.Context, below *connection) (*connection, error) {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	address := net.JoinHostPort(s.address, s.port)
	conn, err := s.dial(limited, below, address)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	// Neither the handshake nor a channel of a jump host knows of contexts, and to close that takes an answer.
	stop := context.AfterFunc(limited, func() {
		if _ = conn.Close(); below != nil {
			below.close()
		}
	})
	known, err := s.hostKeys()
	if err != nil {
		_ = conn.Close()
		return nil, &Error{Problem: "known hosts: " + err.Error(), Next: "mend or remove that line"}
	}
	keys := s.keys(limited)
	defer keys.close()
	var hostKey error
	config := &ssh.ClientConfig{
		User: s.user, HostKeyAlgorithms: known.algorithms(), ClientVersion: "SSH-2.0-cleat",
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return keys.signers, nil })},
		HostKeyCallback: func(name string, remote net.Addr, key ssh.PublicKey) error {
			hostKey = known.verify(name, remote, key)
			return hostKey
		},
	}
	through, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if !stop() && err == nil { // closed in the moment it was done
		err = limited.Err()
	}
	switch {
	case err == nil:
		return &connection{Client: ssh.NewClient(through, channels, requests)}, nil
	case hostKey != nil:
		err = hostKey
	case limited.Err() != nil:
		err = s.explain(ctx, context.DeadlineExceeded)
	case strings.Contains(err.Error(), "unable to authenticate"):
		err = keys.refused(s)
	default:
		err = s.explain(ctx, err)
	}
	_ = conn.Close()
	return nil, err
}

// explain puts a failure to connect into words. When ctx ended, that is the failure.
func (s *Settings) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	at := net.JoinHostPort(s.address, s.port)
	var dns *net.DNSError
	var timeout net.Error
	var refused *ssh.OpenChannelError
	switch {
	case errors.As(err, &dns):
		return &Error{Problem: "the host name " + dns.Name + " cannot be resolved", Next: "check the name and ~/.ssh/config"}
	case errors.As(err, &refused):
		return &Error{Problem: "it does not let us on to " + at + ": " + refused.Message, Next: "check the address, and AllowTcpForwarding of the jump host"}
	case errors.Is(err, syscall.ECONNREFUSED), strings.Contains(err.Error(), "refused"):
		return &Error{Problem: "nothing listens on " + at, Next: "check host and port, and that sshd runs there"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return &Error{Problem: "there is no route to " + at, Next: "check the address and the network"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Problem: fmt.Sprintf("no answer from %s in %s", at, s.timeout), Next: "check the address, the port and firewalls between"}
	}
	return &Error{Problem: "ssh to " + at + ": " + err.Error(), Next: "try ssh to it by hand; CLEAT_SSH=command leaves all to that command"}
}

// keepAlive asks the other side from time to time, and closes a connection on which no answer came in time: whoever
// waits on it would wait for ever.
func (c *connection) keepAlive(every, limit time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-c.life.Done():
			return
		case <-ticker.C:
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		timer := time.NewTimer(limit)
		select {
		case err := <-answered:
			timer.Stop()
			if err == nil { // also a no is an answer
				continue
			}
		case <-timer.C:
		case <-c.life.Done():
			timer.Stop()
			return
		}
		c.close()
		return
	}
}
