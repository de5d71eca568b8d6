//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

const (
	// adoptAtOnce is how many containers are looked at at the same time.
	adoptAtOnce = 32
	// lossWait bounds how long the death of a monitor whose connection ended is waited for.
	lossWait = 5 * time.Second
	// lockWait and lockAttempts bound how long the lock of a journal is waited for, whose owner does not answer.
	lockWait     = 250 * time.Millisecond
	lockAttempts = 20
)

// Adopt finds every container of the state root again, at the start of the daemon and once. offsets are those OnEntry was
// last given; a container without one is read from the beginning of its journal. Before it returns, OnEntry has had every line
// there is. The processes are those of containers that run or are being restarted. Where a monitor is dead, what it left
// is settled: a command that lives gets a new monitor; one that died gets its exit line, with the true code where the kernel
// still has it and 255 where not; after a reboot that is all, and starting is the caller's business; else the restart
// policy is carried out.
//
// A container that cannot be taken over is in the error, and does not keep the others from it.
func (r *Runtime) Adopt(ctx context.Context, offsets map[string]int64) (map[string]*Process, error) {
	dirs, err := os.ReadDir(r.config.StateRoot)
	if err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	var mu sync.Mutex
	var problems []error
	found := map[string]*Process{}
	var group errgroup.Group
	group.SetLimit(adoptAtOnce)
	for _, dir := range dirs {
		if !dir.IsDir() {
			continue
		}
		id := dir.Name()
		group.Go(func() error {
			p, err := r.adopt(ctx, id, offsets[id])
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, fmt.Errorf("container %s: %w", short(id), err))
			}
			if p != nil {
				found[id] = p
			}
			return nil
		})
	}
	_ = group.Wait() // errors are collected
	return found, errors.Join(problems...)
}

// adopt finds one container again; nil when nothing of it runs.
func (r *Runtime) adopt(ctx context.Context, id string, offset int64) (*Process, error) {
	conf, err := r.readConf(id)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // half made: nothing ran, the garbage collection removes it
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(r.stateDir(id), wire.JournalFile)
	j := r.journalOf(id, checkOffset(path, offset))
	p := newProcess(r, conf, j)
	st, err := readState(path)
	if err != nil {
		return nil, err
	}
	if st.running() {
		p.began(st.start, false)
	}
	if err := r.enter(ctx, p); err != nil {
		return nil, err
	}
	if err := p.rejoin(ctx, st); err != nil {
		p.stopped()
		p.end()
		return nil, errors.Join(err, j.deliver())
	}
	if err := j.deliver(); err != nil {
		j.wake() // again, later
		return p.unlessFinal(), err
	}
	return p.unlessFinal(), nil
}

func (p *Process) unlessFinal() *Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.final {
		return nil
	}
	return p
}

// rejoin connects to the container's monitor, or does what is to be done when it has none.
func (p *Process) rejoin(ctx context.Context, st journalState) error {
	socket, err := dial(ctx, p.r.runDir(p.id))
	if err == nil {
		return p.rejoined(ctx, socket)
	}
	if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("connect to its monitor: %w", err)
	}
	if !st.running() && !st.restarting() {
		p.end()
		return nil
	}
	return p.takeOver(ctx)
}

