//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxSize bounds the stripped program, bytes: its text is in the memory of every host once, and is read at every cold start.
const maxSize = 2_000_000

// TestImports fails when the program is linked from more than it needs: each process of it would pay.
func TestImports(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"bytes", "cmp", "errors", "io", "iter", "slices", "strconv", "sync", "sync/atomic", "syscall", "time", "unicode", "unicode/utf8",
		"math/bits", "runtime", "unsafe",
		"github.com/cleat-dev/cleat/daemon/runtime/wire",
	}
	prefixes := []string{"internal/", "runtime/", "github.com/cleat-dev/cleat/cmd/cleat-monitor"}
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		own := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if !own && !slices.Contains(allowed, name) {
			t.Errorf("cleat-monitor is linked from %s", name)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cleat-monitor")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > maxSize {
		t.Errorf("%d bytes, the bound is %d", info.Size(), maxSize)
	}
}
