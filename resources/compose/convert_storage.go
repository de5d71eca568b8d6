package compose

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"github.com/cleat-dev/cleat/internal/composefile"
)

// storage adds the volumes of a service, the files of its configs and secrets that are mounted, and the anonymous volumes
// of the container it replaces. What can be said as a bind is: engines make the directories of binds, not of mounts.
func (r replica) storage(h *container.HostConfig) error {
	taken := map[string]bool{}
	for i, v := range r.s.Volumes {
		taken[v.Target] = true
		if name, ok := r.inherited[v.Target]; ok && v.Source == "" && v.Type == types.VolumeTypeVolume {
			v.Source = name
		}
		if err := r.volume(h, v, fmt.Sprintf("volumes[%d]", i)); err != nil {
			return err
		}
	}
	files, err := composefile.Files(r.p, r.s)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Source == "" || taken[f.Target] {
			continue
		}
		taken[f.Target] = true
		h.Mounts = append(h.Mounts, mount.Mount{Type: mount.TypeBind, Source: f.Source, Target: f.Target, ReadOnly: true})
	}
	for _, target := range sorted(r.inherited) {
		if !taken[target] {
			h.Binds = append(h.Binds, r.inherited[target]+":"+target+":rw")
		}
	}
	return nil
}

func (r replica) volume(h *container.HostConfig, v types.ServiceVolumeConfig, key string) error {
	source := v.Source
	if declared, ok := r.p.Volumes[v.Source]; ok && v.Type == types.VolumeTypeVolume {
		source = declared.Name
	}
	if plain(v) && source != "" {
		options := []string{"rw"}
		if v.ReadOnly {
			options[0] = "ro"
		}
		if v.Bind != nil && v.Bind.SELinux != "" {
			options = append(options, v.Bind.SELinux)
		}
		h.Binds = append(h.Binds, source+":"+v.Target+":"+strings.Join(options, ","))
		return nil
	}
	m := mount.Mount{Type: mount.Type(v.Type), Source: source, Target: v.Target, ReadOnly: v.ReadOnly, Consistency: mount.Consistency(v.Consistency)}
	switch v.Type {
	case types.VolumeTypeBind:
		m.BindOptions = bindOptions(v.Bind)
	case types.VolumeTypeVolume:
		if v.Volume != nil {
			m.VolumeOptions = &mount.VolumeOptions{NoCopy: v.Volume.NoCopy, Subpath: v.Volume.Subpath, Labels: v.Volume.Labels}
		}
	case types.VolumeTypeTmpfs:
		if v.Tmpfs != nil {
			m.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: int64(v.Tmpfs.Size), Mode: os.FileMode(v.Tmpfs.Mode)}
		}
	case types.VolumeTypeImage:
		if v.Image != nil {
			m.ImageOptions = &mount.ImageOptions{Subpath: v.Image.SubPath}
		}
	case types.VolumeTypeNamedPipe:
	default:
		return at(r.s, key+".type", fmt.Errorf("%q is not a type of volume", v.Type))
	}
	h.Mounts = append(h.Mounts, m)
	return nil
}

// plain reports whether a volume can be said as source:path:options.
func plain(v types.ServiceVolumeConfig) bool {
	switch v.Type {
	case types.VolumeTypeBind:
		return v.Bind == nil || bool(v.Bind.CreateHostPath) && v.Bind.Propagation == "" && v.Bind.Recursive == ""
	case types.VolumeTypeVolume:
		return v.Volume == nil || !v.Volume.NoCopy && v.Volume.Subpath == "" && len(v.Volume.Labels) == 0
	}
	return false
}

func bindOptions(b *types.ServiceVolumeBind) *mount.BindOptions {
	if b == nil {
		return nil
	}
	o := &mount.BindOptions{Propagation: mount.Propagation(b.Propagation), CreateMountpoint: bool(b.CreateHostPath)}
	switch b.Recursive {
	case "disabled":
		o.NonRecursive = true
	case "writable":
		o.ReadOnlyNonRecursive = true
	case "readonly":
		o.ReadOnlyForceRecursive = true
	}
	return o
}

// inherit returns the anonymous volumes of a container that its successor is to keep: those at paths at which the service
// names no source.
func inherit(s types.ServiceConfig, from container.InspectResponse) map[string]string {
	kept := map[string]string{}
	for _, m := range from.Mounts {
		named := slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == m.Destination && v.Source != "" })
		if m.Type == mount.TypeVolume && m.Name != "" && !named && anonymous(m.Name) {
			kept[m.Destination] = m.Name
		}
	}
	return kept
}

// anonymous tells the names engines give volumes nobody named.
func anonymous(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}
