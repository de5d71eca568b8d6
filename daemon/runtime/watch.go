//go:build linux

package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// A watcher waits for the deaths of monitors, which are to be reaped, and for containers that run out of memory. It is one
// epoll set in Go's own poller: no thread waits, whatever the number of containers.
type watcher struct {
	log   hclog.Logger
	onOOM func(id string)
	epoll *os.File
	done  chan struct{}

	mu      sync.Mutex
	pids    map[int32]int     // pidfd → pid of a monitor
	limits  map[int32]*memory // eventfd, or inotify descriptor
	byID    map[string]*memory
	inotify int // version 2: one for all; -1 before the first
}

// memory is a container's memory group.
type memory struct {
	id      string
	dir     string
	unified bool
	fd      int // version 1: the eventfd; version 2: the watch's number
	kills   int64
}

func newWatcher(log hclog.Logger, onOOM func(string)) (*watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // makes os.NewFile use the poller
		return nil, errors.Join(err, unix.Close(fd))
	}
	w := &watcher{
		log: log, onOOM: onOOM, epoll: os.NewFile(uintptr(fd), "watcher"), done: make(chan struct{}),
		pids: map[int32]int{}, limits: map[int32]*memory{}, byID: map[string]*memory{}, inotify: -1,
	}
	raw, err := w.epoll.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, w.epoll.Close())
	}
	go w.run(raw)
	return w, nil
}

func (w *watcher) run(raw syscall.RawConn) {
	defer close(w.done)
	var events [32]unix.EpollEvent
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(fd), events[:], 0)
			return err == nil && n > 0
		})
		if err != nil {
			return // closed
		}
		for _, event := range events[:n] {
			w.happened(event.Fd)
		}
	}
}

func (w *watcher) happened(fd int32) {
	w.mu.Lock()
	if pid, ok := w.pids[fd]; ok {
		delete(w.pids, fd)
		w.mu.Unlock()
		w.remove(int(fd)) // a copy is open elsewhere, so that closing would not take it out of the set
		_ = unix.Close(int(fd))
		var status unix.WaitStatus
		_, _ = unix.Wait4(pid, &status, unix.WNOHANG, nil)
		return
	}
	var hit []*memory
	if int(fd) == w.inotify {
		hit = w.readInotify()
	} else if m, ok := w.limits[fd]; ok {
		var count [8]byte
		_, _ = unix.Read(int(fd), count[:])
		hit = []*memory{m}
	}
	var ids []string
	for _, m := range hit {
		kills, ok := m.count()
		// Version 1 tells before the kill is counted, and once more when the group is removed; version 2 of other events, too.
		if ok && (!m.unified || kills > m.kills) {
			m.kills = kills
			ids = append(ids, m.id)
		}
	}
	w.mu.Unlock()
	for _, id := range ids {
		w.onOOM(id)
	}
}

func (w *watcher) add(fd int) error { return w.control(unix.EPOLL_CTL_ADD, fd) }

func (w *watcher) remove(fd int) { _ = w.control(unix.EPOLL_CTL_DEL, fd) }

func (w *watcher) control(op, fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)} //nolint:gosec // descriptors are small
	raw, err := w.epoll.SyscallConn()
	if err != nil {
		return err
	}
	var ctlErr error
	err = raw.Control(func(set uintptr) { ctlErr = unix.EpollCtl(int(set), op, fd, &event) })
	return errors.Join(err, ctlErr)
}

// reap waits for the death of a monitor we started. It takes the pidfd over.
func (w *watcher) reap(pid, pidfd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pids[int32(pidfd)] = pid //nolint:gosec // as above
	if err := w.add(pidfd); err != nil {
		delete(w.pids, int32(pidfd)) //nolint:gosec // as above
		closeFD(pidfd)
		w.log.Warn("a monitor will not be reaped", "pid", pid, "error", err)
	}
}

// oom tells of processes killed in a memory group: from now on, and of a new run what has happened already.
func (w *watcher) oom(id, dir string, unified, isNew bool) {
	w.forgetOOM(id)
	m := &memory{id: id, dir: dir, unified: unified, fd: -1}
	if !isNew {
		m.kills, _ = m.count() // a group that is gone shows in a moment
	}
	w.watch(m)
	kills, ok := m.count()
	w.mu.Lock()
	missed := ok && kills > m.kills
	m.kills = max(m.kills, kills)
	w.mu.Unlock()
	if missed {
		w.onOOM(id)
	}
}

func (w *watcher) watch(m *memory) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	if m.unified {
		err = w.watchFile(m)
	} else {
		err = w.watchControl(m)
	}
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENODEV) { // it has ended
			w.log.Warn("no live events for lack of memory", "container", short(m.id), "error", err)
		}
		return
	}
	w.limits[int32(m.fd)], w.byID[m.id] = m, m //nolint:gosec // as above
}

// watchControl asks version 1 to signal an eventfd.
func (w *watcher) watchControl(m *memory) error {
	control, err := os.Open(filepath.Join(m.dir, "memory.oom_control"))
	if err != nil {
		return err
	}
	defer control.Close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return err
	}
	request := fmt.Sprintf("%d %d", fd, control.Fd())
	if err := os.WriteFile(filepath.Join(m.dir, "cgroup.event_control"), []byte(request), 0); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	if err := w.add(fd); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	m.fd = fd
	return nil
}

// watchFile watches version 2's memory.events. There are few inotify instances per user, so there is one for all.
func (w *watcher) watchFile(m *memory) error {
	if w.inotify < 0 {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return err
		}
		if err := w.add(fd); err != nil {
			return errors.Join(err, unix.Close(fd))
		}
		w.inotify = fd
	}
	number, err := unix.InotifyAddWatch(w.inotify, filepath.Join(m.dir, "memory.events"), unix.IN_MODIFY)
	if err != nil {
		return err
	}
	m.fd = -2 - number // watches have numbers of their own; below 0 they cannot be taken for descriptors
	return nil
}

func (w *watcher) readInotify() []*memory {
	var buf [4096]byte
	var hit []*memory
	for {
		n, err := unix.Read(w.inotify, buf[:])
		if n < unix.SizeofInotifyEvent || err != nil {
			return hit
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			number := int32(binary.NativeEndian.Uint32(buf[at:])) //nolint:gosec // the kernel's int
			if m, ok := w.limits[-2-number]; ok {
				hit = append(hit, m)
			}
			at += unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[at+12:]))
		}
	}
}

// forgetOOM ends a watch.
func (w *watcher) forgetOOM(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, ok := w.byID[id]
	if !ok {
		return
	}
	delete(w.byID, id)
	delete(w.limits, int32(m.fd)) //nolint:gosec // as above
	if m.unified {
		_, _ = unix.InotifyRmWatch(w.inotify, uint32(-2-m.fd)) //nolint:gosec // as above
		return
	}
	w.remove(m.fd)
	closeFD(m.fd)
}

// count is how many processes of the group the kernel has killed for lack of memory; false when the group is gone.
func (m *memory) count() (int64, bool) {
	name := "memory.oom_control"
	if m.unified {
		name = "memory.events"
	}
	content, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		return 0, false // the exit's entry tells
	}
	for line := range strings.Lines(string(content)) {
		if text, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64) // the kernel writes numbers
			return n, true
		}
	}
	return 0, true
}

func (w *watcher) close() error {
	err := w.epoll.Close()
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	for fd := range w.pids {
		closeFD(int(fd))
	}
	for _, m := range w.byID {
		if !m.unified {
			closeFD(m.fd)
		}
	}
	closeFD(w.inotify)
	return err
}
