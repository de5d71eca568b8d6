//go:build linux

package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/selinux/go-selinux/label"

	"github.com/cleat-dev/cleat/api/errs"
)

// unconfined switches a protection off.
const unconfined = "unconfined"

// security is what SecurityOpt says.
type security struct {
	noNewPrivileges bool
	apparmor        string
	seccomp         string // "", unconfined, builtin, or a profile's JSON
	systempaths     string
	labels          []string
}

// parseSecurity reads SecurityOpt: "KEY=VALUE", or "KEY:VALUE" as clients before 1.22 wrote it.
func parseSecurity(options []string) (security, error) {
	var s security
	for _, option := range options {
		key, value, given := strings.Cut(option, "=")
		if !given {
			key, value, given = strings.Cut(option, ":")
		}
		var err error
		switch {
		case key == "no-new-privileges":
			s.noNewPrivileges = true
			if given {
				s.noNewPrivileges, err = strconv.ParseBool(value)
			}
		case !given:
			err = fmt.Errorf("want KEY=VALUE")
		case key == "apparmor":
			s.apparmor = value
		case key == "seccomp":
			s.seccomp = value
		case key == "label":
			s.labels = append(s.labels, value)
		case key == "systempaths":
			s.systempaths = value
		default:
			err = fmt.Errorf("want apparmor, label, no-new-privileges, seccomp or systempaths")
		}
		if err != nil {
			return s, fmt.Errorf("invalid --security-opt: %q: %w: %w", option, err, errs.ErrInvalid)
		}
	}
	return s, nil
}

// check refuses what the kernel has not: a container must never run with less than was asked for.
func (s security) check(k *Kernel) error {
	if s.apparmor != "" && s.apparmor != unconfined && !k.AppArmor {
		return fmt.Errorf("security option apparmor=%s: AppArmor is not enabled on this host: %w", s.apparmor, errs.ErrInvalid)
	}
	for _, l := range s.labels {
		if l != "disable" && !k.SELinux {
			return fmt.Errorf("security option label=%s: SELinux is not enabled on this host: %w", l, errs.ErrInvalid)
		}
	}
	if s.seccomp != "" && s.seccomp != unconfined && !k.Seccomp {
		return fmt.Errorf("security option seccomp: seccomp is not enabled in this kernel: %w", errs.ErrInvalid)
	}
	if s.seccomp != "" && s.seccomp != unconfined && s.seccomp != "builtin" {
		if _, err := parseProfile(s.seccomp); err != nil {
			return err
		}
	}
	return nil
}

// AppArmorProfile is the profile a container runs under, "" for none.
func (k *Kernel) AppArmorProfile(h *container.HostConfig) string {
	s, err := parseSecurity(h.SecurityOpt)
	if err != nil { // refused at create
		return ""
	}
	return k.profile(s, h)
}

func (k *Kernel) profile(s security, h *container.HostConfig) string {
	switch {
	case !k.AppArmor || s.apparmor == unconfined:
		return ""
	case s.apparmor == "" && h.Privileged:
		return ""
	}
	return cmp.Or(s.apparmor, k.DefaultAppArmor)
}

// apply writes the protections into a specification whose capabilities are set: system calls depend on them.
func (s security) apply(out *specs.Spec, k *Kernel, h *container.HostConfig) error {
	out.Process.NoNewPrivileges = s.noNewPrivileges
	out.Process.ApparmorProfile = k.profile(s, h)
	// As with other engines nothing is labelled that did not ask for it: the host's policy has to know the data root first.
	if k.SELinux && len(s.labels) > 0 && !h.Privileged {
		process, mount, err := label.InitLabels(s.labels)
		if err != nil {
			return fmt.Errorf("security option label: %w: %w", err, errs.ErrInvalid)
		}
		out.Process.SelinuxLabel, out.Linux.MountLabel = process, mount
	}
	if s.systempaths == unconfined {
		out.Linux.MaskedPaths, out.Linux.ReadonlyPaths = nil, nil
	}
	if !k.Seccomp || s.seccomp == unconfined || (h.Privileged && s.seccomp == "") {
		return nil
	}
	if s.seccomp == "" || s.seccomp == "builtin" {
		out.Linux.Seccomp = defaultProfile(out)
		return nil
	}
	profile, err := parseProfile(s.seccomp)
	if err != nil {
		return err
	}
	out.Linux.Seccomp = profile.linux(out.Process.Capabilities.Bounding)
	return nil
}

// defaultProfile is containerd's without the x32 ABI, which kernels do not have or have switched off: compiling the filter
// is most of the time a start or an exec takes, and a third architecture doubles it. A call of that ABI ends the process.
func defaultProfile(out *specs.Spec) *specs.LinuxSeccomp {
	p := seccomp.DefaultProfile(out)
	p.Architectures = slices.DeleteFunc(p.Architectures, func(a specs.Arch) bool { return a == specs.ArchX32 })
	return p
}
