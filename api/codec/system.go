package codec

import (
	"encoding/json"
	"slices"
	"strings"
)

// Info is the answer of GET /info.
var Info = &Shape{Name: "info", Steps: []Step{
	{Since: v1(4), What: "IPv4Forwarding", Down: remove("IPv4Forwarding")},
	{Since: v1(7), What: "0 and 1 instead of bools", Down: intsToBools},
	{Since: v1(11), What: "the kernel, the driver and where things are", Down: documented(
		"Containers", "Images", "Debug", "NFd", "NGoroutines", "MemoryLimit", "SwapLimit", "IPv4Forwarding")},
	{Since: v1(16), What: "the machine, its name and labels", Down: remove(
		"NCPU", "MemTotal", "Name", "ID", "Labels", "DriverStatus", "InitSha1", "DockerRootDir", "OperatingSystem")},
	{Since: v1(18), What: "time and proxies", Down: remove("SystemTime", "HttpProxy", "HttpsProxy", "NoProxy", "RegistryConfig")},
	{Since: v1(19), What: "only the documented keys", Down: documentedInfo},
	{Since: v1(19), What: "bools instead of 0 and 1", Up: intsToBools, Down: boolsToInts},
	{Since: v1(22), What: "OSType", Up: func(o Object) {
		if text(o, "OSType") == "" {
			o["OSType"] = "linux" // no other system had an engine before
		}
	}, Down: remove("OSType", "Architecture")},
	{Since: v1(25), What: "security options are key=value", Up: liftSecurity, Down: lowerSecurity},
	{Since: v1(25), What: "no execution driver", Down: defaults(Object{"ExecutionDriver": execDriver})},
	{Since: v1(49), What: "no commits that were expected", Down: eachCommit(func(o Object) { o["Expected"] = text(o, "ID") })},
}}

// eachCommit applies a step to the programs an engine works with: the CLI shows those that are not as expected.
func eachCommit(fn func(Object)) func(Object) {
	return func(o Object) {
		for _, key := range []string{"ContainerdCommit", "RuncCommit", "InitCommit"} {
			if commit := object(o, key); commit != nil {
				fn(commit)
			}
		}
	}
}

func documentedInfo(o Object) {
	defaults(Object{"InitPath": "", "InitSha1": "", "DriverStatus": []any{}, "Labels": []any{}})(o)
	if registry := object(o, "RegistryConfig"); registry != nil {
		only(registry, "IndexConfigs", "InsecureRegistryCIDRs")
	}
	only(o, "Containers", "Debug", "DockerRootDir", "Driver", "DriverStatus", "ExecutionDriver", "HttpProxy", "HttpsProxy", "ID",
		"IPv4Forwarding", "Images", "IndexServerAddress", "InitPath", "InitSha1", "KernelVersion", "Labels", "MemTotal", "MemoryLimit",
		"NCPU", "NEventsListener", "NFd", "NGoroutines", "Name", "NoProxy", "OperatingSystem", "RegistryConfig", "SwapLimit", "SystemTime")
}

// Version is the answer of GET /version. Only 1.18 and older are reduced: without a version in the path, which is how
// every client probes, it is the newest.
var Version = &Shape{Name: "version", Steps: []Step{
	{Since: v1(12), What: "ApiVersion", Down: remove("ApiVersion")},
	{Since: v1(18), What: "system, kernel and processor", Down: remove("Os", "KernelVersion", "Arch")},
	{Since: v1(19), What: "only the documented keys, and all of them", Down: func(o Object) {
		defaults(Object{"GitCommit": ""})(o) // of a build that knows none
		only(o, "Version", "Os", "KernelVersion", "GoVersion", "GitCommit", "Arch", "ApiVersion")
	}},
}}

// Wait is the answer of POST /containers/{id}/wait. It is one object, and a stream to those who lift it: from 1.30 on the
// header comes long before it, and whoever waits has to know that waiting has begun.
var Wait = &Shape{Name: "wait", Kind: Stream, Steps: []Step{
	{Since: v1(34), What: "Error", Down: remove("Error")},
}}

// Update is the answer of POST /containers/{id}/update.
var Update = &Shape{Name: "updated container", Steps: []Step{
	{Since: v1(45), What: "never null", Down: defaults(Object{"Warnings": []any{}})},
}}

var infoBools = []string{"Debug", "MemoryLimit", "SwapLimit", "IPv4Forwarding"}

func intsToBools(o Object) {
	for _, key := range infoBools {
		if n, ok := o[key].(json.Number); ok {
			o[key] = n != "0"
		}
	}
}

