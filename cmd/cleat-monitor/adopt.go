//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// adopt takes over a command whose monitor died. cleatd has made sure that it lives, by pid, start time and boot; its death
// is seen through a pidfd. If it dies between the two, another process may have its pid: the start time is looked at again.
func (m *monitor) adopt(start wire.Entry) {
	m.run, m.count, m.startedAt, m.adopted = start.Run, start.Count, start.Time, true
	m.state = running
	m.pid = int(start.Pid)
	fd, err := pidfdOpen(m.pid)
	if err != nil || startTime(m.pid) != start.StartTime {
		closeFd(fd)
		m.pid = 0
		m.record(wire.Entry{Kind: wire.Adopt})
		m.after(0, func() { m.commandEnded(255, "it ended while nobody watched") })
		return
	}
	m.pidfd = fd
	m.add(fd, readable, func(uint32) { m.adoptedDied() })
	m.reopen(start)
	m.record(wire.Entry{Kind: wire.Adopt})
}

// adoptedDied finds the exit code of a process that is another's child: in its stat while it is a zombie, from the kernel's
// memory of it once it is reaped.
func (m *monitor) adoptedDied() {
	pid, fd := m.pid, m.pidfd
	m.remove(fd)
	status, ok := exitOf(fd)
	if !ok {
		status, ok = zombieStatus(pid)
		if ok && pidfdReaped(fd) { // between the two reads it was reaped, and the pid may be another's
			status, ok = exitOf(fd)
		}
	}
	if !ok {
		status, ok = exitOf(fd)
	}
	if !ok {
		m.commandEnded(255, "it ended after its monitor had died, and the kernel keeps no exit code")
		return
	}
	m.commandDied(status)
}

// reopen opens the command's output again. Only the very pipes it was started with count: what else it has put in their
// place is its own business.
func (m *monitor) reopen(start wire.Entry) {
	if m.conf.TTY {
		syscall.CloseOnExec(wire.MonitorTerminal)
		var st syscall.Stat_t
		if syscall.Fstat(wire.MonitorTerminal, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFCHR {
			m.io.terminal(wire.MonitorTerminal)
		}
		return
	}
	proc := "/proc/" + wire.Itoa(start.Pid) + "/fd/"
	m.io.out.fd = openPipe(proc+"1", start.Out, syscall.O_RDONLY)
	m.io.err.fd = openPipe(proc+"2", start.Err, syscall.O_RDONLY)
	if m.io.open && start.In != 0 {
		m.io.in = openPipe(proc+"0", start.In, syscall.O_WRONLY)
	}
	if m.io.out.fd < 0 || m.io.err.fd < 0 {
		m.search(start)
	}
	m.io.begin()
}

// search looks for the pipes at every process of the container: the command may have closed or replaced its own.
func (m *monitor) search(start wire.Entry) {
	if len(m.conf.Cgroups) == 0 {
		return
	}
	for _, pid := range groupProcesses(m.conf.Cgroups[0], nil) {
		dir := "/proc/" + wire.Itoa(int64(pid)) + "/fd"
		for _, name := range entries(dir) {
			if m.io.out.fd < 0 {
				m.io.out.fd = openPipe(dir+"/"+name, start.Out, syscall.O_RDONLY)
			}
			if m.io.err.fd < 0 {
				m.io.err.fd = openPipe(dir+"/"+name, start.Err, syscall.O_RDONLY)
			}
			if m.io.out.fd >= 0 && m.io.err.fd >= 0 {
				return
			}
		}
	}
}

// openPipe opens a pipe again through another process's descriptor, if it is the pipe without a name of this inode. It is looked at before it is opened: opening something else could block, or do something.
func openPipe(path string, ino int64, flags int) int {
	look, err := open(path, oPath, 0)
	if err != nil {
		return -1
	}
	defer closeFd(look)
	var st syscall.Stat_t
	var fs syscall.Statfs_t
	if syscall.Fstat(look, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFIFO || int64(st.Ino) != ino {
		return -1
	}
	if syscall.Fstatfs(look, &fs) != nil || fs.Type != pipefsMagic {
		return -1
	}
	fd, err := open("/proc/self/fd/"+wire.Itoa(int64(look)), flags|syscall.O_NONBLOCK, 0)
	if err != nil {
		return -1
	}
	return fd
}

func entries(dir string) []string {
	fd, err := open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer closeFd(fd)
	var names []string
	buf := make([]byte, 4096)
	for {
		n, err := syscall.ReadDirent(fd, buf)
		if n <= 0 || err != nil {
			return names
		}
		_, _, names = syscall.ParseDirent(buf[:n], -1, names)
	}
}

// statFields are the fields of /proc/<pid>/stat from the third on: the state, …
func statFields(pid int) []string {
	stat := string(readSmall("/proc/"+wire.Itoa(int64(pid))+"/stat", make([]byte, 2048)))
	for i := len(stat) - 1; i >= 0; i-- {
		if stat[i] == ')' {
			return wire.Words(stat[i+1:])
		}
	}
	return nil
}

// startTime is field 22.
func startTime(pid int) int64 {
	if f := statFields(pid); len(f) > 19 {
		return wire.Atoi(f[19])
	}
	return -1
}

// zombieStatus is field 52, the wait status, of a process that is dead and not reaped.
func zombieStatus(pid int) (syscall.WaitStatus, bool) {
	f := statFields(pid)
	if len(f) < 50 || f[0] != "Z" {
		return 0, false
	}
	text := f[49]
	if text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	return syscall.WaitStatus(wire.Atoi(text)), true
}
