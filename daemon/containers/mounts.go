//go:build linux

package containers

import (
	"cmp"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/daemon/spec"
)

// mountPlan collects what is mounted where. Nothing is made yet: volumes without name get one later.
type mountPlan struct {
	points map[string]mountPoint
	taken  map[string]bool // destinations that Binds, Mounts or Tmpfs name: each at most once
}

// planMounts reads Binds, Mounts, Tmpfs, VolumesFrom and Volumes. from returns the mounts of another container.
func planMounts(c *container.Config, h *container.HostConfig, from func(ref string) ([]mountPoint, error)) ([]mountPoint, error) {
	p := mountPlan{points: map[string]mountPoint{}, taken: map[string]bool{}}
	for _, entry := range h.VolumesFrom {
		if err := p.volumesFrom(entry, from); err != nil {
			return nil, err
		}
	}
	for _, bind := range h.Binds {
		m, err := parseBind(bind, h.VolumeDriver)
		if err != nil {
			return nil, err
		}
		if err := p.add(m); err != nil {
			return nil, err
		}
	}
	for i := range h.Mounts {
		m, err := parseMount(&h.Mounts[i], h.VolumeDriver)
		if err != nil {
			return nil, err
		}
		if err := p.add(m); err != nil {
			return nil, err
		}
	}
	for destination := range h.Tmpfs {
		clean, err := destinationOf(destination, destination)
		if err != nil {
			return nil, err
		}
		if p.taken[clean] {
			return nil, invalid("Duplicate mount point: %s", clean)
		}
		p.taken[clean] = true
		delete(p.points, clean)
	}
	for destination := range c.Volumes {
		clean := path.Clean(destination)
		if _, mounted := p.points[clean]; !mounted && !p.taken[clean] {
			p.points[clean] = mountPoint{Anonymous: true, CopyUp: true, MountPoint: container.MountPoint{
				Type: mount.TypeVolume, Destination: clean, Driver: first(h.VolumeDriver, "local"), RW: true}}
		}
	}
	points := slices.Collect(maps.Values(p.points))
	slices.SortFunc(points, func(a, b mountPoint) int { return cmp.Compare(a.Destination, b.Destination) })
	return points, nil
}

func (p *mountPlan) add(m mountPoint) error {
	if p.taken[m.Destination] {
		return invalid("Duplicate mount point: %s", m.Destination)
	}
	p.taken[m.Destination] = true
	p.points[m.Destination] = m
	return nil
}

// volumesFrom takes over the mounts of another container: "name", "name:ro" or "name:rw".
func (p *mountPlan) volumesFrom(entry string, from func(string) ([]mountPoint, error)) error {
	name, mode, _ := strings.Cut(entry, ":")
	options, err := parseMode(mode)
	if name == "" || err != nil || options.propagation != "" {
		return invalid("invalid VolumesFrom: %q: want NAME[:ro|rw]", entry)
	}
	mounts, err := from(name)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		m.RW = m.RW && !options.readonly
		m.Mode, m.CopyUp = mode, false
		p.points[m.Destination] = m
	}
	return nil
}

// bindMode is the third part of a bind.
type bindMode struct {
	readonly, nocopy bool
	propagation      mount.Propagation
}

func parseMode(text string) (bindMode, error) {
	var mode bindMode
	access := 0
	for word := range strings.SplitSeq(text, ",") {
		switch {
		case word == "":
			if text != "" {
				return mode, invalid("invalid mode: %s", text)
			}
		case word == "ro":
			mode.readonly, access = true, access+1
		case word == "rw":
			access++
		case word == "nocopy":
			mode.nocopy = true
		case word == "z", word == "Z", word == "consistent", word == "cached", word == "delegated":
		case slices.Contains(mount.Propagations, mount.Propagation(word)) && mode.propagation == "":
			mode.propagation = mount.Propagation(word)
		default:
			return mode, invalid("invalid mode: %s", text)
		}
	}
	if access > 1 {
		return mode, invalid("invalid mode: %s", text)
	}
	return mode, nil
}

// destinationOf checks a path inside the container.
func destinationOf(destination, whole string) (string, error) {
	switch clean := path.Clean(destination); {
	case !path.IsAbs(destination) || strings.ContainsRune(destination, 0):
		return "", invalid("invalid volume specification: '%s': invalid mount path: '%s' mount path must be absolute", whole, destination)
	case clean == "/":
		return "", invalid("invalid volume specification: '%s': invalid specification: destination can't be '/'", whole)
	default:
		return clean, nil
	}
}

