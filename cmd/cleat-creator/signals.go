//go:build linux

package main

import (
	"os"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The signals the C library keeps to itself, below SIGRTMIN. Its posix_spawn, which make and systemd use, leaves them
// ignored in what it starts, and package os/signal leaves them alone.
const firstInternal, lastInternal = 32, 33

// acceptSignals undoes what whoever started the daemon had ignored, as nohup has SIGHUP: a container must not inherit
// that. What has a handler here is back to its default after exec.
func acceptSignals() {
	signal.Notify(make(chan os.Signal, 1))
	const ignored = 1 // SIG_IGN
	// The kernel's struct sigaction begins with the handler; it has no more than this on any of our architectures.
	type action struct {
		handler uintptr
		rest    [3]uint64
	}
	for n := uintptr(firstInternal); n <= lastInternal; n++ {
		var now, byDefault action
		_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, 0, uintptr(unsafe.Pointer(&now)), 8, 0, 0)
		if e == 0 && now.handler == ignored {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0) // it cannot fail
		}
	}
}
