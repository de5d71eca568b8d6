package codec

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// networkMode is the name of the network a container is made on.
func networkMode(o Object) string {
	switch mode := text(object(o, "HostConfig"), "NetworkMode"); mode {
	case "", "default":
		return "bridge"
	default:
		return mode
	}
}

// liftVolumes makes Mounts of the maps destination → source and destination → writable.
func liftVolumes(o Object) {
	volumes, writable := object(o, "Volumes"), object(o, "VolumesRW")
	delete(o, "Volumes")
	delete(o, "VolumesRW")
	if _, ok := o["Mounts"]; ok {
		return
	}
	binds := bindsByDestination(object(o, "HostConfig"))
	mounts := []any{}
	for _, destination := range slices.Sorted(maps.Keys(volumes)) {
		source := text(volumes, destination)
		mount := Object{"Destination": destination, "Source": source, "RW": true, "Mode": ""}
		if rw, ok := writable[destination].(bool); ok {
			mount["RW"] = rw
		}
		bind, bound := binds[destination]
		mount["Mode"] = bind.mode
		switch name := volumeName(source); {
		case bound && path.IsAbs(bind.source):
			mount["Type"] = "bind"
		case bound:
			mount["Type"], mount["Name"] = "volume", bind.source
		default:
			mount["Type"] = "volume"
			if name != "" {
				mount["Name"] = name
			}
		}
		if mount["Type"] == "volume" {
			mount["Driver"] = "local"
		}
		mounts = append(mounts, mount)
	}
	o["Mounts"] = mounts
}

type bind struct{ source, mode string }

func bindsByDestination(host Object) map[string]bind {
	list, _ := host["Binds"].([]any)
	binds := make(map[string]bind, len(list))
	for _, item := range list {
		s, _ := item.(string)
		parts := strings.SplitN(s, ":", 3)
		if len(parts) < 2 {
			continue
		}
		b := bind{source: parts[0]}
		if len(parts) == 3 {
			b.mode = parts[2]
		}
		binds[path.Clean(parts[1])] = b
	}
	return binds
}

// volumeName finds a volume's name in its directory: …/volumes/<name>/_data, or …/vfs/dir/<id> before 1.21.
func volumeName(source string) string {
	dir, last := path.Split(source)
	dir = path.Clean(dir)
	switch {
	case last == "_data" && path.Base(path.Dir(dir)) == "volumes":
		return path.Base(dir)
	case strings.HasSuffix(dir, "/vfs/dir"):
		return last
	default:
		return ""
	}
}

func lowerVolumes(o Object) {
	list, ok := o["Mounts"].([]any)
	if !ok {
		return
	}
	volumes, writable := Object{}, Object{}
	for _, item := range list {
		mount, _ := item.(Object)
		if destination := text(mount, "Destination"); destination != "" {
			volumes[destination], writable[destination] = text(mount, "Source"), isTrue(mount, "RW")
		}
	}
	delete(o, "Mounts")
	o["Volumes"], o["VolumesRW"] = volumes, writable
}

func liftMountTypes(o Object) {
	list, _ := o["Mounts"].([]any)
	for _, item := range list {
		mount, ok := item.(Object)
		if !ok || text(mount, "Type") != "" {
			continue
		}
		if text(mount, "Name") != "" {
			mount["Type"] = "volume"
		} else {
			mount["Type"] = "bind"
		}
	}
}

func lowerMountTypes(o Object) {
	list, _ := o["Mounts"].([]any)
	for _, item := range list {
		if mount, ok := item.(Object); ok {
			delete(mount, "Type")
		}
	}
}