// parseBind reads an entry of Binds: "source:destination[:mode]", where a source that is no path names a volume, or
// "destination" alone for an anonymous volume.
func parseBind(text, driver string) (mountPoint, error) {
	source, destination, mode := "", "", ""
	parts := strings.Split(text, ":")
	switch {
	case len(parts) == 1:
		destination = parts[0]
	case len(parts) == 2:
		source, destination = parts[0], parts[1]
	case len(parts) == 3:
		source, destination, mode = parts[0], parts[1], parts[2]
	}
	if destination == "" || (len(parts) > 1 && source == "") {
		return mountPoint{}, invalid("invalid volume specification: '%s'", text)
	}
	options, err := parseMode(mode)
	if err != nil {
		return mountPoint{}, invalid("invalid volume specification: '%s': %v", text, err)
	}
	clean, err := destinationOf(destination, text)
	if err != nil {
		return mountPoint{}, err
	}
	m := mountPoint{MountPoint: container.MountPoint{Destination: clean, Mode: mode, RW: !options.readonly}}
	if path.IsAbs(source) {
		m.Type, m.Source, m.MakeSource, m.Propagation = mount.TypeBind, path.Clean(source), true, mount.Propagation(first(string(options.propagation), "rprivate"))
		if options.nocopy {
			return mountPoint{}, invalid("invalid volume specification: '%s': invalid mode: %s", text, mode)
		}
		return m, nil
	}
	if options.propagation != "" {
		return mountPoint{}, invalid("invalid volume specification: '%s': invalid mode: %s", text, mode)
	}
	if source != "" && !validVolume(source) {
		return mountPoint{}, invalid("invalid volume specification: '%s': %q includes invalid characters for a local volume name, only "+
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path", text, source)
	}
	m.Type, m.Name, m.Driver = mount.TypeVolume, source, first(driver, "local")
	m.Anonymous, m.CopyUp = source == "", !options.nocopy
	return m, nil
}

func validVolume(name string) bool {
	return len(name) <= maxName && strictName.MatchString(name)
}

// parseMount reads an entry of Mounts.
func parseMount(in *mount.Mount, driver string) (mountPoint, error) {
	destination, err := mountTarget(in)
	m := mountPoint{Options: in, MountPoint: container.MountPoint{Type: in.Type, Destination: destination, RW: !in.ReadOnly}}
	if err == nil {
		switch in.Type {
		case mount.TypeBind:
			err = m.bind(in)
		case mount.TypeVolume:
			err = m.volume(in, driver)
		case mount.TypeTmpfs:
			_, err = tmpfsOptions(in)
		}
	}
	if err != nil {
		return mountPoint{}, invalid("invalid mount config for type %q: %v", in.Type, err)
	}
	return m, nil
}

// mountTarget checks what all types have in common: where a mount is, and that it has no options of another type.
func mountTarget(in *mount.Mount) (string, error) {
	for _, field := range []struct {
		name string
		of   mount.Type
		set  bool
	}{
		{"BindOptions", mount.TypeBind, in.BindOptions != nil}, {"VolumeOptions", mount.TypeVolume, in.VolumeOptions != nil},
		{"TmpfsOptions", mount.TypeTmpfs, in.TmpfsOptions != nil}, {"ImageOptions", mount.TypeImage, in.ImageOptions != nil},
		{"ClusterOptions", mount.TypeCluster, in.ClusterOptions != nil},
	} {
		if field.set && field.of != in.Type {
			return "", invalid("field %s must not be specified", field.name)
		}
	}
	clean := path.Clean(in.Target)
	switch {
	case in.Type != mount.TypeBind && in.Type != mount.TypeVolume && in.Type != mount.TypeTmpfs:
		return "", invalid("mount type unknown")
	case in.Target == "":
		return "", invalid("field Target must not be empty")
	case !path.IsAbs(in.Target) || strings.ContainsRune(in.Target, 0):
		return "", invalid("invalid mount path: '%s' mount path must be absolute", in.Target)
	case clean == "/":
		return "", invalid("invalid specification: destination can't be '/'")
	case in.Type == mount.TypeBind && in.Source == "":
		return "", invalid("field Source must not be empty")
	case in.Type == mount.TypeTmpfs && in.Source != "":
		return "", invalid("field Source must not be specified")
	}
	return clean, nil
}

// bind reads an entry of type bind.
func (m *mountPoint) bind(in *mount.Mount) error {
	if !path.IsAbs(in.Source) {
		return invalid("invalid mount path: '%s' mount path must be absolute", in.Source)
	}
	m.Source, m.Propagation = path.Clean(in.Source), mount.PropagationRPrivate
	if o := in.BindOptions; o != nil {
		if o.Propagation != "" && !slices.Contains(mount.Propagations, o.Propagation) {
			return invalid("invalid propagation mode: %s", o.Propagation)
		}
		m.Propagation, m.MakeSource = mount.Propagation(first(string(o.Propagation), "rprivate")), o.CreateMountpoint
	}
	switch o := m.bindOptions(); {
	case o.ReadOnlyForceRecursive && !in.ReadOnly:
		return invalid("BindOptions.ReadOnlyForceRecursive needs ReadOnly")
	case o.ReadOnlyForceRecursive && (o.ReadOnlyNonRecursive || o.NonRecursive):
		return invalid("BindOptions.ReadOnlyForceRecursive conflicts with NonRecursive and ReadOnlyNonRecursive")
	}
	if _, err := os.Stat(m.Source); err != nil && !m.MakeSource {
		return invalid("bind source path does not exist: %s", m.Source)
	}
	return nil
}

// volume reads an entry of type volume.
func (m *mountPoint) volume(in *mount.Mount, driver string) error {
	if in.Source != "" && !validVolume(in.Source) {
		return invalid("%q includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. "+
			"If you intended to pass a host directory, use absolute path", in.Source)
	}
	o := in.VolumeOptions
	if o != nil && o.Subpath != "" && (path.IsAbs(o.Subpath) || strings.HasPrefix(path.Clean(o.Subpath), "..")) {
		return invalid("subpath must be a relative path within the volume: %q", o.Subpath)
	}
	if o != nil && o.DriverConfig != nil {
		driver = first(o.DriverConfig.Name, driver)
	}
	m.Name, m.Driver, m.Mode = in.Source, first(driver, "local"), "z"
	m.Anonymous, m.CopyUp = in.Source == "", o == nil || (!o.NoCopy && o.Subpath == "")
	return nil
}

// tmpfsOptions are those of an entry of Mounts.
func tmpfsOptions(in *mount.Mount) ([]string, error) {
	options := []string{"noexec", "nosuid", "nodev"}
	if in.ReadOnly {
		options = append(options, "ro")
	}
	o := in.TmpfsOptions
	if o == nil {
		return options, nil
	}
	if o.SizeBytes < 0 {
		return nil, invalid("negative size %d", o.SizeBytes)
	}
	if o.Mode != 0 {
		options = append(options, "mode="+strconv.FormatUint(uint64(o.Mode), 8))
	}
	if o.SizeBytes > 0 {
		options = append(options, "size="+strconv.FormatInt(o.SizeBytes, 10))
	}
	for _, option := range o.Options {
		if len(option) == 0 || len(option) > 2 || strings.ContainsAny(strings.Join(option, ""), ",\x00") {
			return nil, invalid("invalid tmpfs option %q", option)
		}
		options = append(options, strings.Join(option, "="))
	}
	return options, nil
}

// bindOptions are those of an entry of Mounts, empty for what comes from elsewhere.
func (m *mountPoint) bindOptions() mount.BindOptions {
	if m.Options == nil || m.Options.BindOptions == nil {
		return mount.BindOptions{}
	}
	return *m.Options.BindOptions
}

// runtimeMount is what the runtime mounts. source is the folder of a volume.
func (m *mountPoint) runtimeMount(source string) (specs.Mount, error) {
	if m.Type == mount.TypeTmpfs {
		options, err := tmpfsOptions(m.Options)
		return specs.Mount{Destination: m.Destination, Type: "tmpfs", Source: "tmpfs", Options: options}, err
	}
	kind, access := "rbind", "rw"
	if !m.RW {
		access = spec.RecursiveReadOnly
	}
	if o := m.bindOptions(); o.NonRecursive {
		kind = "bind"
	} else if o.ReadOnlyNonRecursive && !m.RW {
		access = spec.PlainReadOnly
	}
	propagation := first(string(m.Propagation), string(mount.PropagationRPrivate))
	return specs.Mount{Destination: m.Destination, Type: "bind", Source: source, Options: []string{kind, access, propagation}}, nil
}
