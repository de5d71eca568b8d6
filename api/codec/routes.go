package codec

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/cleat-dev/cleat/api/version"
)

// Need is a field or query parameter older engines would ignore without a word. What is asked of such an engine is
// refused instead.
type Need struct {
	// Path of a field, "HostConfig.Mounts", or the name of a query parameter.
	Path  string
	Since version.Version
	// Value restricts the need to one value of a text field.
	Value string
}

// Route is one call, or a group of calls, with its differences between versions.
type Route struct {
	// Method, or "" for any.
	Method string
	// Pattern of the path below the version. {x} stands for one segment, {x...} for one or more.
	Pattern string
	// Since is the first version that has the call; zero when all do.
	Since version.Version
	// What the call is about, for messages.
	What string
	// Request and Response are the bodies whose form differs; nil when none does.
	Request, Response *Shape
	// Query lists the differences of the query beyond filters.
	Query []QueryStep
	// Fields and Parameters older engines would ignore.
	Fields, Parameters []Need
	// Image is set when {x...} is an image.
	Image bool
	// Special lists behaviours that differ; see [Route.Traits].
	Special []Trait
	// Asked lists what the query decides about an older answer; see [Route.Answer].
	Asked []AskedStep
}

// Routes lists the calls that differ between versions, most specific first. A path that none matches is the same in
// all versions.
var Routes = []Route{
	{Method: "GET", Pattern: "/containers/json", Response: ContainerList, Query: listSteps, Asked: askedSizes},
	{Method: "GET", Pattern: "/containers/ps", Response: ContainerList, Query: listSteps, Asked: askedSizes},
	{Method: "POST", Pattern: "/containers/create", Request: ContainerCreate, Response: ContainerCreated, Query: createSteps,
		Fields: createFields, Parameters: []Need{{Path: "platform", Since: v1(41)}}, Special: createTraits},
	{Method: "POST", Pattern: "/containers/prune", Since: v1(25), What: "prune"},
	{Method: "GET", Pattern: "/containers/{id}/json", Response: ContainerInspect},
	{Method: "GET", Pattern: "/containers/{id}/top", Response: Top},
	{Method: "GET", Pattern: "/containers/{id}/stats", Response: Stats, Query: statsSteps},
	{Method: "GET", Pattern: "/containers/{id}/logs", Special: logsTraits, Parameters: []Need{
		{Path: "since", Since: v1(19)}, {Path: "details", Since: v1(23)}, {Path: "until", Since: v1(35)}}},
	{Method: "POST", Pattern: "/containers/{id}/start", Request: ContainerStart, Special: startTraits},
	{Method: "POST", Pattern: "/containers/{id}/kill", Special: killTraits},
	{Method: "POST", Pattern: "/containers/{id}/resize", Special: resizeTraits},
	{Method: "POST", Pattern: "/containers/{id}/rename", Special: createTraits},
	{Method: "POST", Pattern: "/containers/{id}/wait", Response: Wait, Query: waitSteps, Special: waitTraits},
	{Method: "POST", Pattern: "/containers/{id}/attach", Special: attachTraits},
	{Method: "GET", Pattern: "/containers/{id}/attach/ws", Special: socketTraits},
	{Method: "POST", Pattern: "/containers/{id}/copy", Special: copyTraits},
	{Method: "POST", Pattern: "/containers/{id}/update", Since: v1(22), What: "container update", Response: Update, Fields: updateFields},
	{Method: "POST", Pattern: "/containers/{id}/stop", Query: stopSteps, Special: stopTraits, Parameters: []Need{{Path: "signal", Since: v1(42)}}},
	{Method: "POST", Pattern: "/containers/{id}/restart", Query: stopSteps, Parameters: []Need{{Path: "signal", Since: v1(42)}}},
	{Pattern: "/containers/{id}/archive", Since: v1(20), What: "container archive"},
	{Method: "POST", Pattern: "/containers/{id}/exec", Request: ExecCreate, Response: ExecCreated, Fields: []Need{
		{Path: "Env", Since: v1(25)}, {Path: "WorkingDir", Since: v1(35)}, {Path: "ConsoleSize", Since: v1(42)}}},
	{Method: "DELETE", Pattern: "/containers/{id}", Special: removeTraits},
	{Method: "POST", Pattern: "/exec/{id}/start", Special: streamTraits},
	{Method: "POST", Pattern: "/exec/{id}/resize", Special: execResizeTraits},
	{Method: "GET", Pattern: "/exec/{id}/json", Response: ExecInspect, Special: execInspectTraits},

	{Method: "GET", Pattern: "/images/json", Response: ImageList, Query: imageListSteps, Asked: askedDigests},
	{Method: "GET", Pattern: "/images/search", Response: ImageSearch},
	{Method: "POST", Pattern: "/images/create", Response: Messages, Query: pullSteps, Parameters: []Need{{Path: "platform", Since: v1(32)}},
		Special: pullTraits},
	{Method: "POST", Pattern: "/images/load", Special: loadTraits},
	{Method: "POST", Pattern: "/images/prune", Since: v1(25), What: "prune"},
	{Method: "GET", Pattern: "/images/{name...}/json", Response: ImageInspect, Image: true},
	{Method: "GET", Pattern: "/images/{name...}/history", Response: ImageHistory, Image: true},
	{Method: "POST", Pattern: "/images/{name...}/insert", Response: Messages},
	{Method: "POST", Pattern: "/images/{name...}/push", Response: Messages, Query: pushSteps, Special: pushTraits},
	{Method: "POST", Pattern: "/images/{name...}/tag", Query: tagSteps, Image: true, Special: tagTraits},
	{Method: "GET", Pattern: "/images/{name...}/get", Image: true},
	{Method: "DELETE", Pattern: "/images/{name...}", Response: ImageDelete, Image: true},
	{Method: "POST", Pattern: "/commit", Request: CommitConfig, Response: Commit, Query: commitSteps, Parameters: []Need{{Path: "changes", Since: v1(19)}},
		Special: commitTraits},
	{Method: "POST", Pattern: "/build/prune", Since: v1(31), What: "build cache prune"},
	{Method: "POST", Pattern: "/build", Query: buildSteps, Parameters: buildParameters, Special: buildTraits},
	{Pattern: "/distribution/{name...}/json", Since: v1(30), What: "distribution inspect"},

	{Method: "POST", Pattern: "/networks/create", Since: v1(21), What: "networks", Request: NetworkCreate, Fields: []Need{
		{Path: "Internal", Since: v1(22)}, {Path: "EnableIPv6", Since: v1(23)}, {Path: "Labels", Since: v1(23)},
		{Path: "Attachable", Since: v1(25)}, {Path: "Ingress", Since: v1(29)}, {Path: "ConfigOnly", Since: v1(30)},
		{Path: "ConfigFrom.Network", Since: v1(30)}}},
	{Method: "POST", Pattern: "/networks/prune", Since: v1(25), What: "prune"},
	{Method: "POST", Pattern: "/networks/{id}/connect", Since: v1(21), What: "networks", Fields: []Need{
		{Path: "EndpointConfig.IPAMConfig", Since: v1(22)}, {Path: "EndpointConfig.Aliases", Since: v1(22)},
		{Path: "EndpointConfig.Links", Since: v1(22)}, {Path: "EndpointConfig.DriverOpts", Since: v1(32)},
		{Path: "EndpointConfig.MacAddress", Since: v1(44)}}},
	{Method: "GET", Pattern: "/networks", Since: v1(21), What: "networks", Response: NetworkList, Special: networkListTraits},
	{Method: "GET", Pattern: "/networks/{id}", Since: v1(21), What: "networks", Response: NetworkInspect},
	{Pattern: "/networks/{rest...}", Since: v1(21), What: "networks"},
	{Method: "POST", Pattern: "/volumes/create", Since: v1(21), What: "volumes", Fields: []Need{{Path: "Labels", Since: v1(23)}}},
	{Method: "POST", Pattern: "/volumes/prune", Since: v1(25), What: "prune", Query: volumePruneSteps},
	{Method: "DELETE", Pattern: "/volumes/{name}", Since: v1(21), What: "volumes", Query: volumeRemoveSteps},
	{Pattern: "/volumes", Since: v1(21), What: "volumes"},
	{Pattern: "/volumes/{rest...}", Since: v1(21), What: "volumes"},

	{Method: "GET", Pattern: "/info", Response: Info},
	{Method: "GET", Pattern: "/version", Response: Version},
	{Method: "GET", Pattern: "/events", Response: Event},
	{Pattern: "/system/df", Since: v1(25), What: "disk usage", Response: DiskUsage},
	{Pattern: "/session", Since: v1(31), What: "sessions"},
	{Pattern: "/plugins", Since: v1(25), What: "plugins"},
	{Pattern: "/plugins/{rest...}", Since: v1(25), What: "plugins"},
	{Pattern: "/swarm", Since: v1(24), What: "swarm"},
	{Pattern: "/swarm/{rest...}", Since: v1(24), What: "swarm"},
	{Pattern: "/services", Since: v1(24), What: "services"},
	{Pattern: "/services/{rest...}", Since: v1(24), What: "services"},
	{Pattern: "/secrets", Since: v1(25), What: "secrets"},
	{Pattern: "/secrets/{rest...}", Since: v1(25), What: "secrets"},
	{Pattern: "/configs", Since: v1(30), What: "configs"},
	{Pattern: "/configs/{rest...}", Since: v1(30), What: "configs"},
}

