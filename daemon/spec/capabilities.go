//go:build linux

package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// defaultCapabilities are what a container's root has unless something else is asked for: those of every engine that
// serves this API.
var defaultCapabilities = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE",
	"CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

const allCapabilities = "ALL"

// capabilities returns what add and drop make of the defaults, in the order of names, before what the daemon itself
// lacks is taken away.
func capabilities(add, drop []string, privileged bool) ([]string, error) {
	known := knownCapabilities()
	add, err := normalized("CapAdd", add, known)
	if err != nil {
		return nil, err
	}
	drop, err = normalized("CapDrop", drop, known)
	if err != nil {
		return nil, err
	}
	var set []string
	switch {
	case privileged:
		return known, nil
	case slices.Contains(add, allCapabilities):
		set = without(known, drop)
	case slices.Contains(drop, allCapabilities):
		set = add
	default:
		set = append(without(defaultCapabilities, drop), add...)
	}
	slices.Sort(set)
	return slices.DeleteFunc(slices.Compact(set), func(c string) bool { return c == allCapabilities }), nil
}

func knownCapabilities() []string {
	supported, err := capability.ListSupported()
	if err != nil {
		supported = capability.ListKnown()
	}
	names := make([]string, 0, len(supported))
	for _, c := range supported {
		names = append(names, "CAP_"+strings.ToUpper(c.String()))
	}
	slices.Sort(names)
	return names
}

// normalized spells names as CAP_X. They may come in any case, with or without CAP_.
func normalized(field string, names, known []string) ([]string, error) {
	out := make([]string, 0, len(names))
	for _, name := range names {
		c := strings.ToUpper(name)
		if c != allCapabilities && !strings.HasPrefix(c, "CAP_") {
			c = "CAP_" + c
		}
		if c != allCapabilities && !slices.Contains(known, c) {
			return nil, fmt.Errorf("invalid %s: unknown capability: %q: %w", field, name, errs.ErrInvalid)
		}
		out = append(out, c)
	}
	return out, nil
}

func without(all, drop []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(c string) bool { return slices.Contains(drop, c) })
}

// grant returns the part of set the daemon can give.
func (k *Kernel) grant(set []string) (granted, missing []string) {
	for _, c := range set {
		if k.bounding[c] {
			granted = append(granted, c)
		} else {
			missing = append(missing, c)
		}
	}
	return granted, missing
}

// linuxCapabilities gives a set to a process. Nothing is inheritable or ambient: a program gets more than its user has
// by its file's own capabilities alone.
func linuxCapabilities(set []string) *specs.LinuxCapabilities {
	return &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set}
}
