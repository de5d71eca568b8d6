//go:build linux

package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

const (
	// maxSocketPath is what the kernel takes, without the zero at the end.
	maxSocketPath = 107
	// liveTimeout is how long a socket's owner may take to accept before it counts as alive but busy.
	liveTimeout = 2 * time.Second
)

// unixListener removes its socket when it is closed, unless another one has taken the path meanwhile.
type unixListener struct {
	*net.UnixListener
	path string
	file os.FileInfo
}

// Addr is where the socket is, not where it was bound.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close stops listening and removes the socket.
func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path) // first: who connects from now on is told at once that nobody is here
	}
	return l.UnixListener.Close() //nolint:wrapcheck // a listener's errors are its own
}

// listenUnix binds beside the path and renames, so that the socket appears with its mode and owner, and at once in
// place of a stale one. A lock on the folder keeps two daemons from replacing each other's.
func listenUnix(ctx context.Context, path, group string, log hclog.Logger) (net.Listener, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("path %q: want an absolute one", path)
	}
	temporary := filepath.Join(filepath.Dir(path), "."+strconv.Itoa(os.Getpid()))
	if n := max(len(path), len(temporary)); n > maxSocketPath {
		return nil, fmt.Errorf("path has %d bytes, the kernel takes %d", n, maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := refuseLive(ctx, path); err != nil {
		return nil, err
	}
	_ = os.Remove(temporary) // of a process with our id that was killed right here
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", temporary)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is no unix listener", l), l.Close())
	}
	u.SetUnlinkOnClose(false)
	if err := protect(temporary, group, log); err != nil {
		return nil, errors.Join(err, u.Close(), os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, errors.Join(err, u.Close(), os.Remove(temporary))
	}
	file, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return &unixListener{UnixListener: u, path: path, file: file}, nil
}

// protect gives the socket its mode, and the group when it exists.
func protect(path, group string, log hclog.Logger) error {
	if err := os.Chmod(path, 0o660); err != nil {
		return err //nolint:wrapcheck // names the path
	}
	g, err := user.LookupGroup(group)
	var unknown user.UnknownGroupError
	switch {
	case errors.As(err, &unknown):
		log.Info("no such group: the socket is root's alone", "group", group)
		return nil
	case err != nil:
		return fmt.Errorf("group %s: %w", group, err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return fmt.Errorf("group %s: %w", group, err)
	}
	return os.Chown(path, -1, gid) //nolint:wrapcheck // names the path
}

// refuseLive is an error when the path is no socket, or one somebody listens on.
func refuseLive(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err //nolint:wrapcheck // names the path
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is no socket: remove it, or choose another path", path)
	}
	conn, err := (&net.Dialer{Timeout: liveTimeout}).DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("%s: another process is listening on it", path), conn.Close())
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s: cannot tell whether another process is listening on it: %w", path, err)
}

// lockFolder keeps others from choosing at the same time. The kernel gives the lock up with the process.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
