//go:build linux

package main

import (
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

func main() {
	args := arguments()
	if len(args) > 0 && isInit(args[0]) {
		runInit(args)
	}
	if len(args) < 4 || args[1] != "run" && (args[1] != "adopt" || len(args) != 5) {
		complain("usage: cleat-monitor run|adopt <state folder> <run folder> [<start line>]", nil)
		syscall.Exit(2)
	}
	m, err := newMonitor(args[2], args[3])
	if err != nil {
		complain("cleat-monitor", err)
		syscall.Exit(1)
	}
	if args[1] == "adopt" {
		start, ok := wire.ParseEntry(args[4])
		if !ok || start.Kind != wire.Start {
			complain("adopt: no start line", nil)
			syscall.Exit(2)
		}
		m.adopt(start)
	}
	m.serve()
}

// arguments are this process's, which package os would know.
func arguments() []string {
	raw := readSmall("/proc/self/cmdline", region(32<<10))
	for size := 64 << 10; len(raw) == size/2; size *= 2 { // a process 1 has the container's command
		raw = readSmall("/proc/self/cmdline", region(size))
	}
	var args []string
	start := 0
	for i, c := range raw {
		if c == 0 {
			args = append(args, string(raw[start:i]))
			start = i + 1
		}
	}
	return args
}
