//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// notifier tells systemd, or whoever started the daemon in its manner, how far it is.
type notifier struct{ address string }

// newNotifier takes the address out of the environment: monitors and containers must not speak for the daemon.
func newNotifier() notifier {
	n := notifier{os.Getenv("NOTIFY_SOCKET")}
	_ = os.Unsetenv("NOTIFY_SOCKET") // cannot fail on Linux
	return n
}

// send does nothing when nobody wants to hear.
func (n notifier) send(state string) error {
	if n.address == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}

// writePidfile writes our id, unless the file names a cleatd that runs. What it returns removes the file if it is
// still ours. Whether two daemons share their data is not decided here: the records are locked.
func writePidfile(path string) (remove func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	if pid := runningIn(path); pid != 0 {
		return nil, fmt.Errorf("pidfile %s: cleatd runs already, as process %d", path, pid)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("pidfile: %w", err)
	}
	own := strconv.Itoa(os.Getpid())
	temporary := path + "." + own
	if err := os.WriteFile(temporary, []byte(own), 0o644); err != nil {
		return nil, fmt.Errorf("pidfile: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, errors.Join(fmt.Errorf("pidfile: %w", err), os.Remove(temporary))
	}
	return func() error {
		if text, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(text)) != own {
			return nil //nolint:nilerr // gone, or another's by now
		}
		return os.Remove(path)
	}, nil
}

// runningIn returns the process of the file if it is a cleatd other than this process; a process id is given again.
func runningIn(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || pid == os.Getpid() {
		return 0
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || strings.TrimSpace(string(name)) != "cleatd" {
		return 0
	}
	return pid
}
