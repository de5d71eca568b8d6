//go:build linux

package runtime

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

const (
	// maxLine bounds a journal line; longer ones do not occur.
	maxLine = 64 << 10
	// punchStep is how many delivered bytes gather before their blocks are given back to the file system.
	punchStep = 128 << 10
	// retryDelay is how long after a failed delivery the next attempt is made; it doubles with each.
	retryDelay, maxRetryDelay = 200 * time.Millisecond, 5 * time.Second
)

// A journal reads a container's journal and delivers what is new. It outlives the processes of the container, one after
// the other, so that their lines stay in order.
type journal struct {
	r    *Runtime
	id   string
	path string

	mu      sync.Mutex // held during deliveries
	offset  int64      // everything before has been delivered
	punched int64
	seen    int64 // everything before has been observed by the process

	flag    sync.Mutex
	process *Process // hears of lines before OnEntry
	busy    bool     // a goroutine delivers
	more    bool     // and has to look again
}

// journalOf returns the journal of a container; offset counts when it is a new one.
func (r *Runtime) journalOf(id string, offset int64) *journal {
	r.mu.Lock()
	defer r.mu.Unlock()
	j, ok := r.journals[id]
	if !ok {
		j = &journal{r: r, id: id, path: filepath.Join(r.stateDir(id), wire.JournalFile), offset: offset, seen: offset}
		r.journals[id] = j
	}
	return j
}

// wake delivers in the background. Any number of calls is one delivery.
func (j *journal) wake() {
	j.flag.Lock()
	defer j.flag.Unlock()
	if j.busy {
		j.more = true
		return
	}
	if !j.r.goOn(j.run) {
		return
	}
	j.busy = true
}

func (j *journal) run() {
	for delay := retryDelay; ; {
		err := j.deliver()
		if err != nil {
			j.r.config.Log.Error("journal entry is not taken, it will be delivered again", "container", short(j.id), "error", err)
			select {
			case <-time.After(delay):
			case <-j.r.ctx.Done():
			}
			delay = min(2*delay, maxRetryDelay)
		}
		if err == nil {
			delay = retryDelay
		}
		j.flag.Lock()
		if (err == nil && !j.more) || j.r.ctx.Err() != nil {
			j.busy, j.more = false, false
			j.flag.Unlock()
			return
		}
		j.more = false
		j.flag.Unlock()
	}
}

// goOn runs fn in the background unless the runtime is closed.
func (r *Runtime) goOn(fn func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.work.Go(fn)
	return true
}

// deliver hands over everything that is new now.
func (j *journal) deliver() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	file, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	err = eachLine(file, j.offset, func(line string, end int64) error {
		if e, ok := wire.ParseEntry(line); ok {
			if end > j.seen {
				j.seen = end
				if p := j.watcher(); p != nil {
					p.observe(e)
				}
			}
			if err := j.r.config.OnEntry(j.id, e, end); err != nil {
				return err
			}
		}
		j.offset = end
		return j.r.ctx.Err()
	})
	j.punch()
	return err
}

func (j *journal) watcher() *Process {
	j.flag.Lock()
	defer j.flag.Unlock()
	return j.process
}

// follow makes a process hear of the lines from now on.
func (j *journal) follow(p *Process) {
	j.flag.Lock()
	defer j.flag.Unlock()
	j.process = p
}

// punch gives the blocks of delivered lines back: a container that restarts, or is asked for its health, for years would
// fill the disk. The last start line has to stay, and those of execs that run; what is in front of a hole has ended.
func (j *journal) punch() {
	if j.offset-j.punched < punchStep {
		return
	}
	file, err := os.OpenFile(j.path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer file.Close()
	st, err := readState(j.path)
	if err != nil || !st.running() { // the line that says what it is instead stays
		return
	}
	const block = 4096
	for _, span := range [][2]int64{{0, st.startAt}, {st.startEnd, min(j.offset, st.open)}} {
		from, to := (span[0]+block-1)/block*block, (span[1]-1)/block*block // the end of a line stays in front of the next
		if to > from {
			_ = unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, to-from)
		}
	}
	j.punched = j.offset
}

