package codec

import (
	"maps"
	"slices"
	"strings"
)

// execDriver is what the documents call libcontainer, which cleatd embeds; the field went away in 1.22.
const execDriver = "native-0.2"

// ContainerInspect is the answer of GET /containers/{id}/json. The newest form is container.InspectResponse; a handler
// that knows the address a container was made with adds Config.MacAddress, as engines of 1.44 do.
var ContainerInspect = &Shape{Name: "container", Older: isEarly, Steps: []Step{
	{Since: v1(8), What: "HostConfig", Down: remove("HostConfig")},
	{Since: v1(3), What: "IPAddress, not IpAddress", Up: renameIn("NetworkSettings", addressNames), Down: renameIn("NetworkSettings", reverse(addressNames))},
	{Since: v1(3), What: "ports by protocol", Up: splitPortMap, Down: flattenPortMap},
	{Since: v1(4), What: "WorkingDir and Privileged", Down: func(o Object) { remove("WorkingDir", "Privileged")(object(o, "Config")) }},
	{Since: v1(6), What: "only the documented keys", Down: earlyContainer},
	{Since: v1(6), What: "Ports instead of PortMapping", Up: liftPortMap, Down: lowerPortMap},
	{Since: v1(6), What: "ExposedPorts instead of PortSpecs",
		Up:   inConfig(liftPortSpecs, "PortSpecs"),
		Down: func(o Object) { lowerPortSpecs(object(o, "Config"), object(o, "HostConfig")) }},
	{Since: v1(10), What: "name servers and other containers' volumes in HostConfig",
		Up: inConfig(liftHostFields, "Dns", "VolumesFrom", "Privileged"), Down: lowerHostFields},
	{Since: v1(12), What: "no Ghost", Up: func(o Object) { delete(object(o, "State"), "Ghost") }, Down: lowerGhost},
	{Since: v1(17), What: "ExecIDs and Labels; no SysInitPath", Up: remove("SysInitPath"), Down: func(o Object) {
		delete(o, "ExecIDs")
		delete(object(o, "Config"), "Labels")
		delete(object(o, "HostConfig"), "ReadonlyRootfs")
		o["SysInitPath"] = "" // an init of the engine's own, which containers here have not
	}},
	{Since: v1(18), What: "limits in HostConfig", Down: func(o Object) {
		moveLimits(o)
		remove("LogConfig", "PidMode", "Ulimits")(object(o, "HostConfig"))
	}},
	{Since: v1(19), What: "only the documented keys", Down: documentedContainer},
	{Since: v1(20), What: "Mounts instead of Volumes and VolumesRW", Up: liftVolumes, Down: lowerVolumes},
	{Since: v1(20), What: "limits in HostConfig",
		Up:   func(o Object) { liftLimits(object(o, "Config"), object(o, "HostConfig")) },
		Down: lowerLimits},
	{Since: v1(20), What: "network mode default", Down: func(o Object) {
		if host := object(o, "HostConfig"); text(host, "NetworkMode") == "default" {
			host["NetworkMode"] = "bridge"
		}
	}},
	{Since: v1(21), What: "Config leaves out what is empty", Down: func(o Object) {
		defaults(Object{"ExposedPorts": nil, "NetworkDisabled": false, "MacAddress": ""})(object(o, "Config"))
	}},
	{Since: v1(21), What: "State.Status", Up: liftState, Down: func(o Object) { delete(object(o, "State"), "Status") }},
	{Since: v1(21), What: "NetworkSettings.Networks", Up: liftNetworks, Down: lowerNetworks},
	{Since: v1(21), What: "VolumeDriver in HostConfig",
		Up:   func(o Object) { move(object(o, "Config"), "VolumeDriver", object(o, "HostConfig"), "VolumeDriver") },
		Down: func(o Object) { move(object(o, "HostConfig"), "VolumeDriver", object(o, "Config"), "VolumeDriver") }},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Image"), Down: dropDigest("Image")},
	{Since: v1(22), What: "no LXC", Down: lowerLXC},
	{Since: v1(24), What: "health", Down: func(o Object) {
		delete(object(o, "State"), "Health")
		delete(object(o, "Config"), "Healthcheck")
	}},
	{Since: v1(25), What: "Mounts have a Type", Up: liftMountTypes, Down: lowerMountTypes},
	{Since: v1(45), What: "aliases are those asked for", Down: lowerAliases},
	{Since: v1(48), What: "image manifest", Down: remove("ImageManifestDescriptor")},
	{Since: v1(52), What: "no network settings outside Networks", Down: flattenNetworks},
	{Since: v1(52), What: "OnBuild only when set; Storage", Down: func(o Object) {
		delete(o, "Storage")
		defaults(Object{"OnBuild": nil})(object(o, "Config"))
	}},
}}

