//go:build linux

package runtime_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// TestExecGroups: a command is in all groups of its container before it runs, also where there is no room for another, and
// nothing of what has started it stays there.
func TestExecGroups(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("main", "sleep", "1000")
	limit := int64(3)
	b.Spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
	p := h.start(b)
	for i := range 3 { // libcontainer's state is taken apart at the first
		id := fmt.Sprint("exec", i)
		pid, _, err := p.Exec(t.Context(), command(id, "sleep", "1000"), nil, nil, runtime.AttachOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.Pid()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is in\n%s%v, its container in\n%s", id, got, err, want)
		}
		pids, err := p.Pids(t.Context())
		if err != nil || len(pids) != i+2 {
			t.Errorf("%d and more are in the groups: %v %v", i+2, pids, err)
		}
	}
	for _, dir := range groupsOf(t, h, "main") {
		if _, err := os.Stat(dir + "/cgroup.controllers"); err == nil {
			continue // the last creator may not be gone yet
		}
		tasks, err := os.ReadFile(dir + "/cgroup.procs")
		if err != nil || bytes.Count(tasks, []byte{'\n'}) != 4 {
			t.Errorf("%s: processes\n%s%v", dir, tasks, err)
		}
	}
}
