//go:build linux

package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// Options of a bind: read-only with all that is mounted below it, or alone.
const (
	RecursiveReadOnly = "rro"
	PlainReadOnly     = "ro"
)

// recursiveReadOnly reports whether the kernel can make a mount read-only with all that is mounted below it: 5.12.
func recursiveReadOnly() bool {
	_, _, errno := unix.Syscall6(unix.SYS_MOUNT_SETATTR, ^uintptr(0), 0, 0, 0, 0, 0)
	return errno != unix.ENOSYS && errno != unix.EPERM // what filters system calls says the latter
}

// Bind settles what this host can give of a bind: one that is to be read-only with everything below it is so alone
// where the kernel can do no more, and what is to be shared with the host has to come from a mount that is shared. The
// error then is errs.ErrInvalid: without it the container would silently have mounts of its own.
func (k *Kernel) Bind(m specs.Mount) (specs.Mount, error) {
	options := slices.Clone(m.Options)
	if !k.RecursiveReadOnly {
		for i, option := range options {
			if option == RecursiveReadOnly {
				options[i] = PlainReadOnly
			}
		}
	}
	m.Options = options
	for _, option := range options {
		var err error
		switch option {
		case "shared", "rshared":
			err = propagates(m.Source, "a shared", "shared:")
		case "slave", "rslave":
			err = propagates(m.Source, "a shared or slave", "shared:", "master:")
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

// propagates refuses a source whose mount has none of the properties.
func propagates(source, what string, properties ...string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(source))
	if err != nil {
		return fmt.Errorf("mount of %s: %w", source, err)
	}
	if len(mounts) == 0 { // not even the root of the file system
		return fmt.Errorf("path %s is on no mount: %w", source, errs.ErrNotFound)
	}
	on := mounts[0]
	for _, m := range mounts { // of several at one place the last is seen
		if len(m.Mountpoint) >= len(on.Mountpoint) {
			on = m
		}
	}
	for field := range strings.FieldsSeq(on.Optional) {
		if slices.ContainsFunc(properties, func(p string) bool { return strings.HasPrefix(field, p) }) {
			return nil
		}
	}
	return fmt.Errorf("path %s is mounted on %s but it is not %s mount: %w", source, on.Mountpoint, what, errs.ErrInvalid)
}
