//go:build linux

package main

import (
	"syscall"
	"time"
	"unsafe"
)

// System calls package syscall has no function for. The numbers of those since Linux 5 are the same on all architectures.
const (
	sysPidfdSendSignal = 424
	sysPidfdOpen       = 434

	prSetChildSubreaper = 36
	fallocKeepSize      = 1
	oPath               = 0x200000
	pipefsMagic         = 0x50495045
	cgroup2Magic        = 0x63677270
	// pidfdGetInfo is ioctl PIDFD_GET_INFO, _IOWR(0xFF, 11, 64 bytes), Linux 6.13; the exit code since 6.15.
	pidfdGetInfo  = 0xC040FF0B
	pidfdInfoExit = 1 << 3
)

// again reports whether a call is to be repeated later.
func again(err error) bool { return err == syscall.EAGAIN || err == syscall.EINTR }

func now() int64 { return time.Now().UnixNano() }

func prctl(option, value uintptr) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, option, value, 0)
}

// waitAny waits until a child is dead, without reaping it.
func waitAny() error {
	const pAll, wExited, wNoWait = 0, 4, 0x01000000
	var info [128]byte
	_, _, e := syscall.Syscall6(syscall.SYS_WAITID, pAll, 0, uintptr(unsafe.Pointer(&info[0])), wExited|wNoWait, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

func pidfdOpen(pid int) (int, error) {
	fd, _, e := syscall.RawSyscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(fd), nil
}

func pidfdSignal(fd int, signal syscall.Signal) error {
	if _, _, e := syscall.RawSyscall6(sysPidfdSendSignal, uintptr(fd), uintptr(signal), 0, 0, 0, 0); e != 0 {
		return e
	}
	return nil
}

// exitOf returns the wait status of a process that is not our child and has been reaped, where the kernel keeps it.
func exitOf(pidfd int) (syscall.WaitStatus, bool) {
	var info [64]byte
	*(*uint64)(unsafe.Pointer(&info[0])) = pidfdInfoExit
	if _, _, e := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(pidfd), pidfdGetInfo, uintptr(unsafe.Pointer(&info[0]))); e != 0 {
		return 0, false
	}
	if *(*uint64)(unsafe.Pointer(&info[0]))&pidfdInfoExit == 0 {
		return 0, false
	}
	return syscall.WaitStatus(*(*int32)(unsafe.Pointer(&info[60]))), true
}

// pidfdReaped reports whether the kernel no longer knows the process of a pidfd.
func pidfdReaped(fd int) bool { return pidfdSignal(fd, 0) == syscall.ESRCH }

type winsize struct{ rows, cols, x, y uint16 }

func setWinsize(fd int, rows, cols uint16) error {
	size := winsize{rows: rows, cols: cols}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))); e != 0 {
		return e
	}
	return nil
}

func dup(fd int) (int, error) {
	n, _, e := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 3)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}

// region returns memory outside Go's heap, which costs nothing until it is written to.
func region(size int) []byte {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS)
	if err != nil {
		return make([]byte, size)
	}
	return b
}

// release gives the pages of a region back; it stays usable and reads as zeros.
func release(b []byte) { _ = syscall.Madvise(b, syscall.MADV_DONTNEED) }

// readSmall reads a file of /proc or /sys into buf; nil when it cannot be read.
func readSmall(path string, buf []byte) []byte {
	fd, err := open(path, syscall.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer closeFd(fd)
	n := 0
	for n < len(buf) {
		k, err := syscall.Read(fd, buf[n:])
		if err == syscall.EINTR {
			continue
		}
		if k <= 0 {
			break
		}
		n += k
	}
	return buf[:n]
}

func writeSmall(path, content string) error {
	fd, err := open(path, syscall.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer closeFd(fd)
	_, err = syscall.Write(fd, []byte(content))
	return err
}

func open(path string, flags int, mode uint32) (int, error) {
	for {
		fd, err := syscall.Open(path, flags|syscall.O_CLOEXEC, mode)
		if err != syscall.EINTR {
			return fd, err
		}
	}
}

func closeFd(fd int) {
	if fd >= 0 {
		_ = syscall.Close(fd)
	}
}

// complain writes a line to the monitor's own stderr, a file in the state folder.
func complain(what string, err error) {
	line := what
	if err != nil {
		line += ": " + err.Error()
	}
	_, _ = syscall.Write(2, []byte(line+"\n"))
}
