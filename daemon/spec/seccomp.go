//go:build linux

package spec

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// profile is a seccomp profile as clients send it: the runtime specification's, with architectures and rules that
// depend on the host and the container.
type profile struct {
	specs.LinuxSeccomp
	ArchMap []struct {
		Architecture     specs.Arch   `json:"architecture"`
		SubArchitectures []specs.Arch `json:"subArchitectures"`
	} `json:"archMap"`
	Syscalls []profileRule `json:"syscalls"`
}

type profileRule struct {
	specs.LinuxSyscall
	// Name is the older form of Names.
	Name     string        `json:"name"`
	Includes profileFilter `json:"includes"`
	Excludes profileFilter `json:"excludes"`
}

type profileFilter struct {
	Caps      []string `json:"caps"`
	Arches    []string `json:"arches"`
	MinKernel string   `json:"minKernel"`
}

// profileLimit bounds a profile in bytes.
const profileLimit = 1 << 20

// parseProfile reads a profile's JSON.
func parseProfile(text string) (*profile, error) {
	if len(text) > profileLimit {
		return nil, fmt.Errorf("seccomp profile: %d bytes, more than %d: %w", len(text), profileLimit, errs.ErrInvalid)
	}
	var p profile
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, fmt.Errorf("decoding seccomp profile failed: %w: %w", err, errs.ErrInvalid)
	}
	if p.DefaultAction == "" {
		return nil, fmt.Errorf("seccomp profile: defaultAction is missing: %w", errs.ErrInvalid)
	}
	if len(p.ArchMap) > 0 && len(p.Architectures) > 0 {
		return nil, fmt.Errorf("seccomp profile: both architectures and archMap are given, use one: %w", errs.ErrInvalid)
	}
	for _, rule := range p.Syscalls {
		if rule.Name != "" && len(rule.Names) > 0 {
			return nil, fmt.Errorf("seccomp profile: rule for %q has both name and names: %w", rule.Name, errs.ErrInvalid)
		}
	}
	return &p, nil
}

// linux resolves the conditions for a container with these capabilities on this host.
func (p *profile) linux(capabilities []string) *specs.LinuxSeccomp {
	out := p.LinuxSeccomp
	native := nativeArch()
	for _, arch := range p.ArchMap {
		if arch.Architecture == native {
			out.Architectures = append([]specs.Arch{arch.Architecture}, arch.SubArchitectures...)
		}
	}
	release := kernelRelease()
	out.Syscalls = nil
	for _, rule := range p.Syscalls {
		if !rule.Includes.holds(capabilities, release, true) || rule.Excludes.holds(capabilities, release, false) {
			continue
		}
		call := rule.LinuxSyscall
		if rule.Name != "" {
			call.Names = []string{rule.Name}
		}
		out.Syscalls = append(out.Syscalls, call)
	}
	return &out
}

// holds reports whether all (includes) or any (excludes) of the conditions are met; empty ones are met by includes and
// not by excludes.
func (f profileFilter) holds(capabilities []string, release [2]int, all bool) bool {
	var met []bool
	for _, c := range f.Caps {
		met = append(met, slices.Contains(capabilities, c))
	}
	if len(f.Arches) > 0 {
		met = append(met, slices.Contains(f.Arches, runtime.GOARCH))
	}
	if f.MinKernel != "" {
		want := release
		if _, err := fmt.Sscanf(f.MinKernel, "%d.%d", &want[0], &want[1]); err == nil {
			met = append(met, slices.Compare(release[:], want[:]) >= 0)
		}
	}
	if all {
		return !slices.Contains(met, false)
	}
	return slices.Contains(met, true)
}

func nativeArch() specs.Arch {
	return map[string]specs.Arch{
		"amd64": specs.ArchX86_64, "386": specs.ArchX86, "arm64": specs.ArchAARCH64, "arm": specs.ArchARM, "riscv64": specs.ArchRISCV64,
		"ppc64le": specs.ArchPPC64LE, "s390x": specs.ArchS390X, "loong64": specs.ArchLOONGARCH64,
	}[runtime.GOARCH]
}

func kernelRelease() (release [2]int) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return release
	}
	// An unreadable release is 0.0: rules for newer kernels are then left out.
	_, _ = fmt.Sscanf(strings.TrimRight(unix.ByteSliceToString(name.Release[:]), "+"), "%d.%d", &release[0], &release[1])
	return release
}
