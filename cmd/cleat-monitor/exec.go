//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// An execution is another command in the container.
type execution struct {
	m     *monitor
	id    string
	io    *stdio
	pid   int // 0 before it runs and after it died
	pidfd int
	code  int64
	at    int64
	ended bool
	kill  bool // as soon as it runs
}

func (m *monitor) findExec(id string) *execution {
	for _, x := range m.execs {
		if x.id == id && !x.ended {
			return x
		}
	}
	return nil
}

// sessionsOfExecs counts the clients of all execs, also of those that ended.
func (m *monitor) sessionsOfExecs() int {
	n := 0
	for _, x := range m.execs {
		n += len(x.io.clients)
	}
	return n
}

// exec starts a command: exec <id> <file> <tty> <bits> <keys> <first>, with a client's socket or without.
func (m *monitor) exec(r *request, arg func(int) string, fd int) {
	if m.state != running {
		closeFd(fd)
		r.fail(wire.ClassGone, "the container is "+string(m.state))
		return
	}
	if m.findExec(arg(0)) != nil {
		closeFd(fd)
		r.fail(wire.ClassBusy, "the exec runs already")
		return
	}
	bits := wire.Atoi(arg(3))
	x := &execution{m: m, id: arg(0), pidfd: -1}
	x.io = newStdio(m, arg(2) == "1", bits&wire.BitIn != 0)
	x.io.once = true
	child := [3]int{-1, -1, -1}
	var err error
	if !x.io.tty {
		if child, err = x.io.pipes(); err != nil {
			closeFd(fd)
			r.fail(wire.ClassOther, err.Error())
			return
		}
	}
	var client *client
	session := "0"
	if fd >= 0 {
		client = x.io.join(r, fd, bits|wire.BitFlow, arg(4), arg(5))
		session = client.id
	}
	m.execs = append(m.execs, x)
	tty := "0"
	if x.io.tty {
		tty = "1"
	}
	err = m.create(x.io.tty, child, []string{"exec", m.conf.ID, m.runDir, arg(1), tty}, func(c *creator, report wire.Report) {
		if report.Pid == 0 {
			closeFd(c.master)
			x.failed(r, report)
			return
		}
		x.started(r, c, report, session)
		if client != nil {
			client.begin()
		}
	})
	if err != nil {
		x.failed(r, wire.Report{Class: wire.ClassOther, Code: 128, Message: "cleat-creator: " + err.Error()})
	}
}

func (x *execution) started(r *request, c *creator, report wire.Report, session string) {
	m := x.m
	x.pid = int(report.Pid)
	x.pidfd, _ = pidfdOpen(x.pid)
	c.gone = func() {
		m.add(x.pidfd, readable, func(uint32) {
			if status, ok := reapOne(x.pid); ok {
				x.died(status)
			}
		})
	}
	m.record(wire.Entry{Kind: wire.ExecStart, ID: x.id, Pid: report.Pid})
	r.ok(wire.Itoa(report.Pid), session)
	if x.kill {
		_ = x.signal(syscall.SIGKILL)
	}
	if x.io.tty && c.master >= 0 {
		x.io.terminal(c.master)
	} else {
		x.io.begin()
	}
}

func (x *execution) failed(r *request, report wire.Report) {
	x.m.record(wire.Entry{Kind: wire.ExecFailed, ID: x.id, Class: report.Class, Code: report.Code, Message: report.Message})
	r.fail(report.Class, wire.Itoa(report.Code)+" "+report.Message)
	x.ended = true
	x.io.closeAll()
	for _, c := range x.io.clients { // the connection is cleatd's again, which has an answer to write
		x.m.close(c.fd)
	}
	x.io.clients = nil
	x.m.dropExecs()
	x.m.leave()
}

// died: the exit is recorded when the output has been read, and before the client's connection ends.
func (x *execution) died(status syscall.WaitStatus) {
	m := x.m
	m.close(x.pidfd)
	x.pid, x.pidfd, x.code, x.at = 0, -1, codeOf(status), now()
	x.io.release()
	x.io.closeInput()
	x.io.whenDrained(func() {
		x.ended = true
		m.record(wire.Entry{Kind: wire.ExecExit, ID: x.id, Code: x.code, Time: x.at})
		x.io.closeAll()
		x.io.dismiss()
		m.dropExecs()
	})
	if !x.ended {
		m.after(drainTime, func() {
			x.io.out.end()
			x.io.err.end()
		})
	}
}

// dropExecs forgets execs that ended and have no client left.
func (m *monitor) dropExecs() {
	kept := m.execs[:0]
	for _, x := range m.execs {
		if !x.ended || len(x.io.clients) > 0 {
			kept = append(kept, x)
		}
	}
	clear(m.execs[len(kept):])
	m.execs = kept
}

// killExecs ends what runs beside the command, which is dead: the kernel has killed it with the pid namespace, or the
// sweep has. Those it cannot have a code of (started by a monitor that died) are not in the list. It returns how many
// have not been recorded yet.
func (m *monitor) killExecs() int {
	n := 0
	for _, x := range append([]*execution(nil), m.execs...) { // ending one changes the list
		if x.ended {
			continue
		}
		n++
		if x.pid > 0 {
			_ = pidfdSignal(x.pidfd, syscall.SIGKILL)
		} else {
			x.io.out.end()
			x.io.err.end()
		}
	}
	return n
}

func (m *monitor) signalExec(r *request, id string, signal syscall.Signal) {
	x := m.findExec(id)
	if x != nil && x.pid == 0 && x.at == 0 && signal == syscall.SIGKILL { // its creator is at work
		x.kill = true
		r.ok()
		return
	}
	if x == nil || x.pid == 0 {
		r.fail(wire.ClassGone, "the exec does not run")
		return
	}
	if err := x.signal(signal); err != nil {
		r.fail(wire.ClassOther, err.Error())
		return
	}
	r.ok()
}

// signal sends a signal to the command. SIGKILL goes to its process group too, which it leads: what a shell has started
// would otherwise stay behind. The number cannot be another's, for the command is not reaped.
func (x *execution) signal(signal syscall.Signal) error {
	if signal == syscall.SIGKILL {
		_ = syscall.Kill(-x.pid, signal)
	}
	return pidfdSignal(x.pidfd, signal)
}
