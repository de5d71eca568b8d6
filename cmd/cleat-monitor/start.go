//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

const (
	firstDelay = 100       // milliseconds before the first restart
	maxDelay   = 60 * 1000 // they double up to this
	steadyRun  = 10e9      // nanoseconds a run lasts for the delay to begin anew
)

// A creator is a cleat-creator at work.
type creator struct {
	m       *monitor
	pid     int // -1 when it is dead
	pidfd   int
	report  int // its report comes from here
	console int // the terminal's master comes from here; -1 without terminal
	master  int // the terminal's master, when it has come
	text    []byte
	done    func(c *creator, report wire.Report)
	gone    func() // called when it is dead and its command our child; set by done
	failed  bool   // it has reported no process
}

// create runs cleat-creator. The ends of the command's pipes are closed in any case; with a terminal they are all -1.
func (m *monitor) create(tty bool, child [3]int, args []string, done func(*creator, wire.Report)) error {
	defer closeAll(child[:])
	var report, console [2]int
	if err := syscall.Pipe2(report[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	defer func() { closeFd(report[1]) }()
	null, err := open("/dev/null", syscall.O_RDWR, 0)
	if err != nil {
		closeFd(report[0])
		return err
	}
	defer closeFd(null)
	console = [2]int{-1, null}
	if tty {
		if console, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
			closeFd(report[0])
			return err
		}
		defer func() { closeFd(console[1]) }()
		child = [3]int{null, null, null}
	}
	c := &creator{m: m, report: report[0], console: console[0], master: -1, done: done}
	c.pid, err = m.spawn(&c.pidfd, []int{null, null, 2, report[1], console[1], child[0], child[1], child[2]}, args)
	if tty {
		child = [3]int{-1, -1, -1}
	}
	if err != nil {
		closeFd(c.report)
		closeFd(c.console)
		return err
	}
	m.creators = append(m.creators, c)
	m.rearm()
	m.add(c.pidfd, readable, func(uint32) {
		m.reapLater(c.pid)
		c.died()
		if c.failed && m.orphans == nil {
			_ = m.watchOrphans() // the next one that fails tries again
		}
	})
	_ = syscall.SetNonblock(c.report, true)
	m.add(c.report, readable, c.read)
	if tty {
		_ = syscall.SetNonblock(c.console, true)
		m.add(c.console, readable, c.receive)
	}
	return nil
}

// spawn starts the creator from its memfd with the descriptors given as 0, 1, 2 … That of an exec begins in the container's
// group of version 2 if the host has both versions: then the kernel need not move what it starts.
func (m *monitor) spawn(pidfd *int, fds []int, args []string) (int, error) {
	files := make([]uintptr, len(fds))
	for i, fd := range fds {
		files[i] = uintptr(fd)
	}
	// The memfd is beyond all numbers the child gets, or it would be overwritten before it is run.
	fd, _, e := syscall.RawSyscall(syscall.SYS_FCNTL, wire.MonitorCreator, syscall.F_DUPFD_CLOEXEC, 64)
	if e != 0 {
		return 0, e
	}
	defer closeFd(int(fd))
	path, argv := "/proc/self/fd/"+wire.Itoa(int64(fd)), append([]string{"cleat-creator"}, args...)
	attr := &syscall.ProcAttr{Files: files, Env: syscall.Environ(), Dir: "/", Sys: &syscall.SysProcAttr{PidFD: pidfd}}
	if args[0] == "exec" && !m.conf.Unified {
		if group := openUnified(m.conf.Cgroups); group >= 0 {
			defer closeFd(group)
			attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, group
			if pid, err := syscall.ForkExec(path, argv, attr); err == nil {
				return pid, nil
			}
			attr.Sys.UseCgroupFD = false // before Linux 5.7
		}
	}
	return syscall.ForkExec(path, argv, attr)
}

func (c *creator) read(uint32) {
	buf := c.m.packet
	n, err := syscall.Read(c.report, buf)
	switch {
	case n > 0:
		if c.text = append(c.text, buf[:n]...); c.text[len(c.text)-1] == '\n' {
			c.end()
		}
	case again(err):
	default:
		c.end()
	}
}

// died is called when it is dead. What it has written before is read first.
func (c *creator) died() {
	c.m.close(c.pidfd)
	c.pid = -1
	for c.report >= 0 {
		c.read(0)
	}
	kept := c.m.creators[:0]
	for _, other := range c.m.creators {
		if other != c {
			kept = append(kept, other)
		}
	}
	c.m.creators = kept
	if c.gone != nil {
		c.gone()
	}
}

// receive takes the terminal's master.
func (c *creator) receive(uint32) {
	_, fds, err := receive(c.console, c.m.packet)
	if again(err) {
		return
	}
	if len(fds) > 0 && c.master < 0 {
		c.master = fds[0]
		fds = fds[1:]
	}
	closeAll(fds)
	c.m.close(c.console)
	c.console = -1
}

// end is called when the report is complete, or its pipe closed without one: the creator died.
func (c *creator) end() {
	m := c.m
	m.close(c.report)
	c.report = -1
	if c.console >= 0 {
		c.receive(0)
	}
	m.close(c.console)
	c.console = -1
	report, ok := wire.ParseReport(string(c.text))
	c.failed = !ok || report.Pid == 0
	if !ok {
		report = wire.Report{Class: wire.ClassOther, Code: 128, Message: "cleat-creator died before it reported"}
	}
	c.done(c, report)
}

// start starts the container's command, on request or because the policy says so (r is nil then).
func (m *monitor) start(r *request) {
	m.state = starting
	m.run++
	var child [3]int
	var err error
	if m.io.tty {
		child = [3]int{-1, -1, -1}
	} else if child, err = m.io.pipes(); err != nil {
		m.startFailed(r, wire.Report{Class: wire.ClassOther, Code: 128, Message: "pipe: " + err.Error()})
		return
	}
	pipes := wire.Entry{In: inode(m.io.in), Out: inode(m.io.out.fd), Err: inode(m.io.err.fd)}
	args := []string{"create", m.conf.ID, m.stateDir, m.runDir}
	if m.conf.Init {
		args = append(args, "init")
	}
	err = m.create(m.io.tty, child, args, func(c *creator, report wire.Report) {
		if report.Pid == 0 {
			closeFd(c.master)
			m.startFailed(r, report)
			return
		}
		m.started(r, c, report, pipes)
	})
	if err != nil {
		m.startFailed(r, wire.Report{Class: wire.ClassOther, Code: 128, Message: "cleat-creator: " + err.Error()})
	}
}

func (m *monitor) started(r *request, c *creator, report wire.Report, pipes wire.Entry) {
	m.state, m.startedAt, m.pid, m.adopted = running, now(), int(report.Pid), false
	m.pidfd, _ = pidfdOpen(m.pid) // it may be a zombie, but it is not reaped: its creator does not, and we have not
	e := wire.Entry{
		Kind: wire.Start, Run: m.run, Time: m.startedAt, Pid: report.Pid, StartTime: report.StartTime, Boot: bootID(), Count: m.count,
		In: pipes.In, Out: pipes.Out, Err: pipes.Err,
	}
	m.record(e)
	line := e.Append(nil)
	r.ok(wire.Escape(string(line[:len(line)-1])))
	if m.io.tty && c.master >= 0 {
		m.io.terminal(c.master)
		for _, conn := range m.conns {
			m.sendTerminal(conn)
		}
	} else {
		m.io.begin()
	}
	c.gone = m.watchCommand
}

// startFailed gives the run up. It ends the container also when it was a restart: what could not be started now will not
// be startable in a moment.
func (m *monitor) startFailed(r *request, report wire.Report) {
	m.io.closeAll()
	m.state = ending
	m.sweep(func() {
		m.record(wire.Entry{Kind: wire.StartFailed, Class: report.Class, Code: report.Code, Message: report.Message})
		m.io.dismiss()
		r.fail(report.Class, wire.Itoa(report.Code)+" "+report.Message)
		m.finish()
	})
}

// wanted reports whether the restart policy starts a container again that ended with this code.
func (m *monitor) wanted(code int64) bool {
	if m.stopped {
		return false
	}
	switch m.conf.Policy {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		return code != 0 && (m.conf.MaxRetry <= 0 || m.count < m.conf.MaxRetry)
	}
	return false
}

// delay is how long to wait before the next restart.
func (m *monitor) delay() int64 {
	if m.backoff == 0 || m.exit.at-m.startedAt >= steadyRun {
		m.backoff = firstDelay
	} else {
		m.backoff = min(2*m.backoff, maxDelay)
	}
	return m.backoff
}

// stopRestart cancels the restart that is pending.
func (m *monitor) stopRestart() {
	m.cancel(m.restart)
	m.restart = nil
	m.record(wire.Entry{Kind: wire.Stop})
	m.io.dismiss()
	m.finish()
}

// signal sends a signal to the command. With stop the policy does not start the container again.
func (m *monitor) signal(r *request, signal syscall.Signal, stop bool) {
	if stop {
		m.stopped = true
	}
	switch m.state {
	case running:
		if signal != 0 {
			if err := pidfdSignal(m.pidfd, signal); err != nil {
				class := wire.ClassOther
				if err == syscall.ESRCH {
					class = wire.ClassGone
				}
				r.fail(class, err.Error())
				return
			}
		}
	case starting:
		if signal == syscall.SIGKILL {
			for _, c := range m.creators {
				_ = pidfdSignal(c.pidfd, signal)
			}
			m.killAll()
		} else if signal != 0 {
			r.fail(wire.ClassBusy, "the container is starting")
			return
		}
	case restarting:
		if !stop {
			r.fail(wire.ClassGone, "the container is restarting")
			return
		}
		m.stopRestart()
	default:
		r.fail(wire.ClassGone, "the container is not running")
		return
	}
	r.ok()
}

// inode is that of a pipe; 0 when there is none.
func inode(fd int) int64 {
	var st syscall.Stat_t
	if fd < 0 || syscall.Fstat(fd, &st) != nil {
		return 0
	}
	return int64(st.Ino)
}

func bootID() string {
	id := readSmall("/proc/sys/kernel/random/boot_id", make([]byte, 64))
	for len(id) > 0 && id[len(id)-1] == '\n' {
		id = id[:len(id)-1]
	}
	return string(id)
}
