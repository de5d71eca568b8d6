package container

import (
	"cmp"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/mount"

	"github.com/cleat-dev/cleat/resources/contract"
)

// bind is one entry of an engine's list of binds, source:path[:options].
type bind struct {
	source, target string
	readOnly       bool
	label          string // z or Z
	propagation    mount.Propagation
}

// parseBind splits a bind at the colon before the path in the container, which begins with a slash.
func parseBind(s string) (bind, bool) {
	from := 0
	if len(s) > 2 && s[1] == ':' { // a drive letter
		from = 2
	}
	i := strings.Index(s[from:], ":/")
	if i < 0 {
		return bind{}, false
	}
	i += from
	target, options, _ := strings.Cut(s[i+1:], ":")
	b := bind{source: s[:i], target: target}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "ro":
			b.readOnly = true
		case "z", "Z":
			b.label = option
		case "private", "rprivate", "shared", "rshared", "slave", "rslave":
			b.propagation = mount.Propagation(option)
		}
	}
	return b, true
}

// isAnonymous reports whether the source is a volume the engine named.
func (b bind) isAnonymous() bool { return isID(b.source) }

// samePath compares paths: podman cleans them.
func samePath(a, b string) bool { return path.Clean(a) == path.Clean(b) }

func flattenStorage(o observation, last Model, m *Model) {
	var binds []bind
	for _, s := range o.HostConfig.Binds {
		if b, ok := parseBind(s); ok {
			binds = append(binds, b)
		}
	}
	mounts, tmpfs := o.HostConfig.Mounts, o.HostConfig.Tmpfs
	anonymous := slices.Sorted(maps.Keys(o.Config.Volumes))
	if o.podman {
		binds, mounts, tmpfs, anonymous = untangle(o, last, binds)
	}
	m.Mounts = flattenMounts(last.Mounts, mounts)
	m.Volumes = flattenVolumes(o, last.Volumes, binds, anonymous)
	m.Tmpfs = followMap(last.Tmpfs, tmpfs)
}

// untangle sorts out podman's answer, where every mount is a bind or a tmpfs, those of the image and of read_only
// among them: what was declared as a mount is one, and what nobody can have asked for is left out.
func untangle(o observation, last Model, have []bind) (binds []bind, mounts []mount.Mount, tmpfs map[string]string, anonymous []string) {
	tmpfs = map[string]string{}
	for target, options := range o.HostConfig.Tmpfs {
		was, _ := last.Tmpfs.Elements()[target].(types.String)
		options = withoutAdded(options, was.ValueString())
		if options == "" && o.HostConfig.ReadonlyRootfs && slices.Contains([]string{"/run", "/tmp", "/var/tmp"}, target) && last.Tmpfs.Elements()[target] == nil {
			continue
		}
		tmpfs[target] = options
	}
	for _, declared := range expandMounts(last.Mounts) {
		if declared.Type == mount.TypeTmpfs {
			if options, ok := tmpfs[declared.Target]; ok {
				delete(tmpfs, declared.Target)
				mounts = append(mounts, mountedTmpfs(declared, options))
			}
			continue
		}
		i := slices.IndexFunc(have, func(b bind) bool { return samePath(b.target, declared.Target) })
		if i < 0 {
			continue
		}
		found := have[i]
		have = slices.Delete(slices.Clone(have), i, i+1)
		declared.ReadOnly = found.readOnly
		wanted := cmp.Or(orZero(declared.BindOptions).Propagation, mount.PropagationRPrivate)
		if declared.Type == mount.TypeBind && found.propagation != "" && found.propagation != wanted {
			declared.BindOptions = &mount.BindOptions{Propagation: found.propagation}
		}
		if !samePath(declared.Source, found.source) && !(declared.Source == "" && found.isAnonymous()) {
			declared.Source = found.source
		}
		mounts = append(mounts, declared)
	}
	inherits := len(volumesFrom(last.Volumes)) > 0
	for _, b := range have {
		_, ofImage := o.image.Volumes[b.target]
		declared := slices.ContainsFunc(last.Volumes.Items, func(v Volume) bool { return samePath(v.ContainerPath.ValueString(), b.target) })
		switch {
		case b.isAnonymous() && ofImage && !declared, inherits && !declared:
		case b.isAnonymous():
			anonymous = append(anonymous, b.target)
		default:
			binds = append(binds, b)
		}
	}
	return binds, mounts, tmpfs, anonymous
}

// mountedTmpfs is a declared tmpfs as podman has mounted it.
func mountedTmpfs(declared mount.Mount, options string) mount.Mount {
	have := orZero(declared.TmpfsOptions)
	have.SizeBytes, have.Mode = 0, 0
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "size":
			have.SizeBytes, _ = units.RAMInBytes(value) // what does not parse differs from what was declared
		case "mode":
			bits, _ := strconv.ParseUint(value, 8, 32)
			have.Mode = os.FileMode(bits)
		}
	}
	if declared.TmpfsOptions != nil || have.SizeBytes != 0 || have.Mode != 0 {
		declared.TmpfsOptions = &have
	}
	return declared
}

// podmanTmpfs is what podman writes behind the options of every tmpfs, as far as they do not say it themselves.
var podmanTmpfs = []string{"rw", "rprivate", "nosuid", "nodev", "tmpcopyup"}

