package codec

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/api/version"
)

func v1(minor int) version.Version { return version.Of(1, minor) }

// limits are the resources that containers carried in Config before they moved to HostConfig.
var limits = []struct{ config, host string }{
	{"Memory", "Memory"}, {"MemorySwap", "MemorySwap"}, {"CpuShares", "CpuShares"}, {"Cpuset", "CpusetCpus"},
}

// ContainerCreate is the body of POST /containers/create. What later versions added and an older client sends all the
// same is taken away where the real engine ignores it; LxcConf stays for the handler, which warns about it.
var ContainerCreate = &Shape{Name: "container create", Older: hasKey("PortSpecs"), Steps: []Step{
	{Since: v1(15), What: "no PortSpecs",
		Up:   func(o Object) { liftPortSpecs(o, hostFor(o, o, "PortSpecs")) },
		Down: func(o Object) { lowerPortSpecs(o, object(o, "HostConfig")) }},
	{Since: v1(15), What: "name servers, other containers' volumes and Privileged in HostConfig",
		Up:   func(o Object) { liftHostFields(o, hostFor(o, o, "Dns", "VolumesFrom", "Privileged")) },
		Down: func(o Object) { lowerHostFields(Object{"Config": o, "HostConfig": o["HostConfig"]}) }},
	{Since: v1(18), What: "limits in HostConfig", Down: func(o Object) { moveLimits(Object{"Config": o, "HostConfig": o["HostConfig"]}) }},
	{Since: v1(19), What: "limits in HostConfig", Up: func(o Object) { liftLimits(o, ensure(o, "HostConfig")) }},
	{Since: v1(19), What: "shares are clamped; an empty ulimit says nothing", Up: func(o Object) { tidyHostConfig(object(o, "HostConfig")) }},
	{Since: v1(20), What: "network mode default", Down: func(o Object) {
		if host := object(o, "HostConfig"); text(host, "NetworkMode") == "default" {
			host["NetworkMode"] = "bridge"
		}
	}},
	{Since: v1(21), What: "VolumeDriver in HostConfig",
		Up:   func(o Object) { move(o, "VolumeDriver", ensure(o, "HostConfig"), "VolumeDriver") },
		Down: func(o Object) { move(object(o, "HostConfig"), "VolumeDriver", o, "VolumeDriver") }},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Image"), Down: dropDigest("Image")},
	{Since: v1(25), What: "AutoRemove was the client's", Up: func(o Object) { delete(object(o, "HostConfig"), "AutoRemove") }},
	{Since: v1(40), What: "IPC was shareable by default", Up: hostDefault("IpcMode", "shareable")},
	{Since: v1(41), What: "the cgroup namespace was the host's by default", Up: hostDefault("CgroupnsMode", "host")},
	{Since: v1(43), What: "annotations", Up: func(o Object) { delete(object(o, "HostConfig"), "Annotations") }},
	{Since: v1(44), What: "StartInterval", Up: func(o Object) { delete(object(o, "Healthcheck"), "StartInterval") }},
	{Since: v1(44), What: "read-only binds were not recursive", Up: eachMount(liftBindOptions)},
	{Since: v1(44), What: "MAC address per endpoint", Up: liftMAC, Down: lowerMAC},
	{Since: v1(45), What: "volume subpath", Up: eachMount(func(mount Object) { delete(object(mount, "VolumeOptions"), "Subpath") })},
	{Since: commandsAreLists, What: commandForms, Up: liftCommands("Cmd", "Entrypoint")},
}}

// ContainerCreated is the answer of POST /containers/create.
var ContainerCreated = &Shape{Name: "created container", Steps: []Step{
	{Since: v1(7), What: "whole ids", Down: shorten("Id")},
	{Since: v1(45), What: "never null", Down: defaults(Object{"Warnings": []any{}})},
}}

// ContainerStart is the body of POST /containers/{id}/start, a HostConfig, below 1.24: see the trait start-host-config.
var ContainerStart = &Shape{Name: "container start", Steps: []Step{
	{Since: v1(19), What: "shares are clamped; an empty ulimit says nothing", Up: tidyHostConfig},
	{Since: v1(25), What: "AutoRemove was the client's", Up: remove("AutoRemove")},
	{Since: v1(15), What: "what says nothing changes nothing", Up: dropUnset},
}}

// CommitConfig is the body of POST /commit, a container's Config.
var CommitConfig = &Shape{Name: "commit config", Steps: []Step{
	{Since: v1(15), What: "no PortSpecs", Up: func(o Object) { liftPortSpecs(o, nil) }},
	{Since: commandsAreLists, What: commandForms, Up: liftCommands("Cmd", "Entrypoint")},
}}

