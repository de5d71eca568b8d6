//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// Run starts a container and returns when it has ended and all it wrote has been written to stdout and stderr, with its
// exit code: a step of a build. It has no input. When ctx ends it returns at once; the container may go on.
func (s *Service) Run(ctx context.Context, id string, stdout, stderr io.Writer) (code int, err error) {
	c, err := s.index.find(id)
	if err != nil {
		return 0, err
	}
	ours, theirs, err := runtime.Pair()
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

// CreateFor is Create for other services of the daemon.
func (s *Service) CreateFor(ctx context.Context, config *container.Config, host *container.HostConfig) (container.CreateResponse, error) {
	return s.Create(ctx, NewContainer{Config: config, Host: host})
}