// withoutAdded leaves of the options of a tmpfs those podman has not added.
func withoutAdded(options, declared string) string {
	list, given := strings.Split(options, ","), strings.Split(declared, ",")
	for len(list) > 0 && slices.Contains(podmanTmpfs, list[len(list)-1]) && !slices.Contains(given, list[len(list)-1]) {
		list = list[:len(list)-1]
	}
	return strings.Join(list, ",")
}

func flattenVolumes(o observation, last contract.Blocks[Volume], binds []bind, anonymous []string) contract.Blocks[Volume] {
	var out contract.Blocks[Volume]
	for _, b := range binds {
		out.Items = append(out.Items, flattenVolume(o, last, b))
	}
	for _, target := range anonymous {
		_, ofImage := o.image.Volumes[target]
		was, declared := findVolume(last, func(v Volume) bool {
			return samePath(v.ContainerPath.ValueString(), target) && v.HostPath.ValueString() == "" && v.VolumeName.ValueString() == ""
		})
		covered := slices.ContainsFunc(binds, func(b bind) bool { return samePath(b.target, target) })
		switch {
		case declared:
			out.Items = append(out.Items, was)
		case !ofImage && !covered:
			out.Items = append(out.Items, Volume{ContainerPath: types.StringValue(target)})
		}
	}
	from := o.HostConfig.VolumesFrom
	if o.podman && len(from) == 0 {
		from = volumesFrom(last)
	}
	for _, s := range from {
		name, mode, _ := strings.Cut(s, ":")
		readOnly := strings.Contains(mode, "ro")
		was, declared := findVolume(last, func(v Volume) bool {
			return v.FromContainer.ValueString() == name && v.ReadOnly.ValueBool() == readOnly
		})
		if !declared {
			was = Volume{FromContainer: types.StringValue(name), ReadOnly: followBool(types.BoolNull(), readOnly)}
		}
		out.Items = append(out.Items, was)
	}
	return out
}

func findVolume(last contract.Blocks[Volume], is func(Volume) bool) (Volume, bool) {
	if i := slices.IndexFunc(last.Items, is); i >= 0 {
		return last.Items[i], true
	}
	return Volume{}, false
}

func flattenVolume(o observation, last contract.Blocks[Volume], have bind) Volume {
	was, declared := findVolume(last, func(v Volume) bool {
		source := v.HostPath.ValueString() + v.VolumeName.ValueString()
		label := v.SelinuxRelabel.ValueString()
		// Podman does not report labels.
		return source != "" && samePath(source, have.source) && samePath(v.ContainerPath.ValueString(), have.target) &&
			v.ReadOnly.ValueBool() == have.readOnly && (label == have.label || o.podman)
	})
	if declared {
		return was
	}
	v := Volume{ContainerPath: types.StringValue(have.target), ReadOnly: followBool(types.BoolNull(), have.readOnly)}
	if have.label != "" {
		v.SelinuxRelabel = types.StringValue(have.label)
	}
	if strings.ContainsAny(have.source, `/\`) {
		v.HostPath = types.StringValue(have.source)
	} else {
		v.VolumeName = types.StringValue(have.source)
	}
	return v
}

func flattenMounts(last contract.Blocks[Mount], have []mount.Mount) contract.Blocks[Mount] {
	var out contract.Blocks[Mount]
	for _, h := range have {
		var was Mount
		if i := slices.IndexFunc(last.Items, func(m Mount) bool { return m.Target.ValueString() == h.Target }); i >= 0 {
			was = last.Items[i]
		}
		out.Items = append(out.Items, flattenMount(was, h))
	}
	return out
}

// flattenMount keeps an options block that was declared, also an empty one, and makes one where there is anything to say.
func flattenMount(was Mount, h mount.Mount) Mount {
	m := Mount{
		Type: types.StringValue(string(h.Type)), Target: types.StringValue(h.Target),
		Source: followString(was.Source, h.Source, nil), ReadOnly: followBool(was.ReadOnly, h.ReadOnly),
	}
	bindWas, bindDeclared := was.BindOptions.One()
	if o := orZero(h.BindOptions); bindDeclared || o.Propagation != "" {
		m.BindOptions = contract.BlocksOf(BindOptions{Propagation: followString(bindWas.Propagation, string(o.Propagation), nil)})
	}
	tmpfsWas, tmpfsDeclared := was.TmpfsOptions.One()
	if o := orZero(h.TmpfsOptions); tmpfsDeclared || o.SizeBytes != 0 || o.Mode != 0 {
		m.TmpfsOptions = contract.BlocksOf(TmpfsOptions{
			Mode: followInt(tmpfsWas.Mode, int64(o.Mode)), SizeBytes: followInt(tmpfsWas.SizeBytes, o.SizeBytes),
		})
	}
	volumeWas, volumeDeclared := was.VolumeOptions.One()
	o := orZero(h.VolumeOptions)
	driver := orZero(o.DriverConfig)
	if volumeDeclared || o.NoCopy || o.Subpath != "" || len(o.Labels) > 0 || driver.Name != "" || len(driver.Options) > 0 {
		m.VolumeOptions = contract.BlocksOf(VolumeOptions{
			NoCopy: followBool(volumeWas.NoCopy, o.NoCopy), Subpath: followString(volumeWas.Subpath, o.Subpath, nil),
			DriverName: followString(volumeWas.DriverName, driver.Name, nil), DriverOptions: followMap(volumeWas.DriverOptions, driver.Options),
			Labels: flattenLabels(volumeWas.Labels, o.Labels, nil),
		})
	}
	return m
}

// orZero returns what p points to, or nothing.
func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
