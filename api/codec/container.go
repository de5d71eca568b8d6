package codec

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/api/version"
)

func v1(minor int) version.Version { return version.Of(1, minor) }

// limits are the resources that containers carried in Config before they moved to HostConfig.
var limits = []struct{ config, host string }{
	{"Memory", "Memory"}, {"MemorySwap", "MemorySwap"}, {"CpuShares", "CpuShares"}, {"Cpuset", "CpusetCpus"},
}

// ContainerCreate is the body of POST /containers/create.
var ContainerCreate = &Shape{Name: "container create", Steps: []Step{
	{Since: v1(19), What: "limits in HostConfig", Up: func(o Object) { liftLimits(o, ensure(o, "HostConfig")) }},
	{Since: v1(20), What: "network mode default", Down: func(o Object) {
		if host := object(o, "HostConfig"); text(host, "NetworkMode") == "default" {
			host["NetworkMode"] = "bridge"
		}
	}},
	{Since: v1(21), What: "VolumeDriver in HostConfig",
		Up:   func(o Object) { move(o, "VolumeDriver", ensure(o, "HostConfig"), "VolumeDriver") },
		Down: func(o Object) { move(object(o, "HostConfig"), "VolumeDriver", o, "VolumeDriver") }},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Image"), Down: dropDigest("Image")},
	{Since: v1(44), What: "MAC address per endpoint", Up: liftMAC, Down: lowerMAC},
}}

// ContainerInspect is the answer of GET /containers/{id}/json.
var ContainerInspect = &Shape{Name: "container", Steps: []Step{
	{Since: v1(20), What: "Mounts instead of Volumes and VolumesRW", Up: liftVolumes, Down: lowerVolumes},
	{Since: v1(20), What: "limits in HostConfig",
		Up:   func(o Object) { liftLimits(object(o, "Config"), object(o, "HostConfig")) },
		Down: lowerLimits},
	{Since: v1(21), What: "State.Status", Up: liftState, Down: func(o Object) { delete(object(o, "State"), "Status") }},
	{Since: v1(21), What: "NetworkSettings.Networks", Up: liftNetworks, Down: lowerNetworks},
	{Since: v1(21), What: "VolumeDriver in HostConfig",
		Up:   func(o Object) { move(object(o, "Config"), "VolumeDriver", object(o, "HostConfig"), "VolumeDriver") },
		Down: func(o Object) { move(object(o, "HostConfig"), "VolumeDriver", object(o, "Config"), "VolumeDriver") }},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Image"), Down: dropDigest("Image")},
	{Since: v1(25), What: "Mounts have a Type", Up: liftMountTypes, Down: lowerMountTypes},
}}

// ContainerList is the answer of GET /containers/json. Below 1.21 it has no ImageID, below 1.22 no networks, below
// 1.23 no mounts: those stay absent, an inspect knows them.
var ContainerList = &Shape{Name: "containers", Kind: List, Steps: []Step{
	{Since: v1(21), What: "ImageID", Down: remove("ImageID")},
	{Since: v1(22), What: "NetworkSettings and HostConfig", Down: remove("NetworkSettings", "HostConfig")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("ImageID", "Image"), Down: dropDigest("ImageID", "Image")},
	{Since: v1(23), What: "State", Up: liftStatus, Down: remove("State", "Mounts")},
}}

func liftLimits(config, host Object) {
	for _, limit := range limits {
		move(config, limit.config, host, limit.host)
	}
}

func lowerLimits(o Object) {
	config, host := object(o, "Config"), object(o, "HostConfig")
	if config == nil {
		return
	}
	for _, limit := range limits {
		if v, ok := host[limit.host]; ok { // HostConfig had them as well
			config[limit.config] = v
		}
	}
}

// liftMAC gives the container's address to the endpoint of its network mode.
func liftMAC(o Object) {
	mac := text(o, "MacAddress")
	if mac == "" {
		return
	}
	mode := networkMode(o)
	if mode == "host" || mode == "none" || strings.HasPrefix(mode, "container:") {
		return
	}
	networking := ensure(o, "NetworkingConfig")
	endpoint := ensure(ensure(networking, "EndpointsConfig"), mode)
	move(o, "MacAddress", endpoint, "MacAddress")
}

// lowerMAC is the reverse: engines before 1.44 ignore an endpoint's address at create.
func lowerMAC(o Object) {
	endpoints := object(object(o, "NetworkingConfig"), "EndpointsConfig")
	mode := networkMode(o)
	endpoint := object(endpoints, mode)
	if endpoint == nil && len(endpoints) == 1 {
		for _, only := range endpoints {
			endpoint, _ = only.(Object)
		}
	}
	move(endpoint, "MacAddress", o, "MacAddress")
}

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
