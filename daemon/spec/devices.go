//go:build linux

package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// everything is the access of a device rule that allows reading, writing and making nodes.
const everything = "rwm"

// devicesOf returns the device nodes and rules of a container beyond those each one has (null, zero, full, random,
// urandom, tty, ptmx, pts), which the runtime adds.
func devicesOf(h *container.HostConfig) (nodes []specs.LinuxDevice, rules []specs.LinuxDeviceCgroup, err error) {
	if h.Privileged {
		all, err := oci.HostDevices()
		if err != nil {
			return nil, nil, fmt.Errorf("devices of the host: %w", err)
		}
		return all, []specs.LinuxDeviceCgroup{{Allow: true, Access: everything}}, nil
	}
	rules = []specs.LinuxDeviceCgroup{{Allow: false, Access: everything}}
	for _, mapping := range h.Devices {
		more, access, err := mapped(mapping)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range more {
			nodes = append(nodes, d)
			rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &d.Major, Minor: &d.Minor, Access: access})
		}
	}
	for _, text := range h.DeviceCgroupRules {
		r, err := parseDeviceRule(text)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, r)
	}
	return nodes, rules, nil
}

// mapped resolves one mapping, a device or all devices below a folder, and returns the access given to them.
func mapped(m container.DeviceMapping) (found []specs.LinuxDevice, access string, err error) {
	access = m.CgroupPermissions
	if access == "" {
		access = everything
	}
	if strings.Trim(access, everything) != "" {
		return nil, "", fmt.Errorf("device %s: CgroupPermissions %q: want letters of %q: %w", m.PathOnHost, access, everything, errs.ErrInvalid)
	}
	inside := m.PathInContainer
	if inside == "" {
		inside = m.PathOnHost
	}
	if !path.IsAbs(m.PathOnHost) || !path.IsAbs(inside) {
		return nil, "", fmt.Errorf("device %q as %q: both paths must be absolute: %w", m.PathOnHost, inside, errs.ErrInvalid)
	}
	source, err := filepath.EvalSymlinks(m.PathOnHost)
	if err == nil {
		found, err = devicesAt(source, inside)
	}
	if err != nil {
		return nil, "", fmt.Errorf("error gathering device information while adding custom device %q: %w: %w", m.PathOnHost, noFile(err), errs.ErrInvalid)
	}
	return found, access, nil
}

// devicesAt returns the device at source as inside, or those in and below a folder.
func devicesAt(source, inside string) ([]specs.LinuxDevice, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		d, err := oci.DeviceFromPath(source)
		if err != nil {
			return nil, err
		}
		d.Path = inside
		return []specs.LinuxDevice{*d}, nil
	}
	var found []specs.LinuxDevice
	err = filepath.WalkDir(source, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeDevice == 0 {
			return err
		}
		d, err := oci.DeviceFromPath(at)
		if err != nil {
			return err
		}
		d.Path = path.Join(inside, strings.TrimPrefix(at, source))
		found = append(found, *d)
		return nil
	})
	return found, err
}

func noFile(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("no such file or directory")
	}
	return err
}

var deviceRule = regexp.MustCompile(`^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$`)

// parseDeviceRule reads "c 1:3 rwm", "b *:* r", "a *:* rwm".
func parseDeviceRule(text string) (specs.LinuxDeviceCgroup, error) {
	parts := deviceRule.FindStringSubmatch(text)
	if parts == nil {
		return specs.LinuxDeviceCgroup{}, fmt.Errorf("DeviceCgroupRules: %q: want \"TYPE MAJOR:MINOR ACCESS\", as \"c 1:3 rwm\": %w", text, errs.ErrInvalid)
	}
	r := specs.LinuxDeviceCgroup{Allow: true, Type: parts[1], Access: parts[4]}
	for i, into := range []**int64{&r.Major, &r.Minor} {
		if parts[2+i] == "*" {
			continue
		}
		n, err := strconv.ParseInt(parts[2+i], 10, 64)
		if err != nil {
			return r, fmt.Errorf("DeviceCgroupRules: %q: %w: %w", text, err, errs.ErrInvalid)
		}
		*into = &n
	}
	return r, nil
}
