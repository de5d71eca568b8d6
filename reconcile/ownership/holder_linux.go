package ownership

import (
	"bytes"
	"fmt"
	"os"
)

// hostID names this host and the process numbers that are valid in it: a container has its own.
func hostID() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s/%.8s/%s", host, boot, namespace)
}

// process returns what tells a process from all that had its number before: when it started, in clock ticks since
// boot (field 22 of proc(5) stat, counted from behind the name, which may hold anything).
func process(pid int) (string, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || len(fields[0]) == 1 && fields[0][0] == 'Z' {
		return "", false
	}
	return string(fields[19]), true
}
