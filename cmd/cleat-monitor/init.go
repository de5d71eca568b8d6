//go:build linux

package main

import (
	"runtime"
	"syscall"
	"unsafe"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// As process 1 of a container this program starts the container's command, forwards signals to it, reaps what falls to
// process 1, and ends with the command's exit code.
//
// The gate (wire.InitGate) is closed when signals are taken in: the container counts as started from then on, and a signal
// that comes earlier is nobody's. On a terminal the command leads the foreground process group, so that keys that send
// signals send them to it and not to this process, which would send them again. The command itself has to become that
// before it runs: a step between does it, this program again.

const (
	// initName is the last part of this program's name as process 1.
	initName = "docker-init"

	codeNotFound   = 127
	codeNotStarted = 126
	nsig           = 64
)

// isInit reports whether a program's name asks for this mode.
func isInit(name string) bool {
	return len(name) >= len(initName) && name[len(name)-len(initName):] == initName
}

// runInit does not return.
func runInit(args []string) {
	if len(args) > 2 && args[1] == "-t" {
		takeTerminal(args[2:])
	}
	if len(args) < 3 || args[1] != "--" {
		complain("usage: docker-init -- <command> [<argument> ...]", nil)
		syscall.Exit(codeNotStarted)
	}
	for n := range uint32(nsig + 1) {
		if n != uint32(syscall.SIGCHLD) && n != uint32(syscall.SIGURG) { // waited for; Go's own
			signalEnable(n)
		}
	}
	closeFd(wire.InitGate)
	command, attr := args[2:], &syscall.ProcAttr{Env: syscall.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	path := find(command)
	if isTerminal(0) {
		path, command = "/proc/self/exe", append([]string{args[0], "-t"}, command...)
	}
	child, err := syscall.ForkExec(path, command, attr)
	if err != nil {
		refuse(args[2], err)
	}
	go func() {
		for {
			_ = syscall.Kill(child, syscall.Signal(signalRecv()))
		}
	}()
	for {
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, 0, nil); {
		case err == syscall.EINTR:
		case err != nil: // not possible: the command is not reaped
			complain(initName, err)
			syscall.Exit(codeNotStarted)
		case pid == child:
			syscall.Exit(int(codeOf(status)))
		}
	}
}

// The runtime's part of package os/signal, which would bring half of the standard library with it.

//go:linkname signalEnable os/signal.signal_enable
func signalEnable(n uint32)

//go:linkname signalRecv os/signal.signal_recv
func signalRecv() uint32

// find looks a command up as a shell does, and ends the process when it cannot be run.
func find(command []string) string {
	const executable = 1
	name, reason := command[0], error(syscall.ENOENT)
	for i := range len(name) {
		if name[i] == '/' {
			return name
		}
	}
	path, _ := syscall.Getenv("PATH")
	for name != "" && path != "" {
		dir := path
		path = ""
		for i := range len(dir) {
			if dir[i] == ':' {
				dir, path = dir[:i], dir[i+1:]
				break
			}
		}
		var stat syscall.Stat_t
		file := dir + "/" + name
		if err := syscall.Stat(file, &stat); err != nil || stat.Mode&syscall.S_IFMT == syscall.S_IFDIR {
			continue
		}
		if err := syscall.Access(file, executable); err == nil {
			return file
		}
		reason = syscall.EACCES
	}
	refuse(name, reason)
	return ""
}

// refuse ends the process because its command cannot be run, with the code shells have for that.
func refuse(name string, reason error) {
	complain(initName+": exec "+name, reason)
	if reason == syscall.ENOENT {
		syscall.Exit(codeNotFound)
	}
	syscall.Exit(codeNotStarted)
}

// takeTerminal makes this process, which leads a group, the foreground of its terminal, and becomes the command.
func takeTerminal(command []string) {
	runtime.LockOSThread() // signal masks are a thread's
	path := find(command)
	before := mask(1 << (syscall.SIGTTOU - 1)) // the background that asks is stopped otherwise
	pid := int32(syscall.Getpid())             //nolint:gosec // pids are small
	_, _, _ = syscall.RawSyscall(syscall.SYS_IOCTL, 0, syscall.TIOCSPGRP, uintptr(unsafe.Pointer(&pid)))
	setMask(before)
	refuse(command[0], syscall.Exec(path, command, syscall.Environ()))
}

func isTerminal(fd uintptr) bool {
	var group int32
	_, _, e := syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group)))
	return e == 0
}

// mask blocks more signals of this thread and returns what was blocked before.
func mask(more uint64) (before uint64) {
	const block = 0
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, block, uintptr(unsafe.Pointer(&more)), uintptr(unsafe.Pointer(&before)), nsig/8, 0, 0)
	return before
}

func setMask(now uint64) {
	const set = 2
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, set, uintptr(unsafe.Pointer(&now)), 0, nsig/8, 0, 0)
}
