package codec

import (
	"maps"
	"strings"
)

// zeroTime is how the engine writes a time that never was.
const zeroTime = "0001-01-01T00:00:00Z"

// liftState derives State.Status from the flags, in the engine's own order of precedence.
func liftState(o Object) {
	state := object(o, "State")
	if state == nil || text(state, "Status") != "" {
		return
	}
	started := text(state, "StartedAt")
	switch {
	case isTrue(state, "Paused"):
		state["Status"] = "paused"
	case isTrue(state, "Restarting"):
		state["Status"] = "restarting"
	case isTrue(state, "Running"):
		state["Status"] = "running"
	case isTrue(state, "Dead"):
		state["Status"] = "dead"
	case started == "" || started == zeroTime:
		state["Status"] = "created"
	default:
		state["Status"] = "exited"
	}
}

// liftStatus derives a list row's State from its Status text.
func liftStatus(o Object) {
	if text(o, "State") != "" {
		return
	}
	status := text(o, "Status")
	switch {
	case strings.HasPrefix(status, "Up") && strings.Contains(status, "(Paused)"):
		o["State"] = "paused"
	case strings.HasPrefix(status, "Up"):
		o["State"] = "running"
	case strings.HasPrefix(status, "Restarting"):
		o["State"] = "restarting"
	case strings.HasPrefix(status, "Exit"): // "Exited (0) …", and "Exit 0" in the documents
		o["State"] = "exited"
	case strings.HasPrefix(status, "Removal"):
		o["State"] = "removing"
	case status == "Dead":
		o["State"] = "dead"
	default: // "Created", and nothing at all below 1.21
		o["State"] = "created"
	}
}

// endpointFields are those of the only network a container had before 1.21.
var endpointFields = []string{
	"EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress", "IPPrefixLen", "IPv6Gateway", "MacAddress",
}

// liftNetworks makes the flat fields an endpoint of the network that the container's mode names.
func liftNetworks(o Object) {
	settings := object(o, "NetworkSettings")
	if settings == nil || settings["Networks"] != nil {
		return
	}
	networks := Object{}
	settings["Networks"] = networks
	mode := networkMode(o)
	if strings.HasPrefix(mode, "container:") {
		return // the network is the other container's
	}
	endpoint := Object{}
	for _, field := range endpointFields {
		if v, ok := settings[field]; ok {
			endpoint[field] = v
		}
	}
	networks[mode] = endpoint
}

// lowerNetworks copies the endpoint of the container's mode to the flat fields, unless they are there.
func lowerNetworks(o Object) {
	settings := object(o, "NetworkSettings")
	endpoint := object(object(settings, "Networks"), networkMode(o))
	if settings == nil {
		return
	}
	flat := Object{}
	for _, field := range endpointFields {
		if v, ok := endpoint[field]; ok && !isSet(settings[field]) {
			flat[field] = v
		}
	}
	delete(settings, "Networks")
	maps.Copy(settings, flat)
}
