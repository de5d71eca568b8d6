//go:build linux

package execs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// abandonLimit bounds what is done about a command that nobody waits for any more.
const abandonLimit = 5 * time.Second

// Running is a command of the daemon itself that runs in a container.
type Running struct {
	s           *Service
	e           *entry
	id, owner   string
	transferred <-chan struct{} // closed when all its output has been written
}

// errForgotten: the container was removed before its end was known.
var errForgotten = errors.New("the container is gone")

// Run starts a command of the daemon itself in a running container, as the container's user, and returns when it runs.
// To clients it is an exec like others, but only until it has ended. What it writes goes to output, stdout and stderr
// as they come. When ctx ends first, the command is killed should it come to run.
func (s *Service) Run(ctx context.Context, containerID string, command []string, output io.Writer) (*Running, error) {
	id, e, err := s.create(containerID, container.ExecCreateRequest{Cmd: command, AttachStdout: true, AttachStderr: true}, true)
	if err != nil {
		return nil, err
	}
	transferred := make(chan struct{})
	r := &Running{s: s, e: e, id: id, owner: containerID, transferred: transferred}
	begun := make(chan error, 1)
	go func() { begun <- s.begin(context.WithoutCancel(ctx), r, output, transferred) }()
	select {
	case err := <-begun:
		return r, err
	case <-ctx.Done():
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonLimit)
		defer cancel()
		_ = r.Kill(late) // it may not run at all, and ends with its container at the latest
		return nil, fmt.Errorf("exec in container %s: %w", containerID, context.Cause(ctx))
	}
}

// begin asks for the start, and copies the output until its end.
func (s *Service) begin(ctx context.Context, r *Running, output io.Writer, transferred chan<- struct{}) error {
	rec, err := s.claim(ctx, r.id)
	if err != nil {
		return s.drop(rec, err)
	}
	ours, theirs, err := runtime.Pair()
	if err != nil {
		return s.drop(rec, err)
	}
	go func() {
		defer close(transferred)
		_, _ = io.Copy(output, ours) // an error is the end
		_ = ours.Close()
	}()
	// Raw: one stream, in the order it was written.
	if _, _, err := s.run(ctx, rec, container.ExecStartRequest{Tty: true}, theirs, nil); err != nil {
		if u := (*unknown)(nil); errors.As(err, &u) { // the journal, or the next start of the daemon, has to do with it
			return errors.Join(err, theirs.Close())
		}
		_ = theirs.Close()              // nobody reads from it
		return errors.New(message(err)) // the runtime's own words
	}
	return nil
}

// drop forgets one of our own that was not started.
func (s *Service) drop(r record, reason error) error {
	if r.ID == "" {
		return reason
	}
	return errors.Join(reason, s.settle(r, codeNotStarted, false))
}

// Wait returns the exit code when the command has ended, its output is written, and clients have been told.
func (r *Running) Wait(ctx context.Context) (code int, err error) {
	for _, done := range []<-chan struct{}{r.e.over, r.transferred} {
		select {
		case <-done:
		case <-ctx.Done():
			return 0, fmt.Errorf("exec %s: %w", r.id, context.Cause(ctx))
		}
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.e.State != ended {
		return 0, errForgotten
	}
	return r.e.Code, nil
}

// Kill kills the command, and what it has started and not sent off.
func (r *Running) Kill(ctx context.Context) error {
	p, ok := r.s.process(r.owner)
	if !ok {
		return nil // it has gone with its container
	}
	return p.ExecSignal(ctx, r.id, unix.SIGKILL)
}

// endOwn ends what an earlier daemon ran for itself in a container, and nobody waits for.
func (s *Service) endOwn(ctx context.Context, containerID string) {
	s.mu.Lock()
	var own []record
	for _, e := range s.of[containerID] {
		if e.Own && e.State != ended {
			own = append(own, e.record)
		}
	}
	s.mu.Unlock()
	for _, r := range own {
		if p, ok := s.process(containerID); ok && p.ExecSignal(ctx, r.ID, unix.SIGKILL) == nil || r.State == running {
			continue // the journal tells, or is about to tell, of its end
		}
		if err := s.settle(r, codeNotStarted, false); err != nil {
			s.log.Warn("end of an exec is not stored", "exec", r.ID, "container", containerID, "error", err)
		}
	}
}
