package codec

import (
	"encoding/json"
	"slices"
	"strings"
)

// Info is the answer of GET /info.
var Info = &Shape{Name: "info", Steps: []Step{
	{Since: v1(19), What: "bools instead of 0 and 1", Up: intsToBools, Down: boolsToInts},
	{Since: v1(22), What: "OSType", Up: func(o Object) {
		if text(o, "OSType") == "" {
			o["OSType"] = "linux" // no other system had an engine before
		}
	}, Down: remove("OSType", "Architecture")},
	{Since: v1(25), What: "security options are key=value", Up: liftSecurity, Down: lowerSecurity},
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

// Event is one message of GET /events.
var Event = &Shape{Name: "event", Kind: Stream, Steps: []Step{
	{Since: v1(22), What: "Type, Action and Actor", Up: liftEvent, Down: lowerEvent},
}}

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
	kind := text(o, "Type")
	if kind != "container" && kind != "image" {
		clear(o) // did not exist
		return
	}
	actor := object(o, "Actor")
	if text(o, "status") == "" {
		o["status"], o["id"] = text(o, "Action"), text(actor, "ID")
		if image := text(object(actor, "Attributes"), "image"); image != "" {
			o["from"] = image
		}
	}
	remove("Type", "Action", "Actor", "scope")(o)
}

// Stats is one sample of GET /containers/{id}/stats.
var Stats = &Shape{Name: "stats", Kind: Stream, Steps: []Step{
	{Since: v1(21), What: "networks by interface",
		Up: func(o Object) {
			if network := object(o, "network"); network != nil && o["networks"] == nil {
				o["networks"] = Object{"eth0": network}
			}
			delete(o, "network")
		},
		Down: func(o Object) {
			if network := object(object(o, "networks"), "eth0"); network != nil {
				o["network"] = network
			}
			delete(o, "networks")
		}},
}}

// ExecInspect is the answer of GET /exec/{id}/json.
var ExecInspect = &Shape{Name: "exec", Steps: []Step{
	{Since: v1(22), What: "ContainerID instead of the whole container", Up: func(o Object) {
		container := object(o, "Container")
		if id := text(container, "ID"); id != "" && text(o, "ContainerID") == "" {
			o["ContainerID"] = id
		} else if id := text(container, "Id"); id != "" && text(o, "ContainerID") == "" {
			o["ContainerID"] = id
		}
		delete(o, "Container")
	}},
}}

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