var createFields = []Need{
	{Path: "HostConfig.CpuPeriod", Since: v1(19)}, {Path: "HostConfig.CpuQuota", Since: v1(19)},
	{Path: "HostConfig.OomKillDisable", Since: v1(19)}, {Path: "HostConfig.BlkioWeight", Since: v1(19)},
	{Path: "HostConfig.GroupAdd", Since: v1(20)}, {Path: "HostConfig.MemorySwappiness", Since: v1(20)},
	{Path: "HostConfig.DnsOptions", Since: v1(21)}, {Path: "HostConfig.MemoryReservation", Since: v1(21)},
	{Path: "HostConfig.KernelMemory", Since: v1(21)}, {Path: "StopSignal", Since: v1(21)},
	{Path: "HostConfig.RestartPolicy.Name", Since: v1(21), Value: "unless-stopped"},
	{Path: "NetworkingConfig.EndpointsConfig", Since: v1(22)},
	{Path: "HostConfig.ShmSize", Since: v1(22)}, {Path: "HostConfig.Tmpfs", Since: v1(22)}, {Path: "HostConfig.OomScoreAdj", Since: v1(22)},
	{Path: "HostConfig.BlkioDeviceReadBps", Since: v1(22)}, {Path: "HostConfig.BlkioDeviceWriteBps", Since: v1(22)},
	{Path: "HostConfig.BlkioDeviceReadIOps", Since: v1(22)}, {Path: "HostConfig.BlkioDeviceWriteIOps", Since: v1(22)},
	{Path: "HostConfig.PidsLimit", Since: v1(23)}, {Path: "HostConfig.UsernsMode", Since: v1(23)},
	{Path: "HostConfig.StorageOpt", Since: v1(24)}, {Path: "HostConfig.Sysctls", Since: v1(24)}, {Path: "Healthcheck", Since: v1(24)},
	{Path: "HostConfig.Mounts", Since: v1(25)}, {Path: "HostConfig.AutoRemove", Since: v1(25)}, {Path: "HostConfig.Init", Since: v1(25)},
	{Path: "HostConfig.NanoCpus", Since: v1(25)}, {Path: "StopTimeout", Since: v1(25)},
	{Path: "HostConfig.DeviceCgroupRules", Since: v1(28)}, {Path: "Healthcheck.StartPeriod", Since: v1(29)},
	{Path: "HostConfig.DeviceRequests", Since: v1(40)}, {Path: "HostConfig.CgroupnsMode", Since: v1(41)},
	{Path: "HostConfig.Annotations", Since: v1(43)}, {Path: "Healthcheck.StartInterval", Since: v1(44)},
}

