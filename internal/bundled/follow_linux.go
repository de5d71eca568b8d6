package bundled

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Copy writes the last n lines of the log, all for n < 0, and with follow what comes until ctx ends.
func (e *Engine) Copy(ctx context.Context, w io.Writer, n int, follow bool) error {
	file, err := os.Open(e.Log())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: the engine was never started by cleat", e.Log())
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := seekLines(file, n); err != nil {
		return err
	}
	if !follow {
		_, err = io.Copy(w, file)
		return err
	}
	watch, err := newWatch(e.Log())
	if err != nil {
		return err
	}
	defer watch.close()
	for {
		if _, err := io.Copy(w, file); err != nil {
			return err
		}
		if !watch.next(ctx) {
			return nil
		}
	}
}

// seekLines moves to where the last n lines begin.
func seekLines(file *os.File, n int) error {
	if n < 0 {
		return nil
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buffer := make([]byte, 32<<10)
	for at, seen := end, 0; at > 0; {
		from := max(0, at-int64(len(buffer)))
		part := buffer[:at-from]
		if _, err := file.ReadAt(part, from); err != nil {
			return err
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] != '\n' || from+int64(i) == end-1 {
				continue
			}
			if seen++; seen == n {
				_, err := file.Seek(from+int64(i)+1, io.SeekStart)
				return err
			}
		}
		at = from
	}
	if n == 0 {
		return nil
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}

// watch tells when a file was written to.
type watch struct{ inotify, wake int }

func newWatch(path string) (*watch, error) {
	inotify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &watch{inotify: inotify, wake: -1}
	if _, err = unix.InotifyAddWatch(inotify, path, unix.IN_MODIFY); err == nil {
		w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	return w, nil
}

// next returns true when the file was written to, false when ctx ended.
func (w *watch) next(ctx context.Context) bool {
	stop := context.AfterFunc(ctx, func() { _, _ = unix.Write(w.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) })
	defer stop()
	fds := []unix.PollFd{{Fd: int32(w.inotify), Events: unix.POLLIN}, {Fd: int32(w.wake), Events: unix.POLLIN}} //nolint:gosec // file descriptors
	for ctx.Err() == nil {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
		if fds[0].Revents != 0 {
			_, _ = unix.Read(w.inotify, make([]byte, 4096)) // what happened is one thing only
			return true
		}
	}
	return false
}

func (w *watch) close() {
	_ = unix.Close(w.inotify)
	if w.wake >= 0 {
		_ = unix.Close(w.wake)
	}
}
