package codec

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// What containers were like before 1.18: the document is remote-api-v1.2.md, the boundaries between are those of
// versions.md, section 2.

var (
	// earlyKeys are those of the document's container, of its Config, State and NetworkSettings.
	earlyKeys = []string{
		"Args", "Config", "Created", "HostConfig", "Id", "Image", "NetworkSettings", "Path", "ResolvConfPath", "State", "SysInitPath", "Volumes",
	}
	earlyConfigKeys = []string{
		"AttachStderr", "AttachStdin", "AttachStdout", "Cmd", "Dns", "Env", "Hostname", "Image", "Memory", "MemorySwap", "OpenStdin",
		"PortSpecs", "Privileged", "StdinOnce", "Tty", "User", "Volumes", "VolumesFrom", "WorkingDir",
	}
	earlyStateKeys   = []string{"ExitCode", "Ghost", "Pid", "Running", "StartedAt"}
	earlyNetworkKeys = []string{"Bridge", "Gateway", "IPAddress", "IPPrefixLen", "PortMapping"}
)

// addressNames are what 1.2 calls fields of NetworkSettings, and what they are called since.
var addressNames = map[string]string{"IpAddress": "IPAddress", "IpPrefixLen": "IPPrefixLen"}

// Top is the answer of GET /containers/{id}/top.
var Top = &Shape{Name: "processes", Steps: []Step{
	{Since: v1(4), What: "titles and columns instead of objects", UpAll: liftTop, DownAll: lowerTop},
}}

// isEarly reports whether a container has the form of 1.17 or before: it has the limits in Config alone.
func isEarly(o Object) bool {
	config, host := object(o, "Config"), object(o, "HostConfig")
	limited, moved := false, false
	for _, limit := range limits {
		_, has := config[limit.config]
		limited = limited || has
		_, has = host[limit.host]
		moved = moved || has
	}
	return hasKey("SysInitPath")(o) || limited && !moved
}

// earlyContainer leaves the keys of the document's example, each of them present, and what goes away for still older
// versions.
func earlyContainer(o Object) {
	config, settings := object(o, "Config"), object(o, "NetworkSettings")
	if config != nil {
		config["Privileged"] = isTrue(object(o, "HostConfig"), "Privileged")
		defaults(Object{"Volumes": Object{}})(config)
	}
	earlyConfig(config)
	only(object(o, "State"), earlyStateKeys...)
	only(settings, earlyNetworkKeys...)
	only(o, earlyKeys...)
}

// inConfig applies a step to a container's Config and HostConfig.
func inConfig(fn func(config, host Object), fields ...string) func(Object) {
	return func(o Object) {
		if config := object(o, "Config"); config != nil {
			fn(config, hostFor(o, config, fields...))
		}
	}
}

// earlyConfig leaves a configuration as containers and images had it.
func earlyConfig(config Object) {
	if config == nil {
		return
	}
	defaults(Object{"Memory": number("0"), "MemorySwap": number("0"), "VolumesFrom": ""})(config)
	for _, key := range []string{"Cmd", "Dns", "Env", "PortSpecs", "Volumes"} {
		null(config, key)
	}
	only(config, earlyConfigKeys...)
}

// lowerGhost: a container whose daemon had died was a ghost, and nothing could be paused.
func lowerGhost(o Object) {
	if state := object(o, "State"); state != nil {
		state["Ghost"] = false
		remove("Paused", "Restarting", "OOMKilled", "Error")(state)
	}
}

// moveLimits takes the limits from HostConfig to Config.
func moveLimits(o Object) {
	lowerLimits(o)
	host := object(o, "HostConfig")
	for _, limit := range limits {
		delete(host, limit.host)
	}
}

// liftHostFields gives HostConfig what was in Config: lists of name servers and containers, and Privileged.
func liftHostFields(config, host Object) {
	if from, ok := config["VolumesFrom"].(string); ok {
		list := []any{}
		for name := range strings.SplitSeq(from, ",") {
			if name = strings.TrimSpace(name); name != "" {
				list = append(list, name)
			}
		}
		config["VolumesFrom"] = list
	}
	for _, key := range []string{"Dns", "VolumesFrom", "Privileged"} {
		move(config, key, host, key)
		delete(config, key) // also where nothing was said, and there is no HostConfig
	}
}

// lowerHostFields writes name servers and containers back into Config.
func lowerHostFields(o Object) {
	config, host := object(o, "Config"), object(o, "HostConfig")
	if config == nil || host == nil {
		return
	}
	list, _ := host["VolumesFrom"].([]any)
	names := make([]string, 0, len(list))
	for _, item := range list {
		if name, ok := item.(string); ok {
			names = append(names, name)
		}
	}
	config["Dns"], config["VolumesFrom"] = nil, strings.Join(names, ",")
	if isSet(host["Dns"]) {
		config["Dns"] = host["Dns"]
	}
	remove("Dns", "VolumesFrom")(host)
}

// dropUnset takes away what says nothing.
func dropUnset(o Object) {
	maps.DeleteFunc(o, func(_ string, value any) bool { return !isSet(value) })
}

// liftTop makes titles and columns of the first form, a list of objects.
func liftTop(value any) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	rows := make([]any, 0, len(list))
	for _, item := range list {
		process, _ := item.(Object)
		row := make([]any, len(earlyTop))
		for i, column := range earlyTop {
			row[i] = text(process, column.key)
		}
		rows = append(rows, row)
	}
	titles := make([]any, len(earlyTop))
	for i, column := range earlyTop {
		titles[i] = column.titles[0]
	}
	return Object{"Titles": titles, "Processes": rows}
}

// earlyTop are the keys of the first form and what ps calls them.
var earlyTop = []struct {
	key    string
	titles []string
}{{"PID", []string{"PID"}}, {"Tty", []string{"TTY", "TT"}}, {"Time", []string{"TIME"}}, {"Cmd", []string{"CMD", "COMMAND"}}}

// lowerTop is the reverse. A column ps did not give is empty.
func lowerTop(value any) any {
	o, ok := value.(Object)
	titles, hasTitles := o["Titles"].([]any)
	if !ok || !hasTitles {
		return value
	}
	processes, _ := o["Processes"].([]any)
	list := make([]any, 0, len(processes))
	for _, process := range processes {
		row, _ := process.([]any)
		out := Object{}
		for _, column := range earlyTop {
			out[column.key] = ""
			for i, title := range titles {
				name, _ := title.(string)
				if i < len(row) && slices.Contains(column.titles, name) {
					out[column.key] = row[i]
				}
			}
		}
		list = append(list, out)
	}
	return list
}

// lowerNever: what never ran had ended with 0 as long as there was no word for it.
func lowerNever(o Object) {
	if o["Status"] == "Created" {
		o["Status"] = "Exit 0"
	}
}

// port is a number of a port however it is written.
func port(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		return v
	default:
		return ""
	}
}
