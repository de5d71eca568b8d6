//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// A Process is a container that has a monitor: one that is opened, runs, or waits for its restart. It goes on being the
// same over restarts by the policy, and when another monitor takes over; it ends with the entry that says that nothing
// will run any more.
type Process struct {
	r       *Runtime
	id      string
	journal *journal

	mu       sync.Mutex
	conf     wire.Conf
	link     *link
	monitor  int      // pidfd of the monitor, -1 when unknown
	terminal *os.File // a copy of the terminal's master, for the next monitor
	start    Entry    // of the present run; zero while nothing runs
	command  int      // pidfd of the command, -1 when nothing runs
	asked    bool     // to start, and the outcome is not known
	opened   int64    // the last run before the monitor was started
	exited   int64    // the last run that has ended
	final    bool     // over: the journal says so, or it was discarded
	detached bool     // the runtime is closed
	sessions map[string]chan struct{}
}

// Started is the outcome of a successful start.
type Started struct {
	// Pid is the command's, as the host sees it.
	Pid int
	// At is when it was started.
	At time.Time
}

// Open writes the folders of a container and starts a monitor for it. Nothing runs yet; clients may be attached. It is an
// error of class errs.ErrConflict while an earlier Process of the container goes on, errs.ErrInvalid when the bundle is not
// possible. If neither Start nor Close follows, the monitor ends with the daemon.
func (r *Runtime) Open(ctx context.Context, b Bundle) (*Process, error) {
	conf, err := r.prepare(b)
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", short(b.ID), err)
	}
	path := filepath.Join(r.stateDir(b.ID), wire.JournalFile)
	st, err := readState(path)
	if err != nil {
		return nil, fmt.Errorf("container %s: journal: %w", short(b.ID), err)
	}
	conf.Run = st.run
	j := r.journalOf(b.ID, st.size)
	p := newProcess(r, conf, j)
	if err := r.enter(ctx, p); err != nil {
		return nil, err
	}
	if err := p.spawn(nil, "run"); err != nil {
		p.end()
		return nil, fmt.Errorf("container %s: %w", short(b.ID), err)
	}
	return p, nil
}

func newProcess(r *Runtime, conf wire.Conf, j *journal) *Process {
	return &Process{
		r: r, id: conf.ID, conf: conf, journal: j, monitor: -1, command: -1, sessions: map[string]chan struct{}{},
	}
}

// enter puts a process into the table.
func (r *Runtime) enter(ctx context.Context, p *Process) error {
	if old, ok := r.Process(p.id); ok {
		if err := old.Sync(ctx); err != nil { // it may have ended just now
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("container %s: the runtime is closed: %w", short(p.id), errs.ErrUnavailable)
	}
	if _, ok := r.processes[p.id]; ok {
		return fmt.Errorf("container %s has a monitor already: %w", short(p.id), errs.ErrConflict)
	}
	r.processes[p.id] = p
	p.journal.follow(p)
	return nil
}

// spawn starts a monitor for the process and connects to it.
func (p *Process) spawn(terminal *os.File, mode ...string) error {
	if err := p.r.writeConf(p.conf); err != nil {
		return err
	}
	s, err := p.r.spawn(p.id, terminal, mode...)
	if err != nil {
		return err
	}
	p.r.watch.reap(s.pid, s.pidfd)
	watched, err := unix.FcntlInt(uintptr(s.pidfd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		watched = -1
	}
	_, err = p.connect(s.link, watched)
	return err
}

// connect makes a monitor's socket the process's link. It takes both descriptors over.
func (p *Process) connect(socket, monitor int) (*link, error) {
	var l *link
	l, err := newLink(p.id, socket, &p.r.buffers, p.hear, func() { p.lost(l) })
	if err != nil {
		closeFD(monitor)
		return nil, err
	}
	p.mu.Lock()
	closeFD(p.monitor)
	p.link, p.monitor, p.opened = l, monitor, p.conf.Run
	p.mu.Unlock()
	if !p.r.goOn(l.serve) {
		l.close()
		return nil, fmt.Errorf("the runtime is closed: %w", errs.ErrUnavailable)
	}
	// From the answer on it tells us what happens; what it has written before is looked for then. A monitor that does not
	// live shows anyway.
	return l, l.send(p.r.ctx, -1, func(answer) { p.journal.wake() }, wire.VerbHello)
}

// ID is the container's.
func (p *Process) ID() string { return p.id }

func (p *Process) current() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link
}

// call asks the monitor something.
func (p *Process) call(ctx context.Context, words ...string) ([]string, error) {
	return p.ask(ctx, -1, nil, words...)
}

// ask asks with a descriptor; see [link.callWith].
func (p *Process) ask(ctx context.Context, fd int, got func([]string), words ...string) ([]string, error) {
	p.mu.Lock()
	l, final := p.link, p.final
	p.mu.Unlock()
	switch {
	case words[0] == wire.VerbStart && final:
		return nil, fmt.Errorf("container %s: %w", short(p.id), errLost)
	case l == nil || final:
		return nil, fmt.Errorf("container %s: %w", short(p.id), ErrNotRunning)
	}
	answer, err := l.callWith(ctx, fd, got, words...)
	if errors.Is(err, errLost) && words[0] != wire.VerbStart {
		if syncErr := p.Sync(ctx); syncErr == nil && p.over() {
			return nil, fmt.Errorf("container %s: %w", short(p.id), ErrNotRunning)
		}
	}
	return answer, err
}

// over reports whether the process has ended.
func (p *Process) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.final
}