// ContainerList is the answer of GET /containers/json. Below 1.21 it has no ImageID, below 1.22 no networks, below
// 1.23 no mounts: those stay absent, an inspect knows them.
var ContainerList = &Shape{Name: "containers", Kind: List, Steps: []Step{
	{Since: v1(3), What: "sizes on request", Down: defaults(Object{"SizeRw": number("0"), "SizeRootFs": number("0")})},
	{Since: v1(5), What: "ports are objects", Up: liftPortList, Down: lowerPortList},
	{Since: v1(6), What: "names", Down: remove("Names")},
	{Since: v1(7), What: "whole ids", Down: shorten("Id")},
	{Since: v1(12), What: "what never ran is not ended", Down: lowerNever},
	{Since: v1(17), What: "labels", Down: remove("Labels")},
	{Since: v1(19), What: "only the documented keys", Down: documented(
		"Id", "Names", "Image", "Command", "Created", "Status", "Ports", "Labels", "SizeRw", "SizeRootFs")},
	{Since: v1(19), What: "Exit 0", Down: lowerStatus},
	{Since: v1(19), What: "never null", Down: defaults(Object{"Names": []any{}, "Ports": []any{}, "Labels": Object{}})},
	{Since: v1(21), What: "ImageID", Down: remove("ImageID")},
	{Since: v1(22), What: "NetworkSettings and HostConfig", Down: remove("NetworkSettings", "HostConfig")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("ImageID", "Image"), Down: dropDigest("ImageID", "Image")},
	{Since: v1(23), What: "State", Up: liftStatus, Down: remove("State", "Mounts")},
	{Since: v1(44), What: "a port without address", Down: dropNoIP},
}}

var (
	inspectKeys = []string{
		"AppArmorProfile", "Args", "Config", "Created", "Driver", "ExecDriver", "ExecIDs", "HostConfig", "HostnamePath", "HostsPath",
		"Id", "Image", "LogPath", "MountLabel", "Name", "NetworkSettings", "Path", "ProcessLabel", "ResolvConfPath", "RestartCount",
		"State", "Volumes", "VolumesRW",
	}
	configKeys = []string{
		"AttachStderr", "AttachStdin", "AttachStdout", "Cmd", "Domainname", "Entrypoint", "Env", "ExposedPorts", "Hostname", "Image",
		"Labels", "MacAddress", "NetworkDisabled", "OnBuild", "OpenStdin", "PortSpecs", "StdinOnce", "Tty", "User", "Volumes", "WorkingDir",
	}
	hostKeys = []string{
		"Binds", "CapAdd", "CapDrop", "ContainerIDFile", "CpuShares", "CpusetCpus", "Devices", "Dns", "DnsSearch", "ExtraHosts",
		"IpcMode", "Links", "LogConfig", "LxcConf", "Memory", "MemorySwap", "NetworkMode", "PidMode", "PortBindings", "Privileged",
		"PublishAllPorts", "ReadonlyRootfs", "RestartPolicy", "SecurityOpt", "Ulimits", "VolumesFrom",
	}
	stateKeys = []string{
		"Error", "ExitCode", "FinishedAt", "OOMKilled", "Paused", "Pid", "Restarting", "Running", "StartedAt",
	}
	networkKeys = []string{"Bridge", "Gateway", "IPAddress", "IPPrefixLen", "MacAddress", "PortMapping", "Ports"}
)

