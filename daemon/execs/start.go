//go:build linux

package execs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// resizeWait is how long a resize waits for the exec to be started: clients send both at once.
const resizeWait = 10 * time.Second

// tellTime is how long a client may take to read why its command does not run.
const tellTime = 5 * time.Second

// Start starts an exec. Unless it is detached, take is called when nothing stands against it, to get the client's
// connection and the bytes already read from it; tty tells whether the stream is a terminal's. The connection belongs
// to the session then, and Start returns when that is over, or goes on without this daemon.
//
// Errors before take: errs.ErrNotFound for the exec or its container, errs.ErrConflict when it has been started before
// or the container does not run. After it a reason why the command cannot run is written to the client, as dockerd
// does, the exec has exit code 126 or 127, and Start returns nil. Detached, the reason is returned.
//
// o.Tty asks for output without frames, as that of a terminal always is; whether there is a terminal was said at the
// creation. o.ConsoleSize goes before that of the creation.
func (s *Service) Start(ctx context.Context, id string, o container.ExecStartRequest, take func(tty bool) (net.Conn, []byte, error)) error {
	r, err := s.claim(ctx, id)
	if err != nil {
		return err
	}
	if o.Detach {
		_, _, err := s.run(ctx, r, o, nil, nil)
		return err
	}
	conn, buffered, err := take(r.Request.Tty)
	if err != nil {
		s.unclaim(id)
		return err
	}
	_, done, err := s.run(ctx, r, o, conn, buffered)
	if err != nil {
		if u := (*unknown)(nil); errors.As(err, &u) {
			return errors.Join(err, conn.Close())
		}
		tell(conn, r.Request.Tty || o.Tty, err)
		return conn.Close() //nolint:wrapcheck // nobody is left to read it
	}
	select {
	case <-done:
	case <-ctx.Done(): // the daemon stops; what the monitor has goes on
	}
	return nil
}

// claim makes an exec this call's to start.
func (s *Service) claim(ctx context.Context, id string) (record, error) {
	r, err := s.get(id)
	if err != nil {
		return r, err
	}
	if _, err := s.runs(r.ContainerID); err != nil {
		return r, err
	}
	if r.State == running || r.State == starting { // or it has ended, and the journal has yet to say so: the client is told which
		if err := s.catchUp(ctx, &r); err != nil {
			return r, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all[id]
	switch {
	case e == nil:
		return r, noExec(id)
	case e.State == ended:
		return r, conflict("Exec command %s has already run", id)
	case e.State != created:
		return r, conflict("Exec command %s is already running", id)
	}
	e.State = starting
	return e.record, nil
}

// unclaim gives an exec back that nobody has asked the monitor to start.
func (s *Service) unclaim(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[id]; e != nil && e.State == starting {
		e.State = created
	}
}

// run asks the container's monitor to start the command.
func (s *Service) run(ctx context.Context, r record, o container.ExecStartRequest, conn net.Conn, buffered []byte) (pid int, done <-chan struct{}, err error) {
	pid, done, err = s.ask(ctx, r, o, conn, buffered)
	if err == nil {
		now := r
		now.State, now.Pid = running, pid
		s.set(now) // the journal's entry stores it
		return pid, done, nil
	}
	var failed *runtime.StartError
	isFailed := errors.As(err, &failed)
	if !isFailed && (ctx.Err() != nil || errs.Class(err) == errs.ErrUnavailable || errs.Class(err) == errs.ErrInternal) {
		return 0, nil, &unknown{fmt.Errorf("exec %s: %w", r.ID, err)}
	}
	code := codeNotStarted
	if isFailed {
		code = failed.Code
	}
	return 0, nil, errors.Join(err, s.settle(r, code, false))
}

// unknown is an error after which the command may run or not: the answer did not come. The journal will say it, and the
// client's connection may be the monitor's already.
type unknown struct{ error }

// Unwrap is the reason.
func (u *unknown) Unwrap() error { return u.error }

func (s *Service) ask(ctx context.Context, r record, o container.ExecStartRequest, conn net.Conn, buffered []byte) (int, <-chan struct{}, error) {
	q := r.Request
	var size [2]uint
	for _, said := range []*[2]uint{q.ConsoleSize, o.ConsoleSize} {
		if said != nil {
			size = *said
		}
	}
	process, err := s.containers.ExecProcess(ctx, r.ContainerID, spec.Exec{
		Args: q.Cmd, Env: q.Env, User: q.User, WorkingDir: q.WorkingDir, Tty: q.Tty, Privileged: q.Privileged, ConsoleSize: size,
	})
	if err != nil {
		return 0, nil, err
	}
	p, ok := s.process(r.ContainerID)
	if !ok {
		return 0, nil, conflict("Container %s is not running", r.ContainerID)
	}
	attach := runtime.AttachOptions{Stdin: q.AttachStdin, Stdout: q.AttachStdout, Stderr: q.AttachStderr, Flow: true, Raw: o.Tty}
	if q.Tty {
		if attach.DetachKeys, err = detachKeys(q.DetachKeys); err != nil {
			return 0, nil, err
		}
	}
	e := runtime.ExecSpec{ID: r.ID, Process: process, TTY: q.Tty, Stdin: q.AttachStdin && conn != nil}
	return p.Exec(ctx, e, conn, buffered, attach)
}

// tell writes the reason of a failed start to a client that expects a stream.
func tell(conn net.Conn, raw bool, reason error) {
	text := []byte(message(reason) + "\r\n")
	if !raw {
		text = append(stream.AppendHeader(nil, stream.Stdout, uint32(len(text))), text...)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(tellTime))
	_, _ = conn.Write(text) // a client that is gone need not know
}

// message is what a client is told: the runtime's words when it has any.
func message(err error) string {
	var failed *runtime.StartError
	if errors.As(err, &failed) {
		return failed.Message
	}
	return err.Error()
}

// Resize sets the size of an exec's terminal, in characters. It waits some seconds for an exec that is just being
// started. Errors: errs.ErrNotFound, errs.ErrConflict when it does not run. Without a terminal nothing
// happens.
func (s *Service) Resize(ctx context.Context, id string, height, width uint) error {
	s.mu.Lock()
	e := s.all[id]
	s.mu.Unlock()
	if e == nil {
		return noExec(id)
	}
	timer := time.NewTimer(resizeWait)
	defer timer.Stop()
	select {
	case <-e.begun:
	case <-timer.C:
		return fmt.Errorf("exec %s has not been started: %w", id, errs.ErrConflict)
	case <-ctx.Done():
		return fmt.Errorf("resize exec %s: %w", id, ctx.Err())
	}
	r, err := s.get(id)
	if err != nil {
		return err
	}
	p, ok := s.process(r.ContainerID)
	switch {
	case r.State != running || !ok:
		return fmt.Errorf("exec %s is not running: %w", id, errs.ErrConflict)
	case !r.Request.Tty:
		return nil // as engines take it
	}
	return p.ExecResize(ctx, id, height, width)
}