var updateFields = []Need{
	{Path: "RestartPolicy.Name", Since: v1(23)}, {Path: "NanoCpus", Since: v1(28)}, {Path: "PidsLimit", Since: v1(40)},
}

var buildParameters = []Need{
	{Path: "cpuperiod", Since: v1(19)}, {Path: "cpuquota", Since: v1(19)}, {Path: "buildargs", Since: v1(21)},
	{Path: "ulimits", Since: v1(21)}, {Path: "cgroupparent", Since: v1(21)}, {Path: "shmsize", Since: v1(22)}, {Path: "labels", Since: v1(23)},
	{Path: "cachefrom", Since: v1(25)}, {Path: "networkmode", Since: v1(25)}, {Path: "squash", Since: v1(25)},
	{Path: "extrahosts", Since: v1(28)}, {Path: "target", Since: v1(29)}, {Path: "platform", Since: v1(32)},
}

// Find returns the route of a call, or nil when the call is the same in all versions. path is without version.
func Find(method, path string) (*Route, map[string]string) {
	for i := range Routes {
		if Routes[i].Method != "" && Routes[i].Method != method {
			continue
		}
		if values, ok := match(Routes[i].Pattern, path); ok {
			return &Routes[i], values
		}
	}
	return nil, nil
}

// match compares a path with a pattern that has at most one {x...}.
func match(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	var values map[string]string
	for i, part := range want {
		name, variable := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		rest := strings.HasSuffix(name, "...")
		if len(got) <= i || len(got) < len(want) || (!rest && variable && got[i] == "") {
			return nil, false
		}
		switch {
		case !variable && part != got[i]:
			return nil, false
		case rest:
			many := len(got) - len(want) + 1
			values = map[string]string{strings.TrimSuffix(name, "..."): strings.Join(got[i:i+many], "/")}
			got = append(append(got[:i:i], part), got[i+many:]...)
		case variable:
			values = map[string]string{name: got[i]}
		}
	}
	return values, len(want) == len(got)
}

