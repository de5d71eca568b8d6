package containerexec

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/eventstream"
)

// API is the part of the engine's API it calls.
type API interface {
	ExecCreate(ctx context.Context, container string, options moby.ExecCreateOptions) (moby.ExecCreateResult, error)
	ExecAttach(ctx context.Context, execID string, options moby.ExecAttachOptions) (moby.ExecAttachResult, error)
	ExecInspect(ctx context.Context, execID string, options moby.ExecInspectOptions) (moby.ExecInspectResult, error)
	Events(ctx context.Context, options moby.EventsListOptions) moby.EventsResult
}

// Options are what is run and how.
type Options struct {
	Command    []string
	Env        []string
	User       string
	WorkingDir string
	Privileged bool
	TTY        bool
	// Stdin is written to the command's standard input, which is then closed; nil is none.
	Stdin []byte
	// Timeout ends the command; 0 is none.
	Timeout time.Duration
	// Limit bounds what is kept of each stream: its end.
	Limit int
	// Lines is told every line of both streams as it comes; nil is nobody. It is called by the goroutine that calls [Run].
	Lines func(line string)
}

// Result is how a command ended.
type Result struct {
	ID       string
	ExitCode int
	// Stdout and Stderr are the ends of the streams; a terminal has only the first.
	Stdout, Stderr string
	// Truncated: there was more.
	Truncated bool
}

// Unfinished is the error of a command that did not come to its end: it took too long, or the caller gave up.
type Unfinished struct {
	Cause error
	// Killed: the command has ended since; else it may go on in the container.
	Killed bool
}

func (u *Unfinished) Error() string {
	if u.Killed {
		return u.Cause.Error() + "; it was killed"
	}
	return u.Cause.Error() + "; it could not be killed and may still run in the container"
}

func (u *Unfinished) Unwrap() error { return u.Cause }

// late is the cause of a command that takes too long: a sentence, of the class of what may do better another time.
type late struct{ limit time.Duration }

func (l *late) Error() string { return "did not end within " + l.limit.String() }

func (*late) Unwrap() error { return errs.ErrUnavailable }

const (
	// mark names the variable by which a command is found again.
	mark = "CLEAT_EXEC"
	// killTimeout bounds ending a command: an apply that gives up must come to its end.
	killTimeout = 15 * time.Second
)

// Run runs a command in a running container and waits for its end. The result is filled as far as the command came,
// also with an error.
func Run(ctx context.Context, e API, container string, o Options) (Result, error) {
	var marked string
	if canSetEnv(e) {
		marked = mark + "=" + rand.Text()
		o.Env = append([]string{marked}, o.Env...)
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if o.Timeout > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, o.Timeout, &late{o.Timeout})
	}
	defer cancel()
	r, started, err := run(limited, e, container, o)
	if err == nil || !started || limited.Err() == nil {
		return r, err
	}
	return r, &Unfinished{Cause: context.Cause(limited), Killed: kill(ctx, e, container, r.ID, marked, o)}
}

// canSetEnv reports whether the engine takes an environment for a command.
func canSetEnv(e API) bool {
	v, ok := e.(interface{ ClientVersion() string })
	return !ok || !versions.LessThan(v.ClientVersion(), "1.25")
}

func run(ctx context.Context, e API, container string, o Options) (r Result, started bool, err error) {
	created, err := e.ExecCreate(ctx, container, moby.ExecCreateOptions{
		User: o.User, Privileged: o.Privileged, TTY: o.TTY, AttachStdin: o.Stdin != nil, AttachStdout: true, AttachStderr: true,
		Env: o.Env, WorkingDir: o.WorkingDir, Cmd: o.Command,
	})
	if err != nil {
		return r, false, err
	}
	r.ID = created.ID
	attached, err := e.ExecAttach(ctx, r.ID, moby.ExecAttachOptions{TTY: o.TTY})
	if err != nil {
		return r, ctx.Err() != nil, err // given up while the engine started it: nobody knows
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)() // the only way to end a read of the stream
	stdout, stderr := &tail{limit: o.Limit}, &tail{limit: o.Limit}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feed(attached, o.Stdin)
	}()
	outLines, errLines := &lines{tell: o.Lines}, &lines{tell: o.Lines}
	err = read(io.MultiWriter(stdout, outLines), io.MultiWriter(stderr, errLines), attached.Reader, o.TTY)
	attached.Close()
	<-fed
	outLines.end()
	errLines.end()
	r.Stdout, r.Stderr, r.Truncated = stdout.String(), stderr.String(), stdout.dropped || stderr.dropped
	if ctx.Err() != nil {
		return r, true, context.Cause(ctx)
	}
	if err != nil {
		return r, true, fmt.Errorf("reading its output: %w", err)
	}
	r.ExitCode, err = wait(ctx, e, container, r.ID)
	return r, true, err
}

// feed writes the standard input and closes it. A command that does not read it has ended, which is for it to say.
func feed(attached moby.ExecAttachResult, stdin []byte) {
	if stdin == nil {
		return
	}
	_, _ = attached.Conn.Write(stdin)
	_ = attached.CloseWrite()
}

func read(stdout, stderr io.Writer, from io.Reader, tty bool) error {
	var err error
	if tty {
		_, err = io.Copy(stdout, from)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, from)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) { // some engines cut the last frame of a command that was killed
		return nil
	}
	return err
}

// wait returns the exit code. The streams may end a moment before the engine knows of the end, or long before it, when
// the command closed them.
func wait(ctx context.Context, e API, container, id string) (int, error) {
	found, err := e.ExecInspect(ctx, id, moby.ExecInspectOptions{})
	if err != nil || !found.Running {
		return found.ExitCode, err
	}
	listening, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := eventstream.Listen(listening, e, moby.Filters{}.Add("type", string(events.ContainerEventType)).Add("container", container))
	for {
		found, err := e.ExecInspect(ctx, id, moby.ExecInspectOptions{})
		if err != nil || !found.Running {
			return found.ExitCode, err
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// killMarked kills every process whose environment has the mark, until a look at all of them finds none.
const killMarked = `for round in 1 2 3 4 5; do
  found=
  for d in /proc/[0-9]*; do
    if grep -q "$1" "$d/environ" 2>/dev/null; then kill -KILL "${d#/proc/}" 2>/dev/null && found=yes; fi
  done
  [ -n "$found" ] || exit 0
done
exit 1`

// kill ends a command and what it started, as the user it runs as, and reports whether it has ended.
func kill(ctx context.Context, e API, container, id, marked string, o Options) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	if marked != "" {
		_, _, _ = run(ctx, e, container, Options{Command: []string{"sh", "-c", killMarked, "kill", marked}, User: o.User, Privileged: o.Privileged, Limit: 1})
	} else if found, err := e.ExecInspect(ctx, id, moby.ExecInspectOptions{}); err != nil || found.Running {
		return false
	}
	_, err := wait(ctx, e, container, id)
	return err == nil
}

// tail keeps the last bytes written to it.
type tail struct {
	limit   int
	kept    []byte
	dropped bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - t.limit; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
		t.dropped = true
	}
	return len(p), nil
}

// String is what was kept as text: bytes that are none are replaced, a character cut in two among them.
func (t *tail) String() string { return strings.ToValidUTF8(string(t.kept), "\uFFFD") }
