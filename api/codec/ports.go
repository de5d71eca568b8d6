package codec

import (
	"maps"
	"slices"
	"strings"
)

// PortSpecs named the ports of a container before 1.6 and were read long after: "22", "8080:22", ":22", "53/udp".

// liftPortSpecs makes ExposedPorts of them, and the bindings in host unless that is nil. What cannot be read becomes a
// port that nobody can, so that the handler refuses it by name.
func liftPortSpecs(config, host Object) {
	specs, ok := config["PortSpecs"].([]any)
	delete(config, "PortSpecs")
	if !ok || len(specs) == 0 {
		return
	}
	exposed := ensure(config, "ExposedPorts")
	if exposed == nil {
		return
	}
	bindings := Object{}
	for _, item := range specs {
		private, ip, public := portSpec(port(item))
		exposed[private] = Object{}
		bound, _ := bindings[private].([]any)
		bindings[private] = append(bound, Object{"HostIp": ip, "HostPort": public})
	}
	if host == nil {
		return
	}
	if given := ensure(host, "PortBindings"); given != nil {
		maps.Copy(bindings, given) // what HostConfig says of a port holds
		host["PortBindings"] = bindings
	}
}

// portSpec reads [[ip:]public:]private[/protocol]. ":22" is the same port outside.
func portSpec(spec string) (private, ip, public string) {
	address, protocol, ok := strings.Cut(spec, "/")
	if !ok {
		protocol = "tcp"
	}
	private = address
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		public, private = address[:i], address[i+1:]
		if public == "" {
			public = private
		}
		if i = strings.LastIndexByte(public, ':'); i >= 0 {
			ip, public = public[:i], public[i+1:]
		}
	}
	return private + "/" + protocol, ip, public
}

// lowerPortSpecs writes the bindings of host as they were asked for; null without any.
func lowerPortSpecs(config, host Object) {
	if config == nil {
		return
	}
	var specs []any
	bindings := object(host, "PortBindings")
	for _, private := range slices.Sorted(maps.Keys(bindings)) {
		list, _ := bindings[private].([]any)
		for _, item := range list {
			binding, _ := item.(Object)
			spec := shortPort(private)
			if public := text(binding, "HostPort"); public != "" {
				spec = public + ":" + spec
				if ip := text(binding, "HostIp"); ip != "" {
					spec = ip + ":" + spec
				}
			}
			specs = append(specs, spec)
		}
	}
	config["PortSpecs"] = nil
	if specs != nil {
		config["PortSpecs"] = specs
	}
}

// shortPort leaves out the protocol that goes without saying.
func shortPort(private string) string { return strings.TrimSuffix(private, "/tcp") }

// lowerPortMap makes PortMapping, {"Tcp":{"22":"49153"},"Udp":{}}, of Ports. It is null for a container that has none.
func lowerPortMap(o Object) {
	settings := object(o, "NetworkSettings")
	ports := object(settings, "Ports")
	if settings == nil {
		return
	}
	delete(settings, "Ports")
	settings["PortMapping"] = nil
	tcp, udp := Object{}, Object{}
	for private, value := range ports {
		list, _ := value.([]any)
		if len(list) == 0 {
			continue
		}
		binding, _ := list[0].(Object)
		number, protocol, _ := strings.Cut(private, "/")
		switch protocol {
		case "tcp":
			tcp[number] = text(binding, "HostPort")
		case "udp":
			udp[number] = text(binding, "HostPort")
		}
	}
	if len(tcp)+len(udp) > 0 {
		settings["PortMapping"] = Object{"Tcp": tcp, "Udp": udp}
	}
}

// liftPortMap is the reverse.
func liftPortMap(o Object) {
	settings := object(o, "NetworkSettings")
	mapping, ok := settings["PortMapping"]
	if !ok || settings["Ports"] != nil {
		return
	}
	settings["PortMapping"] = nil
	both, ok := mapping.(Object)
	if !ok {
		return
	}
	ports := Object{}
	for key, protocol := range map[string]string{"Tcp": "/tcp", "Udp": "/udp"} {
		for private, public := range object(both, key) {
			ports[private+protocol] = []any{Object{"HostIp": "", "HostPort": port(public)}}
		}
	}
	settings["Ports"] = ports
}

// flattenPortMap leaves {"22":"49153","53/udp":"49154"}, the form of 1.2.
func flattenPortMap(o Object) {
	settings := object(o, "NetworkSettings")
	mapping := object(settings, "PortMapping")
	if mapping == nil {
		return
	}
	flat := Object{}
	maps.Copy(flat, object(mapping, "Tcp"))
	for private, public := range object(mapping, "Udp") {
		flat[private+"/udp"] = public
	}
	settings["PortMapping"] = flat
}

// splitPortMap is the reverse. What is split already has objects for values.
func splitPortMap(o Object) {
	settings := object(o, "NetworkSettings")
	mapping := object(settings, "PortMapping")
	if mapping == nil || object(mapping, "Tcp") != nil || object(mapping, "Udp") != nil {
		return
	}
	tcp, udp := Object{}, Object{}
	for private, public := range mapping {
		if number, protocol, _ := strings.Cut(private, "/"); protocol == "udp" {
			udp[number] = public
		} else {
			tcp[number] = public
		}
	}
	settings["PortMapping"] = Object{"Tcp": tcp, "Udp": udp}
}

// lowerPortList writes the published ports of a row in one text, "49153->22, 49154->53/udp".
func lowerPortList(o Object) {
	list, ok := o["Ports"].([]any)
	if !ok {
		return
	}
	published := []string{}
	for _, item := range list {
		row, _ := item.(Object)
		if integer(row["PublicPort"]) == 0 {
			continue
		}
		words := port(row["PublicPort"]) + "->" + port(row["PrivatePort"])
		if protocol := text(row, "Type"); protocol != "" && protocol != "tcp" {
			words += "/" + protocol
		}
		if !slices.Contains(published, words) { // one port on two addresses
			published = append(published, words)
		}
	}
	slices.Sort(published)
	o["Ports"] = strings.Join(published, ", ")
}

// liftPortList reads such a text, also with addresses and with ports that are not published.
func liftPortList(o Object) {
	words, ok := o["Ports"].(string)
	if !ok {
		return
	}
	list := []any{}
	for word := range strings.SplitSeq(words, ", ") {
		if word == "" {
			continue
		}
		public, private, published := strings.Cut(word, "->")
		if !published {
			public, private = "", word
		}
		number, protocol, ok := strings.Cut(private, "/")
		if !ok {
			protocol = "tcp"
		}
		row := Object{"PrivatePort": decimal(number), "Type": protocol}
		if i := strings.LastIndexByte(public, ':'); i >= 0 {
			row["IP"], public = public[:i], public[i+1:]
		}
		if published {
			row["PublicPort"] = decimal(public)
		}
		list = append(list, row)
	}
	o["Ports"] = list
}

// decimal is the number a text begins with; 0 for none.
func decimal(digits string) any {
	if end := strings.IndexFunc(digits, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		digits = digits[:end]
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" || len(digits) > 5 {
		digits = "0"
	}
	return number(digits)
}
