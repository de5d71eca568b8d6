//go:build linux

package runtime_test

import (
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// TestIgnoredSignalsAreNotInherited: a daemon started by nohup has SIGHUP ignored; its containers have not.
func TestIgnoredSignalsAreNotInherited(t *testing.T) {
	signal.Ignore(unix.SIGHUP, unix.SIGINT)
	t.Cleanup(func() { signal.Reset(unix.SIGHUP, unix.SIGINT) })
	h := newHost(t)
	for name, command := range map[string]string{
		"hup": `trap "exit 8" HUP; kill -HUP $$; exit 1`,
		"int": `trap "exit 8" INT; kill -INT $$; exit 1`,
	} {
		h.start(h.bundle(name, "sh", "-c", command))
		if e := h.until(name, runtime.KindExit, 1); e.Code != 8 {
			t.Errorf("%s: exit code %d, want 8: the signal is ignored", name, e.Code)
		}
	}
}
