//go:build linux

package runtime

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// seal copies a program into a memfd nobody can change, and returns a descriptor that can be executed. libcontainer seals
// its own executable at every start unless it is one already.
func seal(path string) (*os.File, error) {
	source, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	fd, err := unix.MemfdCreate("cleat-creator", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("cleat-creator", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd for %s: %w", path, err)
	}
	memfd := os.NewFile(uintptr(fd), "cleat-creator")
	defer memfd.Close() // while it is open for writing it cannot be executed
	if _, err := io.Copy(memfd, source); err != nil {
		return nil, fmt.Errorf("memfd for %s: %w", path, err)
	}
	if err := unix.Fchmod(fd, 0o555); err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		return nil, fmt.Errorf("seal %s: %w", path, err)
	}
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// A spawned is a monitor that was just started.
type spawned struct {
	link  int // our end of its first connection
	pid   int
	pidfd int
}

// spawn starts a monitor. mode is "run", or "adopt" with the start line of what it takes over; terminal is the master of
// that container's terminal, or nil.
func (r *Runtime) spawn(id string, terminal *os.File, mode ...string) (spawned, error) {
	creator, err := r.creator()
	if err != nil {
		return spawned{}, fmt.Errorf("cleat-creator: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return spawned{}, err
	}
	defer unix.Close(pair[1])
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		_ = unix.Close(pair[0])
		return spawned{}, err
	}
	defer null.Close()
	complaints, err := os.OpenFile(filepath.Join(r.stateDir(id), wire.ErrorFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		_ = unix.Close(pair[0])
		return spawned{}, err
	}
	defer complaints.Close()
	if terminal == nil {
		terminal = null
	}
	s := spawned{link: pair[0], pidfd: -1}
	attr := &syscall.ProcAttr{
		Dir:   "/",
		Env:   monitorEnvironment(),
		Files: []uintptr{null.Fd(), null.Fd(), complaints.Fd(), uintptr(pair[1]), creator.Fd(), terminal.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &s.pidfd},
	}
	args := append([]string{"cleat-monitor", mode[0], r.stateDir(id), r.runDir(id)}, mode[1:]...)
	s.pid, err = syscall.ForkExec(r.config.MonitorPath, args, attr)
	goruntime.KeepAlive(terminal)
	if err != nil {
		_ = unix.Close(pair[0])
		return spawned{}, fmt.Errorf("cleat-monitor: %w", err)
	}
	return s, nil
}

// monitorEnvironment is what monitors and creators get of ours: as good as nothing. One processor each: they have hardly
// anything to do at the same time, and more would cost memory and wake-ups.
func monitorEnvironment() []string {
	env := []string{"GOMAXPROCS=1"}
	for _, kept := range os.Environ() {
		if strings.HasPrefix(kept, "CLEAT_NO_PIVOT_ROOT=") {
			env = append(env, kept)
		}
	}
	return env
}
