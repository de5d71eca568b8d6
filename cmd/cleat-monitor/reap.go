//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// Known processes (creators, the command, execs) are watched by pidfd, each in the loop's epoll set. SIGCHLD is of no use:
// Go unblocks it in every thread and keeps it to itself.

// watchOrphans reaps what else falls to this process: without a pid namespace of its own, the container's orphans do, and
// with one what a creator that failed had begun, whenever it ends: process 1 cannot end before those in its namespace are
// reaped. A goroutine waits for it, with a thread; only such containers have it.
func (m *monitor) watchOrphans() error {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return err
	}
	m.orphans = make(chan struct{}, 1)
	m.add(ends[0], readable, func(uint32) {
		var b [64]byte
		_, _ = syscall.Read(ends[0], b[:])
		m.reap()
		m.rearm()
	})
	go func() {
		for {
			switch waitAny() {
			case syscall.EINTR:
				continue
			case nil:
				_, _ = syscall.Write(ends[1], []byte{1})
			}
			<-m.orphans // until it is reaped, or until there is a child at all
		}
	}()
	return nil
}

// rearm lets the goroutine look again.
func (m *monitor) rearm() {
	if m.orphans != nil {
		select {
		case m.orphans <- struct{}{}:
		default:
		}
	}
}

// reap takes in whatever is dead.
func (m *monitor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		m.died(pid, status)
	}
}

// reapOne takes in one child, if it is dead.
func reapOne(pid int) (syscall.WaitStatus, bool) {
	for {
		var status syscall.WaitStatus
		n, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if err != syscall.EINTR {
			return status, err == nil && n == pid
		}
	}
}

// reapTime is how many milliseconds a dead creator stays a zombie. Creators have had mounts of /proc of their own, which the
// kernel takes apart after their death; for as long as that takes, up to 15 ms, who reaps them spins in the kernel.
const reapTime = 30

// reapLater takes in a creator that is dead when it has been for a while.
func (m *monitor) reapLater(pid int) {
	m.zombies = append(m.zombies, pid)
	m.after(reapTime, func() {
		if m.buried(pid) { // else it has been found among others, and the number may be another's
			reapOne(pid)
		}
	})
}

// buried forgets a dead creator; false when it is none.
func (m *monitor) buried(pid int) bool {
	for i, other := range m.zombies {
		if other == pid {
			m.zombies = append(m.zombies[:i], m.zombies[i+1:]...)
			return true
		}
	}
	return false
}

// died settles the death of a child that was found among others.
func (m *monitor) died(pid int, status syscall.WaitStatus) {
	if m.buried(pid) {
		return
	}
	if m.state == running && pid == m.pid && !m.adopted {
		m.commandDied(status)
		return
	}
	for _, x := range m.execs {
		if x.pid == pid {
			x.died(status)
			return
		}
	}
	for _, c := range m.creators {
		if c.pid == pid {
			c.died()
			return
		}
	}
}

// watchCommand begins to watch the command. It is our child once its creator is dead.
func (m *monitor) watchCommand() {
	m.add(m.pidfd, readable, func(uint32) {
		if status, ok := reapOne(m.pid); ok {
			m.commandDied(status)
		}
	})
}

// codeOf is what the API shows for a wait status.
func codeOf(status syscall.WaitStatus) int64 {
	if status.Signaled() {
		return 128 + int64(status.Signal())
	}
	return int64(status.ExitStatus())
}

func (m *monitor) commandDied(status syscall.WaitStatus) { m.commandEnded(codeOf(status), "") }

// commandEnded begins the end of a run: everything else in the container is killed, its output is read to the end, its
// control groups go. Only then the exit is recorded: who hears of it finds the log complete.
func (m *monitor) commandEnded(code int64, unknown string) {
	m.exit = exitStatus{code: code, unknown: unknown, at: now()}
	m.state = ending
	m.close(m.pidfd)
	m.pidfd, m.pid = -1, 0
	m.unmute()
	m.io.release()
	m.io.closeInput()
	oom := m.oomKilled()
	waiting := 2
	step := func() {
		if waiting--; waiting == 0 {
			m.ended(oom)
		}
	}
	m.sweep(step)
	m.io.whenDrained(step)
	if m.io.out.fd >= 0 || m.io.err.fd >= 0 {
		m.after(drainTime, func() {
			if m.state == ending {
				m.io.out.end()
				m.io.err.end()
			}
		})
	}
}

// ended records the exit and does what the policy says.
func (m *monitor) ended(oom bool) {
	if m.killExecs() > 0 {
		m.after(5, func() { m.ended(oom) })
		return
	}
	m.log.end()
	m.io.closeAll()
	e := wire.Entry{Kind: wire.Exit, Run: m.run, Time: m.exit.at, Code: m.exit.code, OOM: oom, Message: m.exit.unknown}
	again := m.wanted(m.exit.code)
	if again {
		e.Restart, e.Delay = true, m.delay()
	}
	if !again {
		m.journal.append(e)
		m.io.dismiss()
		m.finish()
		return
	}
	m.state = restarting
	m.record(e)
	m.io.dismiss()
	m.restart = m.after(e.Delay, func() {
		m.restart = nil
		m.count++
		m.start(nil)
	})
}