// hear takes what the monitor says unasked.
func (p *Process) hear(words []string, fd int) {
	switch words[0] {
	case wire.SayBell:
		p.journal.wake()
	case wire.SayTerminal:
		if fd >= 0 {
			p.keepTerminal(os.NewFile(uintptr(fd), "terminal of "+p.id))
			return
		}
	case wire.SayEnd:
		if len(words) > 1 {
			p.endSession(words[1])
		}
	}
	closeFD(fd)
}

func (p *Process) keepTerminal(f *os.File) {
	p.mu.Lock()
	old := p.terminal
	if p.final || p.detached {
		old = f
	} else {
		p.terminal = f
	}
	p.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

// observe follows the journal. Every line comes here before OnEntry, once.
func (p *Process) observe(e Entry) {
	switch e.Kind {
	case wire.Start:
		p.began(e, true)
	case wire.Exit:
		p.mu.Lock()
		p.exited = e.Run
		p.mu.Unlock()
		p.stopped()
		if !e.Restart {
			p.end()
		}
	case wire.Stop, wire.StartFailed:
		p.stopped()
		p.end()
	}
}

// began takes note of a run, which the journal and the answer to Start both tell of: its command gets a pidfd, by which its exit code can be had should the monitor die.
func (p *Process) began(e Entry, isNew bool) {
	fd, err := unix.PidfdOpen(int(e.Pid), 0)
	if err == nil {
		if stat, ok := statOf(e.Pid); !ok || stat.startTime != e.StartTime {
			closeFD(fd) // it has ended, the pid is another's
			fd = -1
		}
	} else {
		fd = -1
	}
	p.mu.Lock()
	if p.detached || e.Run <= p.exited || e == p.start { // known already
		p.mu.Unlock()
		closeFD(fd)
		return
	}
	closeFD(p.command)
	p.start, p.command, p.asked = e, fd, false
	p.conf.Run, p.conf.Count = e.Run, e.Count
	limited, memory, unified := p.conf.Limited, p.conf.Memory, p.conf.Unified
	p.mu.Unlock()
	if limited && memory != "" {
		p.r.watch.oom(p.id, memory, unified, isNew)
	}
}

// stopped takes note of the end of a run.
func (p *Process) stopped() {
	p.r.watch.forgetOOM(p.id)
	p.mu.Lock()
	closeFD(p.command)
	terminal := p.terminal
	p.start, p.command, p.terminal = Entry{}, -1, nil
	p.mu.Unlock()
	if terminal != nil {
		_ = terminal.Close()
	}
}

// end takes the process out of the table. Its link stays while its monitor does: sessions may have output left.
func (p *Process) end() {
	p.mu.Lock()
	p.final = true
	p.mu.Unlock()
	p.r.forget(p)
}

// detach lets go of the monitor, which goes on.
func (p *Process) detach() {
	p.mu.Lock()
	p.detached = true
	l := p.link
	p.mu.Unlock()
	p.stopped()
	if l != nil {
		l.close()
	}
}

// lost is called when a link has ended.
func (p *Process) lost(l *link) {
	p.mu.Lock()
	sessions := p.sessions
	p.sessions = map[string]chan struct{}{}
	gone := p.link != l || p.detached
	p.mu.Unlock()
	for _, done := range sessions {
		close(done)
	}
	if gone {
		return
	}
	if err := p.r.afterLoss(p); err != nil && p.r.ctx.Err() == nil {
		p.r.config.Log.Error("monitor died, container is not taken over", "container", short(p.id), "error", err)
	}
}

// Start starts the command. It returns when it runs; the journal's entry is delivered independently, before or after. A
// command that cannot be started is a [*StartError]; then nothing runs, the journal has a start-failed line, and the process
// has ended. When the monitor dies the error is of class errs.ErrUnavailable; either nothing runs then, or the journal's entry
// comes in a moment. When the context ends first, the start goes on.
func (p *Process) Start(ctx context.Context) (Started, error) {
	p.mu.Lock()
	p.asked = true
	p.mu.Unlock()
	words, err := p.call(ctx, wire.VerbStart)
	if err != nil {
		if !errors.Is(err, errLost) && ctx.Err() == nil {
			p.mu.Lock()
			p.asked = false
			p.mu.Unlock()
		}
		return Started{}, err
	}
	line, _ := wire.Unescape(strings.Join(words, ""))
	e, ok := wire.ParseEntry(line)
	if !ok || e.Kind != wire.Start {
		return Started{}, fmt.Errorf("container %s: start: %w", short(p.id), errs.ErrInternal)
	}
	p.began(e, true)
	return Started{Pid: int(e.Pid), At: time.Unix(0, e.Time)}, nil
}

// Close ends a process that was opened and never started.
func (p *Process) Close() error {
	p.mu.Lock()
	began := p.asked || p.start.Pid != 0
	l := p.link
	if !began {
		p.final = true
	}
	p.mu.Unlock()
	if began {
		return fmt.Errorf("container %s has been started: %w", short(p.id), errs.ErrConflict)
	}
	p.r.forget(p)
	if l != nil {
		l.close() // the monitor ends by itself
	}
	return nil
}

// Sync delivers what the journal has now and returns when that is done, also when another call delivers it. Who is asked
// for the state of something that has just ended uses it: the journal has the end before any client can notice.
func (p *Process) Sync(ctx context.Context) error {
	done := make(chan error, 1)
	if !p.r.goOn(func() { done <- p.journal.deliver() }) {
		return nil
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("container %s: journal: %w", short(p.id), context.Cause(ctx))
	}
}