// eachLine calls with every whole line from an offset on, and the offset behind it. A hole is one empty line, and so is what
// is left of the line whose beginning is in it: it might look like another.
func eachLine(file *os.File, offset int64, fn func(line string, end int64) error) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	buf := make([]byte, min(64<<10, max(512, info.Size()-offset+1)))
	var rest []byte
	cut := false // the next line begins in a hole
	for {
		if len(rest) == 0 { // between lines: jump over a hole
			if data, err := unix.Seek(int(file.Fd()), offset, unix.SEEK_DATA); err == nil && data > offset {
				offset, cut = data, true
			}
		}
		n, err := file.ReadAt(buf, offset+int64(len(rest)))
		chunk := append(rest, buf[:n]...)
		for {
			if zeros := bytes.LastIndexByte(chunk[:lineLength(chunk)], 0); zeros >= 0 {
				offset, chunk, cut = offset+int64(zeros)+1, chunk[zeros+1:], true
			}
			i := bytes.IndexByte(chunk, '\n')
			if i < 0 {
				break
			}
			offset += int64(i) + 1
			line := string(chunk[:i])
			chunk = chunk[i+1:]
			if cut {
				line, cut = "", false
			}
			if err := fn(line, offset); err != nil {
				return err
			}
		}
		rest = append([]byte(nil), chunk...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(rest) > maxLine {
			return errors.New("journal: line without end")
		}
	}
}

// lineLength is the length of the first line in b, or of all of b when it has no end.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i
	}
	return len(b)
}

// A journalState is what a journal says of its container at its end.
type journalState struct {
	last     Entry    // the last line that is not of an exec; zero without any
	start    Entry    // of the last run that began
	startAt  int64    // where its line begins
	startEnd int64    // and ends
	execs    []string // that have not ended
	open     int64    // where the line of the first of them begins; size without any
	size     int64    // of whole lines
	run      int64    // highest
}

// running, restarting: what the last line means. Else nothing runs.
func (s journalState) running() bool {
	return s.last.Kind == wire.Start || s.last.Kind == wire.Adopt
}
func (s journalState) restarting() bool { return s.last.Kind == wire.Exit && s.last.Restart }

// readState reads a whole journal. A missing one is empty.
func readState(path string) (journalState, error) {
	var st journalState
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	defer file.Close()
	execs := map[string]int64{} // id to where its line begins
	err = eachLine(file, 0, func(line string, end int64) error {
		st.size = end
		if line == "" {
			clear(execs) // those before a hole have ended; see punch
			return nil
		}
		e, ok := wire.ParseEntry(line)
		if !ok {
			return nil
		}
		st.run = max(st.run, e.Run)
		switch e.Kind {
		case wire.ExecStart:
			execs[e.ID] = end - int64(len(line)) - 1
			return nil
		case wire.ExecExit, wire.ExecFailed:
			delete(execs, e.ID)
			return nil
		case wire.Start:
			st.start, st.startAt, st.startEnd = e, end-int64(len(line))-1, end
			clear(execs)
		case wire.StartFailed, wire.Exit, wire.Stop, wire.Adopt:
		default:
			return nil // of a later release
		}
		st.last = e
		return nil
	})
	st.open = st.size
	for id, at := range execs {
		st.execs, st.open = append(st.execs, id), min(st.open, at)
	}
	slices.Sort(st.execs)
	return st, err
}

// checkOffset returns offset if a line ends there, and 0 if not: the journal is another than the one it was stored for.
func checkOffset(path string, offset int64) int64 {
	if offset <= 0 {
		return 0
	}
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	var before [1]byte
	if n, err := file.ReadAt(before[:], offset-1); n != 1 || err != nil && !errors.Is(err, io.EOF) || before[0] != '\n' && before[0] != 0 {
		return 0
	}
	return offset
}
