package container

import (
	"os"
	"strings"

	"github.com/moby/moby/api/types/mount"

	"github.com/cleat-dev/cleat/resources/contract"
)

// expandBinds returns the volumes with a source in the form source:path[:options].
func expandBinds(b contract.Blocks[Volume]) []string {
	var out []string
	for _, v := range b.Items {
		source := v.HostPath.ValueString()
		if source == "" {
			source = v.VolumeName.ValueString()
		}
		if source == "" || v.FromContainer.ValueString() != "" {
			continue
		}
		var options []string
		if v.ReadOnly.ValueBool() {
			options = append(options, "ro")
		}
		if label := v.SelinuxRelabel.ValueString(); label != "" {
			options = append(options, label)
		}
		bind := source + ":" + v.ContainerPath.ValueString()
		if len(options) > 0 {
			bind += ":" + strings.Join(options, ",")
		}
		out = append(out, bind)
	}
	return out
}

// volumesFrom returns the containers all of whose mounts are taken.
func volumesFrom(b contract.Blocks[Volume]) []string {
	var out []string
	for _, v := range b.Items {
		if from := v.FromContainer.ValueString(); from != "" {
			if v.ReadOnly.ValueBool() {
				from += ":ro"
			}
			out = append(out, from)
		}
	}
	return out
}

// anonymousVolumes returns the paths that get a volume of their own.
func anonymousVolumes(b contract.Blocks[Volume]) map[string]struct{} {
	var out map[string]struct{}
	for _, v := range b.Items {
		if v.HostPath.ValueString() == "" && v.VolumeName.ValueString() == "" && v.FromContainer.ValueString() == "" {
			if out == nil {
				out = map[string]struct{}{}
			}
			out[v.ContainerPath.ValueString()] = struct{}{}
		}
	}
	return out
}

func expandMounts(b contract.Blocks[Mount]) []mount.Mount {
	var out []mount.Mount
	for _, m := range b.Items {
		e := mount.Mount{
			Type: mount.Type(m.Type.ValueString()), Source: m.Source.ValueString(), Target: m.Target.ValueString(), ReadOnly: m.ReadOnly.ValueBool(),
		}
		if o, ok := m.BindOptions.One(); ok {
			e.BindOptions = &mount.BindOptions{Propagation: mount.Propagation(o.Propagation.ValueString())}
		}
		if o, ok := m.TmpfsOptions.One(); ok {
			e.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: o.SizeBytes.ValueInt64(), Mode: os.FileMode(o.Mode.ValueInt64())}
		}
		if o, ok := m.VolumeOptions.One(); ok {
			e.VolumeOptions = &mount.VolumeOptions{NoCopy: o.NoCopy.ValueBool(), Subpath: o.Subpath.ValueString(), Labels: expandLabels(o.Labels)}
			if o.DriverName.ValueString() != "" || given(o.DriverOptions) {
				e.VolumeOptions.DriverConfig = &mount.Driver{Name: o.DriverName.ValueString(), Options: mapping(o.DriverOptions)}
			}
		}
		out = append(out, e)
	}
	return out
}
