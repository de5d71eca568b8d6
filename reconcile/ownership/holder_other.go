//go:build !linux

package ownership

import (
	"os"
	"strconv"
	"syscall"
)

// hostID names this host.
func hostID() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}

// process reports whether a process has this number. Without a start time at hand its number is all that identifies
// it, so that a lock is rather kept than broken.
func process(pid int) (string, bool) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return "", false
	}
	if err := p.Signal(syscall.Signal(0)); err != nil && err != syscall.EPERM && err.Error() != "not supported by windows" {
		return "", false
	}
	return strconv.Itoa(pid), true
}
