//go:build linux

package containers

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func signalPid(t *testing.T, pid int) {
	t.Helper()
	must(t, unix.Kill(pid, unix.SIGTERM))
}

// waitGone waits for a process to end.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	must(t, err)
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(within.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("process %d does not end: %v", pid, err)
		}
		return
	}
}

// yield lets others run.
func yield() { runtime.Gosched() }
