//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

const (
	sweepEvery = 5   // milliseconds between two looks at what still lives
	sweepTries = 400 // after which what cannot be killed or removed is left to cleatd
)

// oomKilled reports whether the kernel killed something in the container for lack of memory. The groups are new with
// every run, so any count is this run's.
func (m *monitor) oomKilled() bool {
	file := "/memory.oom_control"
	if m.conf.Unified {
		file = "/memory.events"
	}
	if m.conf.Memory == "" {
		return false
	}
	return keyed(readSmall(m.conf.Memory+file, m.packet), "oom_kill ") > 0
}

// keyed finds the number behind a key at the beginning of a line.
func keyed(content []byte, key string) int64 {
	for i := 0; i < len(content); {
		end := i
		for end < len(content) && content[end] != '\n' {
			end++
		}
		if line := string(content[i:end]); len(line) > len(key) && line[:len(key)] == key {
			return wire.Atoi(line[len(key):])
		}
		i = end + 1
	}
	return 0
}

// sweep kills whatever is left in the container's groups and removes them, then calls. With a pid namespace of its own
// nothing is left when the command is dead; without, everything may be.
func (m *monitor) sweep(call func()) { m.sweepAgain(call, 0) }

func (m *monitor) sweepAgain(call func(), tries int) {
	left := m.killAll()
	if left || tries > 0 {
		m.reap()
	}
	if !left {
		for _, dir := range m.conf.Cgroups {
			if !removeGroup(dir) {
				left = true
			}
		}
	}
	if left && tries < sweepTries {
		m.after(sweepEvery, func() { m.sweepAgain(call, tries+1) })
		return
	}
	call()
}

// killAll kills every process in the container's groups and reports whether there was any.
func (m *monitor) killAll() bool {
	if len(m.conf.Cgroups) == 0 {
		return false
	}
	dir := m.conf.Cgroups[0]
	if m.conf.Freezer != "" {
		dir = m.conf.Freezer
	}
	pids := groupProcesses(dir, nil)
	if len(pids) == 0 {
		return false
	}
	if m.conf.Unified {
		_ = writeSmall(dir+"/cgroup.freeze", "0")
		if writeSmall(dir+"/cgroup.kill", "1") == nil {
			return true
		}
	}
	for _, pid := range pids {
		if fd, err := pidfdOpen(pid); err == nil {
			_ = pidfdSignal(fd, syscall.SIGKILL)
			closeFd(fd)
		}
	}
	if m.conf.Freezer != "" {
		_ = writeSmall(m.conf.Freezer+"/freezer.state", "THAWED") // a frozen process does not die
	}
	return true
}

// groupProcesses lists the processes of a group and of those below it.
func groupProcesses(dir string, pids []int) []int {
	fd, err := open(dir+"/cgroup.procs", syscall.O_RDONLY, 0)
	if err != nil {
		return pids
	}
	var buf [512]byte
	pid := 0
	for {
		n, err := syscall.Read(fd, buf[:])
		if n <= 0 || err != nil {
			break
		}
		for _, c := range buf[:n] {
			if c >= '0' && c <= '9' {
				pid = pid*10 + int(c-'0')
			} else if pid > 0 {
				pids, pid = append(pids, pid), 0
			}
		}
	}
	closeFd(fd)
	for _, name := range folders(dir) {
		pids = groupProcesses(dir+"/"+name, pids)
	}
	return pids
}

// removeGroup removes a group and those below it; true when it is gone.
func removeGroup(dir string) bool {
	err := syscall.Rmdir(dir)
	if err == syscall.EBUSY || err == syscall.ENOTEMPTY {
		for _, name := range folders(dir) {
			removeGroup(dir + "/" + name)
		}
		err = syscall.Rmdir(dir)
	}
	return err == nil || err == syscall.ENOENT
}

// folders lists the folders in a folder of a group file system, where they are what has a link count of its own.
func folders(dir string) []string {
	var st syscall.Stat_t
	if syscall.Stat(dir, &st) != nil || st.Nlink == 2 {
		return nil
	}
	fd, err := open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer closeFd(fd)
	var found []string
	buf := make([]byte, 8192)
	for {
		n, err := syscall.ReadDirent(fd, buf)
		if n <= 0 || err != nil {
			return found
		}
		_, _, names := syscall.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if syscall.Lstat(dir+"/"+name, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
				found = append(found, name)
			}
		}
	}
}

// openUnified opens the folder of the group that is of version 2; -1 when there is none.
func openUnified(dirs []string) int {
	for _, dir := range dirs {
		var fs syscall.Statfs_t
		if syscall.Statfs(dir, &fs) == nil && fs.Type == cgroup2Magic {
			if fd, err := open(dir, oPath|syscall.O_DIRECTORY, 0); err == nil {
				return fd
			}
		}
	}
	return -1
}