// rejoined uses the connection to a living monitor. One that was never asked to start ends by itself.
func (p *Process) rejoined(ctx context.Context, socket int) error {
	monitor := -1
	if peer, err := unix.GetsockoptUcred(socket, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
		if fd, err := unix.PidfdOpen(int(peer.Pid), 0); err == nil {
			monitor = fd
		}
	}
	l, err := p.connect(socket, monitor)
	var words []string
	if err == nil {
		words, err = p.call(ctx, wire.VerbHello)
	}
	switch {
	case errors.Is(err, errLost): // it ended just now; lost settles the rest, and who asks next is to see that
		select {
		case <-l.over:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	case errors.Is(err, ErrNotRunning): // settled already
		return nil
	case err != nil:
		return err
	}
	if len(words) > 1 && words[1] == "created" {
		return p.Close()
	}
	return nil
}

// afterLoss is called when the connection to a monitor has ended. Usually the container has ended, too.
func (r *Runtime) afterLoss(p *Process) error {
	p.mu.Lock()
	monitor, final := p.monitor, p.final
	p.monitor = -1
	p.mu.Unlock()
	dead := waitPidfd(monitor, lossWait)
	closeFD(monitor)
	if final {
		return nil
	}
	if !dead {
		if socket, err := dial(r.ctx, r.runDir(p.id)); err == nil {
			return p.rejoined(r.ctx, socket)
		}
	}
	return p.takeOver(r.ctx)
}

// waitPidfd waits for the death of a process; true also when it is not known.
func waitPidfd(fd int, limit time.Duration) bool {
	if fd < 0 {
		return true
	}
	deadline := time.Now().Add(limit)
	for {
		left := time.Until(deadline)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(max(left, 0).Milliseconds())) //nolint:gosec // small
		if n > 0 {
			return true
		}
		if err != unix.EINTR || left <= 0 {
			return false
		}
	}
}

// takeOver settles a container whose monitor is dead. The journal's lock, which only a monitor holds, makes sure of that.
func (p *Process) takeOver(ctx context.Context) error {
	owned, err := os.OpenFile(p.journal.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrNotExist) { // the container has been removed
		p.end()
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = owned.Close() }()
	for attempt := 1; !lockWithin(ctx, owned, lockWait); attempt++ {
		if socket, err := dial(ctx, p.r.runDir(p.id)); err == nil {
			return p.rejoined(ctx, socket) // it was just beginning
		}
		if ctx.Err() != nil || attempt == lockAttempts {
			return fmt.Errorf("the journal has an owner that does not answer: %w", errs.ErrUnavailable)
		}
	}
	st, err := readState(p.journal.path)
	if err != nil {
		return err
	}
	lines, next := p.settle(ctx, st)
	if err := appendLines(owned, st.size, lines); err != nil {
		return err
	}
	p.mu.Lock()
	terminal := p.terminal
	if next == nextAdopt {
		p.terminal = nil // the new monitor sends it back
	}
	if next == nextRun {
		p.conf.Run, p.conf.Count = st.run, st.start.Count+1
	}
	p.mu.Unlock()
	_ = owned.Close() // the new monitor waits for the lock
	switch next {
	case nextAdopt:
		err = p.spawn(terminal, "adopt", trimLine(st.start))
		if terminal != nil {
			_ = terminal.Close()
		}
	case nextRun:
		if err = p.spawn(nil, "run"); err == nil {
			err = p.current().send(p.r.ctx, -1, func(answer) {}, wire.VerbStart)
		}
	case nextNothing:
	}
	p.journal.wake()
	if errors.Is(err, errLost) { // the command ended just now, and the new monitor with it: lost settles what it has not
		return nil
	}
	return err
}

// lockWithin takes a file's lock. A dead monitor's is free at once, or in a moment: a child it was just starting shares it
// until it is another program.
func lockWithin(ctx context.Context, file *os.File, limit time.Duration) bool {
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		return true
	}
	// A lock that is waited for cannot be given up: it is taken on a description of its own, and handed over by letting go.
	other, err := os.Open(file.Name())
	if err != nil {
		return false
	}
	free := make(chan struct{})
	go func() {
		if unix.Flock(int(other.Fd()), unix.LOCK_EX) == nil {
			_ = other.Close()
			close(free)
		}
	}()
	select {
	case <-free:
	case <-time.After(limit):
	case <-ctx.Done():
	}
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

func trimLine(e Entry) string {
	line := e.Append(nil)
	return string(line[:len(line)-1])
}

// appendLines adds lines to a journal, in place of an unfinished one.
func appendLines(file *os.File, size int64, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := file.Truncate(size); err != nil {
		return err
	}
	var b []byte
	for _, e := range entries {
		b = e.Append(b)
	}
	_, err := file.Write(b)
	return err
}
