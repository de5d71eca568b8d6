//go:build linux && amd64

package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestDefaultProfileArchitectures: programs of both word sizes run, the third ABI costs every start and does not.
func TestDefaultProfileArchitectures(t *testing.T) {
	t.Parallel()
	p := defaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}})
	if diff := cmp.Diff([]specs.Arch{specs.ArchX86_64, specs.ArchX86}, p.Architectures); diff != "" {
		t.Error(diff)
	}
	if len(p.Syscalls) == 0 || p.DefaultAction != specs.ActErrno {
		t.Errorf("%d rules, default %s", len(p.Syscalls), p.DefaultAction)
	}
}
