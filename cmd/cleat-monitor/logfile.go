//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/cmd/cleat-monitor/internal/jsonlog"
	"github.com/cleat-dev/cleat/cmd/cleat-monitor/internal/lines"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// batch is after how many bytes records are written, those of a read at its end: what is in the processor's cache is
// copied twice as fast.
const batch = 48 << 10

// A logFile is the log driver json-file. The file never has a torn line: what a full disk does not take is counted, cut off
// to the last whole line, and mentioned when there is room again.
type logFile struct {
	path    string
	fd      int
	size    int64
	maxSize int64 // 0: no rotation
	files   int64
	lines   lines.Splitter
	encoder jsonlog.Encoder
	region  []byte
	out     []byte // records to be written; in region
	record  int    // the longest record
	dropped int64  // lines since the disk is full
}

func openLogFile(conf wire.Conf) (*logFile, error) {
	f := &logFile{path: conf.LogPath, maxSize: conf.MaxSize, files: max(conf.MaxFile, 2)}
	f.encoder.Attrs = conf.Attrs
	f.record = 6*lines.Max + jsonlog.Overhead + len(conf.Attrs)
	f.region = region(batch + f.record)
	f.out = f.region[:0]
	if err := f.open(); err != nil {
		return nil, err
	}
	f.resume()
	return f, nil
}

func (f *logFile) open() error {
	fd, err := open(f.path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		closeFd(fd)
		return err
	}
	f.fd, f.size = fd, st.Size
	if whole := wholeLines(fd, st.Size); whole < st.Size && syscall.Ftruncate(fd, whole) == nil {
		f.size = whole
	}
	return nil
}

// resume makes times continue after the last record's, which is behind its last `"time":"`.
func (f *logFile) resume() {
	const length, tail = len("2006-01-02T15:04:05.000000000Z"), len("\"}\n")
	var end [length + tail]byte
	if f.size < int64(len(end)) {
		return
	}
	if n, err := syscall.Pread(f.fd, end[:], f.size-int64(len(end))); err != nil || n != len(end) {
		return
	}
	if t, ok := jsonlog.ParseTime(end[:length]); ok {
		f.encoder.Resume(t)
	}
}

func (f *logFile) write(stream byte, data []byte) {
	at := now()
	for len(data) > 0 {
		line, newline, rest, ok := f.lines.Next(stream, data)
		if ok {
			f.add(stream, line, newline, at)
		}
		data = rest
	}
	f.flush()
}

// add puts a record into the buffer, which has room for one more after every call.
func (f *logFile) add(stream byte, line []byte, newline bool, at int64) {
	if f.maxSize > 0 && f.size+int64(len(f.out)) >= f.maxSize {
		f.flush()
		f.rotate()
	}
	f.out = f.encoder.Append(f.out, stream, line, newline, at)
	if len(f.out) >= batch {
		f.flush()
	}
}

func (f *logFile) end() {
	for stream := byte(1); stream <= 2; stream++ {
		if line := f.lines.End(stream); line != nil {
			f.add(stream, line, false, now())
		}
	}
	f.flush()
}

func (f *logFile) idle() {
	release(f.region)
	f.lines.Idle()
}

func (f *logFile) close() {
	f.end()
	closeFd(f.fd)
	f.fd = -1
}

func (f *logFile) pending() bool { return false }

// flush writes the buffer.
func (f *logFile) flush() {
	if len(f.out) == 0 {
		return
	}
	if f.dropped > 0 && !f.mention() {
		f.dropped += count(f.out)
		f.out = f.out[:0]
		return
	}
	f.dropped += count(f.out[f.put(f.out):])
	f.out = f.out[:0]
}

// mention writes the record that tells how many lines are missing; false when there is still no room.
func (f *logFile) mention() bool {
	text := "[cleat: " + wire.Itoa(f.dropped) + " lines lost, the log could not be written]"
	record := f.encoder.Append(nil, 2, []byte(text), true, now())
	if f.put(record) < len(record) {
		return false
	}
	f.dropped = 0
	return true
}

// put writes records and returns how many bytes of whole records are in the file.
func (f *logFile) put(b []byte) int {
	n := 0
	for n < len(b) {
		k, err := syscall.Write(f.fd, b[n:])
		if err == syscall.EINTR {
			continue
		}
		if k > 0 {
			n += k
		}
		if err != nil || k <= 0 {
			break
		}
	}
	whole := n
	if n < len(b) {
		for whole > 0 && b[whole-1] != '\n' {
			whole--
		}
		if whole < n {
			_ = syscall.Ftruncate(f.fd, f.size+int64(whole))
		}
	}
	f.size += int64(whole)
	return whole
}

func count(b []byte) (n int64) {
	for _, c := range b {
		if c == '\n' {
			n++
		}
	}
	return n
}

// rotate begins a new file. A reader of the old one keeps it under its new name, .1; the oldest goes. Where a rename
// fails, writing goes on in the file there is.
func (f *logFile) rotate() {
	name := func(i int64) string { return f.path + "." + wire.Itoa(i) }
	for i := f.files - 1; i > 1; i-- {
		_ = syscall.Rename(name(i-1), name(i))
	}
	old := f.fd
	if syscall.Rename(f.path, name(1)) != nil {
		return
	}
	if err := f.open(); err != nil {
		f.fd = old
		_ = syscall.Rename(name(1), f.path)
		return
	}
	closeFd(old)
}
