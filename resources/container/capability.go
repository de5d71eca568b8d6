package container

import (
	"errors"
	"slices"
	"strings"
)

// capabilities are those of Linux, without prefix. A name missing here is refused at plan, so the list has to follow
// the kernel; it grows about once in two years.
var capabilityNames = []string{
	"ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
	"DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE",
	"MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE",
	"SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
}

// canonicalCapability is a capability in upper case without prefix, the one spelling of all of an engine's.
func canonicalCapability(s string) string { return strings.TrimPrefix(strings.ToUpper(s), "CAP_") }

func isCapability(s string) error {
	if !slices.Contains(capabilityNames, canonicalCapability(s)) {
		return errors.New("no such Linux capability, see capabilities(7)")
	}
	return nil
}
