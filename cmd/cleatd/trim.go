//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/server"
)

// quiet is how long nobody has asked for anything when the daemon gives memory back that it may not need for long.
const quiet = 3 * time.Second

// trimmed returns an observer that calls next, and gives memory back whenever there was no call for a while.
func trimmed(next func(server.Call), log hclog.Logger) (observe func(server.Call), stop func() bool) {
	timer := time.AfterFunc(quiet, func() {
		if err := trim(); err != nil {
			log.Warn("giving memory back", "error", err)
		}
	})
	return func(c server.Call) {
		next(c)
		timer.Reset(quiet)
	}, timer.Stop
}

// trim gives back what the heap does not need, and the pages of the program that were in use only for a moment: what
// only starting takes is most of it. They come back from the page cache when they are touched.
func trim() error {
	debug.FreeOSMemory()
	all, err := spans()
	if err != nil {
		return err
	}
	// Last of all and by itself: whatever runs after it takes pages again, and with each as much as the page cache has
	// in one piece.
	for _, s := range all {
		if _, _, e := unix.RawSyscall(unix.SYS_MADVISE, s.start, s.end-s.start, unix.MADV_DONTNEED); e != 0 {
			return fmt.Errorf("madvise: %w", e)
		}
	}
	return nil
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
