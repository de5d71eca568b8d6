//go:build linux

package logs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Watcher tells followers when a log has changed. It is one inotify instance, of which a user may have only 128, for
// any number of logs. Its zero value is not usable: see [NewWatcher].
type Watcher struct {
	file *os.File
	fd   int // of file, whose Fd method would make it block
	done chan struct{}

	mu     sync.Mutex
	closed bool
	dirs   map[int32]map[*watch]struct{} // by watch descriptor
}

// watch is a wish to know about one file.
type watch struct {
	w      *Watcher
	dir    int32
	name   string
	change chan struct{} // one token: something has happened since it was taken
	gone   chan struct{} // closed when the file or its folder has been removed
	once   sync.Once
}

// watched are the events of a folder that matter: lines written, files created, renamed and removed.
const watched = unix.IN_MODIFY | unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_DELETE | unix.IN_ONLYDIR

// NewWatcher starts a watcher. It lives until [Watcher.Close].
func NewWatcher() (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch logs: inotify_init: %w", err)
	}
	w := &Watcher{
		file: os.NewFile(uintptr(fd), "inotify"), // non-blocking, so waiting for it costs no thread
		fd:   fd,
		done: make(chan struct{}),
		dirs: map[int32]map[*watch]struct{}{},
	}
	go w.run()
	return w, nil
}

// Close ends the watcher; followers that wait end as if the log had been removed.
func (w *Watcher) Close() error {
	w.mu.Lock()
	w.closed = true
	err := w.file.Close()
	w.mu.Unlock()
	<-w.done
	if err != nil {
		return fmt.Errorf("watch logs: %w", err)
	}
	return nil
}

// add watches a file that need not exist, in a folder that must. The caller reads the file after this, not before.
func (w *Watcher) add(path string) (*watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, fmt.Errorf("watch log %s: %w", path, os.ErrClosed)
	}
	dir, err := unix.InotifyAddWatch(w.fd, filepath.Dir(path), watched)
	if err != nil {
		return nil, fmt.Errorf("watch log %s: inotify_add_watch: %w", path, err)
	}
	one := &watch{w: w, dir: int32(dir), name: filepath.Base(path), change: make(chan struct{}, 1), gone: make(chan struct{})}
	if w.dirs[one.dir] == nil { // the kernel gives one folder one descriptor
		w.dirs[one.dir] = map[*watch]struct{}{}
	}
	w.dirs[one.dir][one] = struct{}{}
	return one, nil
}

// remove ends a watch.
func (one *watch) remove() {
	w := one.w
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.dirs[one.dir]
	delete(all, one)
	if all != nil && len(all) == 0 && !w.closed {
		delete(w.dirs, one.dir)
		_, _ = unix.InotifyRmWatch(w.fd, uint32(one.dir)) // gone already when the folder is
	}
}

func (one *watch) notify() {
	select {
	case one.change <- struct{}{}:
	default:
	}
}

func (one *watch) end() { one.once.Do(func() { close(one.gone) }) }

// run hands on events until the file is closed.
func (w *Watcher) run() {
	defer close(w.done)
	buf := make([]byte, 16<<10)
	for {
		n, err := w.file.Read(buf)
		w.mu.Lock()
		if err != nil {
			if !w.closed {
				w.closed = true
				_ = w.file.Close()
			}
			for dir := range w.dirs {
				w.drop(dir)
			}
			w.mu.Unlock()
			return
		}
		for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			rest = w.dispatch(rest)
		}
		w.mu.Unlock()
	}
}

// dispatch hands on the first event of b and returns the others. The lock is held.
func (w *Watcher) dispatch(b []byte) []byte {
	dir := int32(binary.NativeEndian.Uint32(b))
	mask := binary.NativeEndian.Uint32(b[4:])
	length := binary.NativeEndian.Uint32(b[12:])
	name := b[unix.SizeofInotifyEvent:][:length]
	rest := b[unix.SizeofInotifyEvent+int(length):]
	name, _, _ = bytes.Cut(name, []byte{0})
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0: // anything may have happened
		for _, all := range w.dirs {
			for one := range all {
				one.notify()
			}
		}
	case mask&unix.IN_IGNORED != 0: // the folder was removed, or we removed the watch
		w.drop(dir)
	default:
		for one := range w.dirs[dir] {
			switch {
			case one.name != string(name):
			case mask&unix.IN_DELETE != 0:
				// Rotation renames. The folder's own end cannot be waited for: a follower holds the file, and an open
				// file its folder, even when both are removed.
				one.end()
			default:
				one.notify()
			}
		}
	}
	return rest
}

// drop ends all watches of a folder. The lock is held.
func (w *Watcher) drop(dir int32) {
	for one := range w.dirs[dir] {
		one.end()
	}
	delete(w.dirs, dir)
}
