package container

import (
	"path"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func validateStorage(p *problems, m Model) {
	taken := map[string]string{} // path in the container -> what is mounted there
	claim := func(attribute string, target types.String) {
		if !given(target) || target.ValueString() == "" {
			return
		}
		clean := path.Clean(target.ValueString())
		if by, ok := taken[clean]; ok {
			p.on(attribute, "Something is mounted at %s already, by %s.", clean, by)
		}
		taken[clean] = attribute
	}
	for _, v := range m.Volumes.Items {
		validateVolume(p, v)
		claim("volumes", v.ContainerPath)
	}
	for _, b := range m.Mounts.Items {
		validateMount(p, b)
		claim("mounts", b.Target)
	}
	for target := range m.Tmpfs.Elements() {
		if !path.IsAbs(target) {
			p.on("tmpfs", "%q is not an absolute path.", target)
		}
		claim("tmpfs", types.StringValue(target))
	}
}

func validateVolume(p *problems, v Volume) {
	sources := 0
	for _, s := range []types.String{v.HostPath, v.VolumeName, v.FromContainer} {
		if s.IsUnknown() || s.ValueString() != "" {
			sources++
		}
	}
	where := v.ContainerPath.ValueString()
	switch {
	case sources > 1:
		p.on("volumes", "%s: host_path, volume_name and from_container exclude each other.", where)
	case v.FromContainer.ValueString() != "" && v.ContainerPath.ValueString() != "":
		p.on("volumes", "from_container takes the mounts at the paths they have: it excludes container_path.")
	case !v.FromContainer.IsUnknown() && v.FromContainer.ValueString() == "" && !v.ContainerPath.IsUnknown() && where == "":
		p.on("volumes", "container_path is missing.")
	case v.SelinuxRelabel.ValueString() != "" && !v.HostPath.IsUnknown() && v.HostPath.ValueString() == "" && v.VolumeName.ValueString() == "" && !v.VolumeName.IsUnknown():
		p.on("volumes", "%s: selinux_relabel needs host_path or volume_name.", where)
	}
}

func validateMount(p *problems, b Mount) {
	kind, target := b.Type.ValueString(), b.Target.ValueString()
	if !given(b.Type) {
		return
	}
	switch {
	case kind == "bind" && !b.Source.IsUnknown() && !path.IsAbs(b.Source.ValueString()):
		p.on("mounts", "%s: a bind mount needs the absolute path of its source.", target)
	case kind == "tmpfs" && b.Source.ValueString() != "":
		p.on("mounts", "%s: tmpfs has no source.", target)
	case kind == "volume" && b.Source.ValueString() != "":
		if err := volumeName.check(b.Source.ValueString()); err != nil {
			p.on("mounts", "%s: %q is not a volume name: %s.", target, b.Source.ValueString(), err)
		}
	}
	for of, declared := range map[string]bool{"bind": len(b.BindOptions.Items) > 0, "tmpfs": len(b.TmpfsOptions.Items) > 0, "volume": len(b.VolumeOptions.Items) > 0} {
		if declared && of != kind {
			p.on("mounts", "%s: %s_options do not go with type %q.", target, of, kind)
		}
	}
}
