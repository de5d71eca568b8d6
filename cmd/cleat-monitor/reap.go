//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// reaped is the death of a process we did not know then.
type reaped struct {
	pid    int
	status syscall.WaitStatus
}

// watchChildren reaps whatever dies: commands, creators, and with --pid=host every orphan of the container.
func (m *monitor) watchChildren() error {
	fd, err := signalfd()
	if err != nil {
		return err
	}
	m.add(fd, readable, func(uint32) {
		var info [128]byte
		_, _ = syscall.Read(fd, info[:])
		m.reap()
	})
	return nil
}

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

func (m *monitor) died(pid int, status syscall.WaitStatus) {
	if m.state == running && pid == m.pid {
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
			c.pid = -1 // its report pipe tells the rest
			return
		}
	}
	if len(m.creators) > 0 { // perhaps the command of a creator whose report has not been read
		m.early = append(m.early, reaped{pid, status})
	}
}

// wasReaped finds the death of a process that was faster than its creator's report.
func (m *monitor) wasReaped(pid int) (syscall.WaitStatus, bool) {
	for i, r := range m.early {
		if r.pid == pid {
			m.early = append(m.early[:i], m.early[i+1:]...)
			return r.status, true
		}
	}
	return 0, false
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
	e := wire.Entry{Kind: wire.Exit, Time: m.exit.at, Code: m.exit.code, OOM: oom, Message: m.exit.unknown}
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
