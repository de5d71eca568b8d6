//go:build linux

package runtime

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// next is what follows the settlement of a container whose monitor died.
type next int

const (
	nextNothing next = iota // nothing runs any more
	nextAdopt               // the command lives and gets a new monitor
	nextRun                 // the restart policy wants another run
)

// unknownCode is the exit code of what ended unseen.
const unknownCode = 255

// settle says which lines a journal lacks, and what is to be done. It makes sure that nothing is left of what has ended.
func (p *Process) settle(ctx context.Context, st journalState) ([]Entry, next) {
	now := time.Now().UnixNano()
	rebooted := st.start.Boot != bootID() || p.swept() && !(st.running() && p.alive(st.start))
	switch {
	case st.running() && !rebooted && p.alive(st.start):
		return lostExecs(st, now, unknownCode), nextAdopt
	case st.running():
		exit := Entry{Kind: wire.Exit, Run: st.start.Run, Time: now, Code: unknownCode}
		if rebooted {
			exit.Message = "the host was restarted"
		} else if code, ok := p.exitCode(st.start); ok {
			exit.Code = code
		} else {
			exit.Message = "it ended after its monitor had died, and the kernel keeps no exit code"
		}
		if m := (&memory{dir: p.conf.Memory, unified: p.conf.Unified}); !rebooted && m.dir != "" {
			kills, _ := m.count()
			exit.OOM = kills > 0
		}
		p.clean(ctx)
		lines := lostExecs(st, now, 128+int64(unix.SIGKILL))
		if !rebooted && p.wanted(exit.Code, st.start.Count) {
			exit.Restart = true
			return append(lines, exit), nextRun
		}
		return append(lines, exit), nextNothing
	case st.restarting() && rebooted:
		return []Entry{{Kind: wire.Stop, Run: st.last.Run, Time: now}}, nextNothing
	case st.restarting():
		p.clean(ctx) // a start that was under way
		return nil, nextRun
	}
	p.clean(ctx)
	p.mu.Lock()
	starting := p.asked && st.run <= p.opened // else the start has its lines, only its caller has not returned
	p.mu.Unlock()
	failed := Entry{Kind: wire.StartFailed, Run: st.run + 1, Time: now, Class: wire.ClassOther, Code: 128, Message: "cleat-monitor died while it started the container"}
	if starting {
		return []Entry{failed}, nextNothing
	}
	p.end()
	return nil, nextNothing
}

// swept reports whether what only a reboot clears is gone. In a container that was started again the boot is the same, and
// yet there are no mounts and no namespaces for another run: that takes a start by the caller.
func (p *Process) swept() bool {
	_, err := os.Lstat(p.r.runDir(p.id))
	return errors.Is(err, fs.ErrNotExist)
}

// lostExecs are the ends of execs whose code is lost with the monitor.
func lostExecs(st journalState, now, code int64) []Entry {
	var lines []Entry
	for _, id := range st.execs {
		lines = append(lines, Entry{Kind: wire.ExecExit, Run: st.start.Run, Time: now, ID: id, Code: code, Message: "its monitor died"})
	}
	return lines
}

// alive reports whether the command of a run lives: the same process, and not a zombie.
func (p *Process) alive(start Entry) bool {
	stat, ok := statOf(start.Pid)
	return ok && stat.startTime == start.StartTime && stat.state != "Z" && stat.state != "X"
}

// exitCode finds the code of a command that is dead: by the pidfd from when it lived, or while it is a zombie.
func (p *Process) exitCode(start Entry) (int64, bool) {
	p.mu.Lock()
	fd := p.command
	p.mu.Unlock()
	if code, ok := pidfdExit(fd); ok {
		return code, true
	}
	if stat, ok := statOf(start.Pid); ok && stat.startTime == start.StartTime && stat.state == "Z" {
		return codeOf(stat.code), true
	}
	return pidfdExit(fd) // reaped between the two
}

// pidfdExit asks the kernel for the exit code of a process that was reaped (Linux 6.15).
func pidfdExit(fd int) (int64, bool) {
	if fd < 0 {
		return 0, false
	}
	const getInfo, infoExit = 0xC040FF0B, 1 << 3 // PIDFD_GET_INFO of 64 bytes, PIDFD_INFO_EXIT
	var info [64]byte
	binary.NativeEndian.PutUint64(info[:], infoExit)
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), getInfo, uintptr(unsafe.Pointer(&info[0]))); e != 0 {
		return 0, false
	}
	if binary.NativeEndian.Uint64(info[:])&infoExit == 0 {
		return 0, false
	}
	return codeOf(int(int32(binary.NativeEndian.Uint32(info[60:])))), true //nolint:gosec // the kernel's int
}

// codeOf is what the API shows for a wait status.
func codeOf(status int) int64 {
	if s := unix.WaitStatus(status); s.Signaled() { //nolint:gosec // 16 bits
		return 128 + int64(s.Signal())
	}
	return int64(unix.WaitStatus(status).ExitStatus()) //nolint:gosec // as above
}

// wanted reports whether the policy starts a container again, as a monitor would decide.
func (p *Process) wanted(code, count int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.conf.Policy {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		return code != 0 && (p.conf.MaxRetry <= 0 || count < p.conf.MaxRetry)
	}
	return false
}

// clean kills and removes what is left of a run.
func (p *Process) clean(ctx context.Context) {
	p.mu.Lock()
	dirs, freezer := p.conf.Cgroups, p.conf.Freezer
	p.mu.Unlock()
	if err := sweep(ctx, dirs, freezer); err != nil {
		p.r.config.Log.Warn("leftovers of a container could not be removed", "container", short(p.id), "error", err)
	}
}
