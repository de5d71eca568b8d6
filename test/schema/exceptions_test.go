package schema

import (
	"slices"
	"strings"
)

// notCalled are the paths with a GET that TestReplies does not call, and why.
var notCalled = map[string]string{
	"/plugins/privileges": "asks a registry about a plugin, and there are none",
}

// swarmAreas are what only engines in swarm mode have.
var swarmAreas = []string{"swarm", "services", "nodes", "tasks", "secrets", "configs"}

// undocumented are statuses engines answer and documents forgot, by area of the path: "" for all.
var undocumented = []struct {
	method, area string
	status       int
	until        int // the last version whose document forgot, 0: all
	why          string
}{
	{"", "swarm mode", 503, 26, "a lone engine has always said so; documented since 1.27"},
	{"DELETE", "containers", 409, 28, "one that runs: 409 since the first engines, documented since 1.29"},
	{"DELETE", "networks", 403, 29, "one in use, or the engine's own; documented since 1.30"},
	{"POST", "containers", 409, 0, "a signal for what does not run, documented since 1.37; an update that conflicts with what is set"},
	{"POST", "networks", 409, 0, "a name that is taken; a container that is not connected, which dockerd answers with 500"},
	{"POST", "volumes", 404, 0, "a driver there is not, on all engines"},
	{"POST", "", 400, 0, "what a body says is wrong: the documents list it for some calls only"},
	{"POST", "plugins", 404, 26, "a plugin there is not; documented since 1.27"},
}

// isUndocumented reports whether an answer nobody documented is known.
func isUndocumented(minor int, method, path string, status int) bool {
	area, _, _ := strings.Cut(path[1:], "/")
	for _, u := range undocumented {
		switch {
		case u.status != status, u.until > 0 && minor > u.until, u.method != "" && u.method != method:
		case u.area == "swarm mode":
			return slices.Contains(swarmAreas, area)
		case u.area == "" || u.area == area:
			return true
		}
	}
	return false
}

// excuses are places where a document is wrong about real engines: what kin-openapi says of them, by call.
var excuses = []struct {
	call, text string
	until      int // the last version with the mistake, 0: all
	why        string
}{
	{"GET /containers/{id}/json", "/ExecIDs: ", 37, "documented as a text, a list since the field came"},
	{"GET /containers/{id}/json", "/HostConfig/MemorySwappiness: Value is not nullable", 0, "unset is null: 0 means something"},
	{"GET /containers/{id}/json", "/HostConfig/Init: Value is not nullable", 0, "unset is null: the daemon's own default"},
	{"GET /containers/{id}/json", "/HostConfig/PidsLimit: Value is not nullable", 38, "no limit is null on today's engines at every version"},
	{"GET /containers/{id}/json", "/HostConfig/RestartPolicy/Name: value is not one of the allowed values", 29, "no policy is an empty name, documented since 1.30"},
	{"GET /containers/{id}/json", "/HostConfig/PortBindings/", 34, "documented as one object, a list since the field came"},
	{"GET /containers/{id}/json", "/NetworkSettings/Ports: value must be an array", 31, "documented as a list, always an object by port"},
	{"GET /networks/{id}", "/IPAM/Options: value must be an array", 38, "documented as a list, always an object"},
	{"GET /networks", "/*/IPAM/Options: value must be an array", 38, "as above"},
	{"GET /networks/{id}", "/IPAM/Config/0/AuxiliaryAddresses: value must be a string", 40, "documented as a text, always an object"},
	{"GET /networks", "/*/IPAM/Config/0/AuxiliaryAddresses: value must be a string", 40, "as above"},
	{"GET /exec/{id}/json", "/ExitCode: Value is not nullable", 0, "null until it has ended"},
	{"GET /system/df", "/Containers/", 39, "documented as a list of lists"},
}

func excused(call string, minor int, wrong string) bool {
	for _, e := range excuses {
		anywhere, list := strings.CutPrefix(e.text, "/*")
		fits := strings.HasPrefix(wrong, e.text) || list && strings.Contains(wrong, anywhere)
		if e.call == call && (e.until == 0 || minor <= e.until) && fits {
			return true
		}
	}
	return false
}

