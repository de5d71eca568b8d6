//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/daemon/server"
)

// quiet is how long nobody has asked for anything when the daemon gives memory back that it may not need for long.
const quiet = 3 * time.Second

// settle is the time between the collection and the giving back of the program's pages.
const settle = 200 * time.Millisecond

// trimmed returns an observer that calls next, and gives memory back whenever there was no call for a while.
func trimmed(next func(server.Call), log hclog.Logger) (observe func(server.Call), stop func() bool) {
	timer := time.AfterFunc(quiet, func() {
		debug.FreeOSMemory()
		all, err := spans()
		if err != nil {
			log.Warn("giving memory back", "error", err)
			return
		}
		// Later, and by itself: whatever runs meanwhile or afterwards takes pages again, and with each of them as much
		// as the page cache has in one piece.
		time.AfterFunc(settle, func() {
			if e := drop(all); e != 0 {
				log.Warn("giving memory back", "error", e)
			}
		})
	})
	return func(c server.Call) {
		next(c)
		timer.Reset(quiet)
	}, timer.Stop
}

// drop gives back pages of the program that were in use only for a moment: what only starting takes is most of them.
// They come back from the page cache when they are touched.
func drop(all []span) syscall.Errno {
	for _, s := range all {
		if _, _, e := syscall.RawSyscall(syscall.SYS_MADVISE, s.start, s.end-s.start, syscall.MADV_DONTNEED); e != 0 {
			return e
		}
	}
	return 0
}

// spans are the parts of the program that can be dropped.
func spans() ([]span, error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	var all []span
	for line := range strings.Lines(string(maps)) {
		all = addSpan(all, strings.TrimSuffix(line, "\n"), program)
	}
	return slices.DeleteFunc(all, func(s span) bool { return !s.clean }), nil
}

// span is a mapping. Only one that is clean can be dropped: it has no page that differs from the program's file.
type span struct {
	start, end uintptr
	program    bool
	clean      bool
}

// addSpan takes a line of smaps (proc_pid_smaps(5)): the head of a mapping, or a number of the last one.
func addSpan(all []span, line, program string) []span {
	var s span
	var permissions string
	if n, _ := fmt.Sscanf(line, "%x-%x %s", &s.start, &s.end, &permissions); n == 3 {
		s.program = strings.HasPrefix(permissions, "r") && !strings.Contains(permissions, "w") && strings.HasSuffix(line, " "+program)
		return append(all, s)
	}
	if fields := strings.Fields(line); len(all) > 0 && len(fields) > 1 && fields[0] == "Anonymous:" {
		last := &all[len(all)-1]
		last.clean = last.program && fields[1] == "0"
	}
	return all
}
