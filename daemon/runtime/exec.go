//go:build linux

package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// ExecSpec is another command in a running container.
type ExecSpec struct {
	// ID is the exec's, unique in the container.
	ID string
	// Process is the command, user, capabilities and limits.
	Process *specs.Process
	// TTY gives it a terminal, Stdin an input, which ends when the client's does.
	TTY, Stdin bool
}

// Exec starts a command. With a connection its output goes there, and done is closed at the end of the session (see
// [Process.Attach]); without (nil), output is dropped and done is nil. The journal has an exec-start line then, and an
// exec-exit line with the code before the client's connection ends. A command that cannot be started is a [*StartError],
// a container that does not run [ErrNotRunning]; the connection is the caller's then.
func (p *Process) Exec(
	ctx context.Context, e ExecSpec, conn net.Conn, buffered []byte, o AttachOptions,
) (pid int, done <-chan struct{}, err error) {
	if err := checkID(e.ID); err != nil {
		return 0, nil, err
	}
	if e.Process == nil {
		return 0, nil, fmt.Errorf("exec %s without a process: %w", short(e.ID), errs.ErrInvalid)
	}
	process := *e.Process
	process.Terminal = e.TTY
	content, err := json.Marshal(&process)
	if err != nil {
		return 0, nil, fmt.Errorf("exec %s: %w", short(e.ID), err)
	}
	// By file: an environment may be longer than a packet. The creator removes it.
	file := filepath.Join(p.r.runDir(p.id), "exec-"+e.ID+".json")
	if err := replaceFile(file, content); err != nil {
		return 0, nil, fmt.Errorf("exec %s: %w", short(e.ID), err)
	}
	tty := "0"
	if e.TTY {
		tty = "1"
	}
	o.Stdin = o.Stdin && e.Stdin
	ask := func(socket int, first []byte, got func([]string)) error {
		words, err := p.ask(ctx, socket, got, wire.VerbExec, wire.Escape(e.ID), wire.Escape(file), tty, o.bits(),
			wire.Escape(string(o.DetachKeys)), wire.Escape(string(first)))
		if err == nil && len(words) > 0 {
			pid = int(wire.Atoi(words[0]))
		}
		return err
	}
	if conn == nil {
		err = ask(-1, nil, nil)
	} else {
		done, err = p.hand(conn, buffered, 1, ask)
	}
	if err != nil {
		_ = unix.Unlink(file) // whoever refused has not read it, or has removed it
		return 0, nil, err
	}
	return pid, done, nil
}

// ExecSignal sends a signal to an exec's command.
func (p *Process) ExecSignal(ctx context.Context, id string, signal unix.Signal) error {
	_, err := p.call(ctx, wire.VerbExecSignal, wire.Escape(id), wire.Itoa(int64(signal)))
	return err
}

// ExecResize sets the size of an exec's terminal, in characters.
func (p *Process) ExecResize(ctx context.Context, id string, h, w uint) error {
	return p.resize(ctx, h, w, wire.Escape(id))
}
