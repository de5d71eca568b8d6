//go:build linux

package runtime_test

import (
	"os/signal"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// TestIgnoredSignalsAreNotInherited: a daemon started by nohup has SIGHUP ignored; its containers have not.
func TestIgnoredSignalsAreNotInherited(t *testing.T) {
	signal.Ignore(unix.SIGHUP, unix.SIGINT)
	t.Cleanup(func() { signal.Reset(unix.SIGHUP, unix.SIGINT) })
	// Signal 32 is the C library's own, and ignored in what make or systemd has started.
	internal(t, 1)
	t.Cleanup(func() { internal(t, 0) })
	h := newHost(t)
	for name, command := range map[string]string{
		"hup": `trap "exit 8" HUP; kill -HUP $$; exit 1`,
		"int": `trap "exit 8" INT; kill -INT $$; exit 1`,
		"all": `grep -q "^SigIgn:.0000000000000000" /proc/self/status && exit 8; exit 1`,
	} {
		h.start(h.bundle(name, "sh", "-c", command))
		if e := h.until(name, runtime.KindExit, 1); e.Code != 8 {
			t.Errorf("%s: exit code %d, want 8: the signal is ignored", name, e.Code)
		}
	}
}

// internal sets what becomes of signal 32: 0 the default, 1 nothing.
func internal(t *testing.T, handler uintptr) {
	t.Helper()
	action := [4]uint64{uint64(handler)} // the kernel's struct sigaction begins with the handler
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, 32, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0); e != 0 {
		t.Fatal(e)
	}
}
