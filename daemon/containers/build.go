//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// Run starts a container and returns when it has ended and all it wrote has been written to stdout and stderr, with its
// exit code: a step of a build. It has no input. When ctx ends it returns at once; the container may go on.
func (s *Service) Run(ctx context.Context, id string, stdout, stderr io.Writer) (code int, err error) {
	c, err := s.index.find(id)
	if err != nil {
		return 0, err
	}
	ours, theirs, err := pair()
	if err != nil {
		return 0, fmt.Errorf("run container %s: %w", short(c.id), err)
	}
	defer ours.Close()
	p := &session{conn: theirs, options: runtime.AttachOptions{Stdout: true, Stderr: true, Flow: true}, done: make(chan struct{}), watched: make(chan struct{})}
	close(p.watched) // nobody else holds the other end
	if c.enlist(p) != nil {
		return 0, errors.Join(conflict("container %s runs already", short(c.id)), theirs.Close())
	}
	copied := make(chan error, 1)
	go func() {
		var err error
		if c.record().Config.Tty {
			_, err = io.Copy(stdout, ours)
		} else {
			_, err = stdcopy.StdCopy(stdout, stderr, ours)
		}
		copied <- err
	}()
	note := c.note()
	if started, err := s.Start(ctx, id, nil); err != nil || !started {
		if c.unlist(p) {
			err = errors.Join(err, theirs.Close())
		}
		if err == nil {
			err = conflict("container %s runs already", short(c.id))
		}
		return 0, err
	}
	select {
	case <-note.done:
	case <-c.gone:
	case <-ctx.Done():
		return 0, fmt.Errorf("run container %s: %w", short(c.id), ctx.Err())
	}
	select {
	case err = <-copied:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("output of container %s: %w", short(c.id), err)
	}
	return note.code, nil
}

// pair returns the two ends of a connection whose second can be handed to a monitor.
func pair() (ours, theirs net.Conn, err error) {
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
				conns[0].Close()
			} else {
				unix.Close(fds[1])
			}
			return nil, nil, fmt.Errorf("socketpair: %w", err)
		}
	}
	return conns[0], conns[1], nil
}

// CreateFor is Create for other services of the daemon.
func (s *Service) CreateFor(ctx context.Context, config *container.Config, host *container.HostConfig) (container.CreateResponse, error) {
	return s.Create(ctx, NewContainer{Config: config, Host: host})
}
