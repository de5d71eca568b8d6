//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// reserve is how much of the journal is allocated ahead, so that an exit can be recorded on a full disk.
const reserve = 16 << 10

// A journal is the container's journal, open and locked: holding the lock is what makes a process the container's monitor.
type journal struct {
	fd             int
	size, reserved int64
	waiting        []byte // lines the disk had no room for
	retrying       bool
	retry          func(milliseconds int64, call func()) *timer
}

// openJournal waits for the lock: a monitor that has just written its last line holds it for a moment.
func openJournal(path string, retry func(int64, func()) *timer) (*journal, error) {
	fd, err := open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(fd, syscall.LOCK_EX)
		if err == nil {
			break
		}
		if err != syscall.EINTR {
			return nil, err
		}
	}
	j := &journal{fd: fd, retry: retry}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, err
	}
	j.size = wholeLines(fd, st.Size)
	if j.size < st.Size {
		if err := syscall.Ftruncate(fd, j.size); err != nil {
			return nil, err
		}
	}
	j.ahead()
	return j, nil
}

// wholeLines is the size of a file without an unterminated last line.
func wholeLines(fd int, size int64) int64 {
	var buf [512]byte
	for end := size; end > 0; {
		n := min(end, int64(len(buf)))
		k, err := syscall.Pread(fd, buf[:n], end-n)
		if err != nil || int64(k) != n {
			return size
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] == '\n' || buf[i] == 0 { // 0: a hole, where cleatd gave read lines back
				return end - n + i + 1
			}
		}
		end -= n
	}
	return 0
}

func (j *journal) ahead() {
	if j.size+reserve/4 > j.reserved {
		if syscall.Fallocate(j.fd, fallocKeepSize, j.size, reserve) == nil { // else the file system cannot; then exits may wait
			j.reserved = j.size + reserve
		}
	}
}

// append writes an entry. What cannot be written is kept and tried again; entries never overtake each other.
func (j *journal) append(e wire.Entry) {
	if e.Time == 0 {
		e.Time = now()
	}
	j.waiting = e.Append(j.waiting)
	j.flush()
}

// flush writes what is waiting and reports whether nothing waits any more.
func (j *journal) flush() bool {
	if len(j.waiting) == 0 {
		return true
	}
	n, err := syscall.Write(j.fd, j.waiting)
	if err == nil && n == len(j.waiting) {
		j.size += int64(n)
		j.waiting = nil
		j.ahead()
		return true
	}
	_ = syscall.Ftruncate(j.fd, j.size) // no torn lines
	if !j.retrying {
		j.retrying = true
		j.retry(500, func() { j.retrying = false; j.flush() })
	}
	return false
}

// unlock ends the ownership of the container.
func (j *journal) unlock() {
	closeFd(j.fd)
	j.fd = -1
}