// ExecCreate is the body of POST /containers/{id}/exec.
var ExecCreate = &Shape{Name: "exec create", Steps: []Step{
	{Since: commandsAreLists, What: commandForms, Up: liftCommands("Cmd")},
}}

// ExecCreated is the answer of POST /containers/{id}/exec. The documents show Warnings from 1.18 to 1.24.
var ExecCreated = &Shape{Name: "created exec", Steps: []Step{
	{Since: v1(25), What: "no Warnings", Down: func(o Object) { o["Warnings"] = []any{} }},
}}

// A command may be one string in every version cleat serves; the newest Go types read lists only.
const commandForms = "a command is a list"

var commandsAreLists = v1(52)

func liftCommands(keys ...string) func(Object) {
	return func(o Object) {
		for _, key := range keys {
			if command, ok := o[key].(string); ok {
				o[key] = []any{command}
			}
		}
	}
}

// hostFor returns HostConfig, to move fields of a configuration to; it is made when one of them says something.
func hostFor(o, config Object, fields ...string) Object {
	for _, field := range fields {
		if isSet(config[field]) {
			return ensure(o, "HostConfig")
		}
	}
	return object(o, "HostConfig")
}

// hostDefault sets a field of HostConfig that is empty or absent.
func hostDefault(key, value string) func(Object) {
	return func(o Object) {
		if host := ensure(o, "HostConfig"); host != nil && !isSet(host[key]) {
			host[key] = value
		}
	}
}

// The kernel's bounds of cpu.shares, into which the engine forced what clients below 1.19 sent.
const minShares, maxShares = 2, 262144

func tidyHostConfig(host Object) {
	if shares, ok := host["CpuShares"].(json.Number); ok {
		if n, err := shares.Int64(); err == nil && n > 0 && n < minShares {
			host["CpuShares"] = json.Number("2")
		} else if err == nil && n > maxShares {
			host["CpuShares"] = json.Number("262144")
		}
	}
	if ulimits, ok := host["Ulimits"].([]any); ok {
		host["Ulimits"] = slices.DeleteFunc(ulimits, func(v any) bool {
			o, isObject := v.(Object)
			return isObject && len(o) == 0
		})
	}
}

// eachMount applies fn to every entry of HostConfig.Mounts.
func eachMount(fn func(Object)) func(Object) {
	return func(o Object) {
		list, _ := object(o, "HostConfig")["Mounts"].([]any)
		for _, item := range list {
			if mount, ok := item.(Object); ok {
				fn(mount)
			}
		}
	}
}

func liftBindOptions(mount Object) {
	if text(mount, "Type") != "bind" {
		return
	}
	if options := ensure(mount, "BindOptions"); options != nil {
		options["ReadOnlyNonRecursive"] = true
		delete(options, "ReadOnlyForceRecursive")
	}
}

func liftLimits(config, host Object) {
	for _, limit := range limits {
		move(config, limit.config, host, limit.host)
	}
}

// liftMAC gives the container's address to the endpoint of its network mode; "default" is "bridge".
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

// The queries of calls on containers.
var (
	listSteps = []QueryStep{
		{Since: v1(3), What: "sizes on request", Up: func(q url.Values) { q.Set("size", "1") }},
		{Since: v1(25), What: "since and before are filters", Up: liftListQuery},
	}
	waitSteps = []QueryStep{{Since: v1(30), What: "conditions", Up: forget("condition")}}
	stopSteps = []QueryStep{{Since: v1(42), What: "signal", Up: forget("signal")}}

	statsSteps  = []QueryStep{{Since: v1(41), What: "one-shot", Up: forget("one-shot")}}
	createSteps = []QueryStep{{Since: v1(41), What: "platform", Up: forget("platform")}}
	commitSteps = []QueryStep{
		{Since: v1(12), What: "m is comment", Up: func(q url.Values) {
			if q.Get("comment") == "" && q.Get("m") != "" {
				q.Set("comment", q.Get("m"))
			}
		}},
		{Since: v1(13), What: "a container is paused unless asked not to", Up: queryDefault("pause", "0")},
	}
)

// forget drops what the engine did not read yet.
func forget(parameter string) func(url.Values) { return func(q url.Values) { q.Del(parameter) } }

// queryDefault sets a parameter that is absent or empty.
func queryDefault(parameter, value string) func(url.Values) {
	return func(q url.Values) {
		if q.Get(parameter) == "" {
			q.Set(parameter, value)
		}
	}
}

// liftListQuery: both parameters show containers that do not run as well, the filters do not.
func liftListQuery(q url.Values) {
	for _, parameter := range []string{"since", "before"} {
		ref := q.Get(parameter)
		if ref == "" {
			continue
		}
		addFilter(q, parameter, ref)
		q.Set("all", "1")
		q.Del(parameter)
	}
}