// Check returns why an engine of version v cannot do the call, or nil. body is the request's JSON, nil when it has none.
func (r *Route) Check(v version.Version, q url.Values, body []byte) error {
	if v.Before(r.Since) {
		return fmt.Errorf("engine API %s has no %s; needs %s", v, r.What, r.Since)
	}
	for _, need := range r.Parameters {
		if v.Before(need.Since) && asks(q.Get(need.Path), need.Value) {
			return fmt.Errorf("engine API %s has no %s in %s %s; needs %s", v, need.Path, r.Method, r.Pattern, need.Since)
		}
	}
	if len(r.Fields) == 0 || len(body) == 0 {
		return nil
	}
	value, err := decode(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.Pattern, err)
	}
	o, _ := value.(Object)
	for _, need := range r.Fields {
		found := at(o, need.Path)
		if v.Before(need.Since) && isSet(found) && (need.Value == "" || found == need.Value) {
			return fmt.Errorf("engine API %s has no %s; needs %s", v, strings.TrimSpace(need.Path+" "+need.Value), need.Since)
		}
	}
	return nil
}

// asks reports whether a query parameter says anything; the client writes out empty objects and zeros.
func asks(parameter, value string) bool {
	switch parameter {
	case "", "0", "false", "{}", "[]", "null", "default":
		return false
	default:
		return value == "" || parameter == value
	}
}

func at(o Object, path string) any {
	var value any = o
	for key := range strings.SplitSeq(path, ".") {
		inner, ok := value.(Object)
		if !ok {
			return nil
		}
		value = inner[key]
	}
	return value
}

// Lower returns path, query and body of a call of the newest form in the form of version to. values are those of [Find].
func (r *Route) Lower(to version.Version, path string, values map[string]string, q url.Values, body []byte) (string, []byte, error) {
	if r.Image && to.Before(v1(22)) {
		if bare := BareID(values["name"]); bare != values["name"] {
			path = strings.Replace(path, values["name"], bare, 1)
		}
	}
	queryDown(r.Query, q, to)
	if len(body) > 0 && r.Request.Changes(to) {
		var err error
		if body, err = r.Request.Down(body, to); err != nil {
			return "", nil, err
		}
	}
	return path, body, nil
}

// LowerQuery puts the filters of any call into the form of version to.
func LowerQuery(q url.Values, to version.Version) { queryDown(filterSteps, q, to) }