// neverSeen are documented fields no answer of a cleatd has, and why. A field stands for all below it, and one that
// begins with "*" for those of any call.
var neverSeen = map[string]string{
	"*.IPAMConfig.IPv6Address":                         "the world has no IPv6; its fields are checked by the tests of networks",
	"*.IPAMConfig.LinkLocalIPs":                        "no driver here has link-local addresses of its own",
	"*.ClusterVolume":                                  "of a swarm",
	"*.Peers":                                          "of networks in a swarm",
	"/networks[].Containers":                           "only an inspect has them, since 1.28",
	"/volumes.Volumes[].Status":                        "the local driver has none",
	"/volumes/{name}.Status":                           "the local driver has none",
	"/system/df.Volumes[].Status":                      "the local driver has none",
	"/volumes.Volumes[].UsageData":                     "told by GET /system/df alone, as the document says",
	"/volumes/{name}.UsageData":                        "told by GET /system/df alone, as the document says",
	"/system/df.BuildCache[]":                          "the cache of the classic builder is images",
	"/plugins[]":                                       "there are no plugins",
	"/containers/{id}/json.HostConfig.KernelMemoryTCP": "gone from kernels and engines; it was cgroup v1 and experimental",
	"/containers/{id}/json.HostConfig.StorageOpt":      "refused: no file system here limits a layer's size",
	"/containers/{id}/json.NetworkSettings.SecondaryIPAddresses[]":   "the list is there and always empty, as on engines since 1.9",
	"/containers/{id}/json.NetworkSettings.SecondaryIPv6Addresses[]": "the list is there and always empty, as on engines since 1.9",
	"/images/{name}/json.Config.ArgsEscaped":                         "of Windows; left out when false",
	"/images/{name}/json.Config.MacAddress":                          "images cannot have one; the document says to ignore it",
	"/images/{name}/json.Config.NetworkDisabled":                     "images cannot have it; the document says to ignore it",
	"/images/{name}/json.Config.StopTimeout":                         "images cannot have it; the document says to ignore it",
	"/images/{name}/json.Config.Healthcheck.StartInterval":           "no instruction of a classic Dockerfile sets it",
	"/images/{name}/json.ContainerConfig.ArgsEscaped":                "as in Config",
	"/images/{name}/json.ContainerConfig.MacAddress":                 "as in Config",
	"/images/{name}/json.ContainerConfig.NetworkDisabled":            "as in Config",
	"/images/{name}/json.ContainerConfig.StopTimeout":                "as in Config",
	"/images/{name}/json.ContainerConfig.Healthcheck.StartInterval":  "as in Config",
	"/images/{name}/json.OsVersion":                                  "of Windows",
	"/images/{name}/json.Variant":                                    "amd64 has none",
	"/distribution/{name}/json.Platforms[].os.features":              "of Windows",
	"/distribution/{name}/json.Platforms[].os.version":               "of Windows",
	"/distribution/{name}/json.Platforms[].variant":                  "amd64 has none",
	"/info.BridgeNfIp6tables":                                        "cleatd's rules do not depend on it; gone from engines in 1.50",
	"/info.BridgeNfIptables":                                         "cleatd's rules do not depend on it; gone from engines in 1.50",
	"/info.GenericResources[]":                                       "of a swarm",
	"/info.KernelMemoryTCP":                                          "as in HostConfig",
	"/info.ProductLicense":                                           "of a product",
	"/info.RegistryConfig.AllowNondistributableArtifactsCIDRs":       "cleatd has no such switch; gone from engines in 1.49",
	"/info.RegistryConfig.AllowNondistributableArtifactsHostnames":   "cleatd has no such switch; gone from engines in 1.49",
	"/info.Runtimes.*":                                               "the runtime is a part of cleatd: it has no path and no arguments",
	"/info.Swarm.Cluster":                                            "of a swarm",
	"/info.Swarm.Managers":                                           "of a swarm, left out when 0",
	"/info.Swarm.Nodes":                                              "of a swarm, left out when 0",
	"/info.Swarm.RemoteManagers[]":                                   "of a swarm",
	"/version.Experimental":                                          "left out when false",
}

// beyond are fields answers have and the newest document does not, and why.
var beyond = map[string]string{
	"*.GwPriority":               "of 1.48; newer fields are left in, as on real engines",
	"*.EnableIPv4":               "of 1.48; as above",
	"*[].HostConfig.Annotations": "of 1.46; as above",
	"/events.status":             "the form before 1.22, sent until 1.51",
	"/events.id":                 "the form before 1.22, sent until 1.51",
	"/events.from":               "the form before 1.22, sent until 1.51",
}