func boolsToInts(o Object) {
	for _, key := range infoBools {
		if b, ok := o[key].(bool); ok {
			o[key] = json.Number("0")
			if b {
				o[key] = json.Number("1")
			}
		}
	}
}

func liftSecurity(o Object) {
	list, _ := o["SecurityOptions"].([]any)
	for i, item := range list {
		if s, ok := item.(string); ok && s != "" && !strings.Contains(s, "=") {
			list[i] = "name=" + s
		}
	}
}

func lowerSecurity(o Object) {
	list, _ := o["SecurityOptions"].([]any)
	for i, item := range list {
		if s, ok := item.(string); ok {
			name, _, _ := strings.Cut(s, ",")
			list[i] = strings.TrimPrefix(name, "name=")
		}
	}
}

// Event is one message of GET /events. Below 1.22 Type, Action and Actor stay beside the documented keys, as the real
// engine has it: today's docker CLI takes a container's exit code from Actor.Attributes at every version.
var Event = &Shape{Name: "event", Kind: Stream, Steps: []Step{
	{Since: v1(4), What: "from", Down: remove("from")},
	{Since: v1(19), What: "only the documented events", Down: documentedEvent},
	{Since: v1(21), What: "timeNano", Down: remove("timeNano")},
	{Since: v1(22), What: "Type, Action and Actor", Up: liftEvent, Down: lowerEvent},
	{Since: v1(22), What: "image ids with algorithm", Down: dropDigest("id")},
	{Since: v1(52), What: "no status, id and from", Down: addStatus},
}}

// documentedEvents are those of the document's section "Monitor Docker's events".
var documentedEvents = map[string][]string{
	"container": {
		"create", "destroy", "die", "exec_create", "exec_start", "export", "kill", "oom", "pause", "restart", "start", "stop", "unpause",
	},
	"image": {"untag", "delete"},
}

func documentedEvent(o Object) {
	action, _, _ := strings.Cut(text(o, "status"), ":") // "exec_start: sh -c …"
	if !slices.Contains(documentedEvents[text(o, "Type")], action) {
		clear(o)
	}
}

// addStatus writes what containers and images did as it was written before other things had events.
func addStatus(o Object) {
	kind := text(o, "Type")
	if kind != "container" && kind != "image" || text(o, "status") != "" {
		return
	}
	actor := object(o, "Actor")
	o["status"], o["id"] = text(o, "Action"), text(actor, "ID")
	if image := text(object(actor, "Attributes"), "image"); image != "" && kind == "container" {
		o["from"] = image
	}
}

// imageEvents are the actions of images; before 1.22 everything else happened to containers.
var imageEvents = []string{"delete", "import", "load", "pull", "push", "save", "tag", "untag"}

func liftEvent(o Object) {
	status := text(o, "status")
	if text(o, "Type") != "" || status == "" {
		return
	}
	attributes := Object{}
	kind := "container"
	if slices.Contains(imageEvents, status) {
		kind = "image"
	} else if from := text(o, "from"); from != "" {
		attributes["image"] = from
	}
	o["Type"], o["Action"] = kind, status
	o["Actor"] = Object{"ID": text(o, "id"), "Attributes": attributes}
}

func lowerEvent(o Object) {
	if kind := text(o, "Type"); kind != "container" && kind != "image" {
		clear(o) // had no events
		return
	}
	delete(o, "scope")
}

// NetworkCreate is the body of POST /networks/create.
var NetworkCreate = &Shape{Name: "network create", Steps: []Step{
	// Without it engines before 1.44 make a second network of the same name.
	{Since: v1(44), What: "names are unique", Up: remove("CheckDuplicate"), Down: func(o Object) { o["CheckDuplicate"] = true }},
}}

var gateways = []Step{
	{Since: v1(44), What: "a gateway is an address", Up: func(o Object) {
		configs, _ := object(o, "IPAM")["Config"].([]any)
		for _, item := range configs {
			config, _ := item.(Object)
			// Early engines wrote the prefix length behind it, which today's decoders refuse.
			if gateway, _, ok := strings.Cut(text(config, "Gateway"), "/"); ok {
				config["Gateway"] = gateway
			}
		}
	}},
}

// NetworkInspect is the answer of GET /networks/{id}.
var NetworkInspect = &Shape{Name: "network", Steps: gateways}

// NetworkList is the answer of GET /networks.
var NetworkList = &Shape{Name: "networks", Kind: List, Steps: gateways}
