//go:build linux

package runtime_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// probe ends with 10 when it has exactly one filter, 20 when not, and 1 more when it may not mkdir, 2 when not chmod.
const probe = `c=10; grep -q '^Seccomp_filters:.1$' /proc/self/status || c=20
mkdir /dev/d$$ 2>/dev/null || c=$((c+1)); chmod 755 /dev 2>/dev/null || c=$((c+2)); exit $c`

// denying is a profile that denies some calls.
func denying(calls ...string) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchAARCH64},
		Syscalls: []specs.LinuxSyscall{{Names: calls, Action: specs.ActErrno}},
	}
}

// TestFilters: whatever is kept of compiled profiles, or is broken of it, each command runs under its own.
func TestFilters(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	kept := func() []string {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(h.root, "run", "filter-*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	profiles := map[int64]*specs.LinuxSeccomp{
		10: denying("swapon"), 11: denying("mkdir", "mkdirat"), 12: denying("chmod", "fchmodat", "fchmodat2", "fchmod"),
	}
	n := 0
	check := func(when string, noNewPrivileges bool) {
		t.Helper()
		for code, profile := range profiles {
			n++
			b := h.bundle(fmt.Sprint("filter", n), "sh", "-c", probe)
			b.Spec.Linux.Seccomp, b.Spec.Process.NoNewPrivileges = profile, noNewPrivileges
			h.start(b)
			if got := h.until(b.ID, runtime.KindExit, 1).Code; got != code {
				t.Errorf("%s: a command ends with %d, want %d", when, got, code)
			}
			b = h.bundle(fmt.Sprint("main", n), "sleep", "1000")
			b.Spec.Linux.Seccomp, b.Spec.Process.NoNewPrivileges = profile, noNewPrivileges
			p := h.start(b)
			e := command("probe", "sh", "-c", probe)
			e.Process.NoNewPrivileges = noNewPrivileges
			if _, _, err := p.Exec(t.Context(), e, nil, nil, runtime.AttachOptions{}); err != nil {
				t.Fatal(err)
			}
			if got := h.execExit(b.ID, "probe").Code; got != code {
				t.Errorf("%s: an exec ends with %d, want %d", when, got, code)
			}
		}
	}
	check("compiled", false)
	files := kept()
	if len(files) != len(profiles) {
		t.Fatalf("kept: %q", files)
	}
	check("kept", false)
	check("kept, no new privileges", true)
	if now := kept(); len(now) != len(files) {
		t.Errorf("kept: %q, then %q", files, now)
	}
	damage := []func(path string, content []byte) error{
		func(path string, content []byte) error { return os.WriteFile(path, nil, 0o600) },
		func(path string, content []byte) error { return os.WriteFile(path, content[:len(content)-8], 0o600) },
		func(path string, content []byte) error { return os.WriteFile(path, make([]byte, len(content)), 0o600) },
	}
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = damage[i%len(damage)](file, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	check("damaged", false)
	check("kept again", false)
	again := openHost(t, h.root)
	defer again.Close()
	if left := kept(); len(left) > 0 {
		t.Errorf("a new daemon leaves %q", left)
	}
}