// documentedContainer leaves the keys of the document's example, each of them present.
func documentedContainer(o Object) {
	config, host, settings := object(o, "Config"), object(o, "HostConfig"), object(o, "NetworkSettings")
	defaults(Object{"Volumes": Object{}, "VolumesRW": Object{}, "ExecDriver": execDriver})(o)
	for _, key := range []string{"Entrypoint", "Env", "ExposedPorts", "Labels", "OnBuild", "PortSpecs", "Volumes", "Cmd"} {
		null(config, key)
	}
	defaults(Object{"Devices": []any{}, "PortBindings": Object{}, "IpcMode": "", "PidMode": ""})(host)
	if settings != nil {
		defaults(Object{"Bridge": "", "Gateway": "", "IPAddress": "", "IPPrefixLen": number("0"), "MacAddress": ""})(settings)
		settings["PortMapping"] = nil
		if !isTrue(object(o, "State"), "Running") {
			settings["Ports"] = nil
		} else if settings["Ports"] == nil {
			settings["Ports"] = Object{}
		}
	}
	only(config, configKeys...)
	only(host, hostKeys...)
	only(settings, networkKeys...)
	only(object(o, "State"), stateKeys...)
	only(o, inspectKeys...)
}

// null makes sure that a key is there.
func null(o Object, key string) {
	if _, ok := o[key]; !ok && o != nil {
		o[key] = nil
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

func lowerLXC(o Object) {
	if host := object(o, "HostConfig"); host != nil && host["LxcConf"] == nil {
		host["LxcConf"] = []any{}
	}
	if text(o, "ExecDriver") == "" {
		o["ExecDriver"] = execDriver
	}
}

// lowerAliases adds the short id to the aliases on networks that users made.
func lowerAliases(o Object) {
	id := text(o, "Id")
	if len(id) < 12 {
		return
	}
	for name, value := range object(object(o, "NetworkSettings"), "Networks") {
		endpoint, ok := value.(Object)
		if !ok || slices.Contains([]string{"bridge", "host", "none"}, name) {
			continue
		}
		aliases, _ := endpoint["Aliases"].([]any)
		if !slices.Contains(aliases, any(id[:12])) {
			endpoint["Aliases"] = append(aliases, id[:12])
		}
	}
}

// flattenNetworks copies the endpoint on the default bridge to where it was before there were other networks.
func flattenNetworks(o Object) {
	settings := object(o, "NetworkSettings")
	if settings == nil {
		return
	}
	endpoint := object(object(settings, "Networks"), "bridge")
	for _, field := range endpointFields {
		if v, ok := endpoint[field]; ok && settings[field] == nil {
			settings[field] = v
		}
	}
	defaults(Object{
		"Bridge": "", "HairpinMode": false, "LinkLocalIPv6Address": "", "LinkLocalIPv6PrefixLen": number("0"),
		"EndpointID": "", "Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": number("0"),
		"IPAddress": "", "IPPrefixLen": number("0"), "IPv6Gateway": "", "MacAddress": "",
	})(settings)
	null(settings, "SecondaryIPAddresses")
	null(settings, "SecondaryIPv6Addresses")
}

// lowerStatus writes "Exited (3) 5 minutes ago" as the documents do, "Exit 3".
func lowerStatus(o Object) {
	rest, ok := strings.CutPrefix(text(o, "Status"), "Exited (")
	code, _, closed := strings.Cut(rest, ")")
	if ok && closed {
		o["Status"] = "Exit " + code
	}
}

// dropNoIP: the newest Go type writes an absent address as "".
func dropNoIP(o Object) {
	ports, _ := o["Ports"].([]any)
	for _, item := range ports {
		if port, ok := item.(Object); ok && port["IP"] == "" {
			delete(port, "IP")
		}
	}
}

// ExecInspect is the answer of GET /exec/{id}/json. Where the trait exec-inspect-container holds, the handler adds the
// container's inspect under "Container"; nothing else can make it.
var ExecInspect = &Shape{Name: "exec", Steps: []Step{
	{Since: v1(19), What: "only the documented keys", Down: func(o Object) {
		only(o, "ID", "Running", "ExitCode", "ProcessConfig", "OpenStdin", "OpenStderr", "OpenStdout", "Container")
		documentedExecContainer(object(o, "Container"))
	}},
	{Since: v1(22), What: "ContainerID instead of the whole container", Up: func(o Object) {
		container := object(o, "Container")
		if id := text(container, "ID"); id != "" && text(o, "ContainerID") == "" {
			o["ContainerID"] = id
		} else if id := text(container, "Id"); id != "" && text(o, "ContainerID") == "" {
			o["ContainerID"] = id
		}
		delete(o, "Container")
	}, Down: lowerExec},
}}

// lowerExec leaves ContainerID where it is, as the real engine does: it is the only way to the container for those who
// get no Container.
func lowerExec(o Object) {
	defaults(Object{"ExitCode": number("0")})(o)
	defaults(Object{"privileged": false, "user": "", "arguments": []any{}})(object(o, "ProcessConfig"))
	container := object(o, "Container")
	if container == nil {
		return
	}
	if id, ok := container["Id"]; ok { // the engine's own struct, not its inspect: "ID"
		container["ID"] = id
		delete(container, "Id")
	}
	// One form, that of 1.20 and older, for all versions that had it.
	ContainerInspect.down(container, v1(19))
}

// documentedExecContainer is the container as the document's example of exec inspect has it.
func documentedExecContainer(container Object) {
	if container == nil {
		return
	}
	id, hasID := container["ID"]
	documentedContainer(container)
	if hasID {
		container["ID"] = id
	}
	if config := object(container, "Config"); config != nil {
		null(config, "SecurityOpt")
		delete(config, "Labels")
	}
	remove("HostConfig", "ExecIDs")(container)
}

// Stats is one sample of GET /containers/{id}/stats. precpu_stats and preread stay below 1.19, as the real engine sends
// them: today's docker CLI computes with them whatever the version.
var Stats = &Shape{Name: "stats", Kind: Stream, Steps: []Step{
	{Since: v1(19), What: "only the documented keys", Down: func(o Object) {
		only(o, "read", "network", "memory_stats", "blkio_stats", "cpu_stats", "precpu_stats", "preread")
		defaults(Object{"failcnt": number("0"), "limit": number("0"), "max_usage": number("0"), "usage": number("0"), "stats": Object{}})(
			object(o, "memory_stats"))
		defaults(Object{"system_cpu_usage": number("0")})(object(o, "cpu_stats"))
		defaults(Object{"percpu_usage": []any{}})(object(object(o, "cpu_stats"), "cpu_usage"))
	}},
	{Since: v1(21), What: "networks by interface", Up: func(o Object) {
		if network := object(o, "network"); network != nil && o["networks"] == nil {
			o["networks"] = Object{"eth0": network}
		}
		delete(o, "network")
	}, Down: lowerNetworkStats},
	{Since: v1(21), What: "id and name", Down: remove("id", "name")},
	{Since: v1(23), What: "pids", Down: remove("pids_stats")},
	{Since: v1(27), What: "online_cpus", Down: func(o Object) {
		delete(object(o, "cpu_stats"), "online_cpus")
		delete(object(o, "precpu_stats"), "online_cpus")
	}},
}}

var counters = []string{
	"rx_bytes", "rx_dropped", "rx_errors", "rx_packets", "tx_bytes", "tx_dropped", "tx_errors", "tx_packets",
}

// lowerNetworkStats adds up the interfaces; a container without any has zeros.
func lowerNetworkStats(o Object) {
	if o["network"] != nil {
		delete(o, "networks")
		return
	}
	total := Object{}
	networks := object(o, "networks")
	for _, counter := range counters {
		sum := int64(0)
		for _, name := range slices.Sorted(maps.Keys(networks)) {
			sum += integer(object(networks, name)[counter])
		}
		total[counter] = integerNumber(sum)
	}
	delete(o, "networks")
	o["network"] = total
}
