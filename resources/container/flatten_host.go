package container

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/resources/contract"
)

func flattenHost(o observation, last Model, m *Model) {
	h := o.HostConfig
	m.Privileged = followBool(last.Privileged, h.Privileged)
	m.PublishAllPorts = followBool(last.PublishAllPorts, h.PublishAllPorts || o.podman && last.PublishAllPorts.ValueBool())
	m.ReadOnly = types.BoolValue(h.ReadonlyRootfs)
	m.Runtime = followChosen(last.Runtime, h.Runtime, func(_, have string) bool { return o.podman && have == "oci" }) // whatever was asked for
	m.LogDriver = followChosen(last.LogDriver, h.LogConfig.Type, nil)
	m.LogOpts = flattenLogOpts(o, last.LogOpts)
	m.PidMode = followString(last.PidMode, string(h.PidMode), o.sameMode, "private")
	m.IpcMode = followChosen(last.IpcMode, string(h.IpcMode), func(last, have string) bool {
		return o.sameMode(last, have) || o.podman && have == "shareable" && (last == "private" || last == "none")
	})
	m.UsernsMode = followString(last.UsernsMode, string(h.UsernsMode), o.unreported)
	m.CgroupnsMode = followChosen(last.CgroupnsMode, string(h.CgroupnsMode), o.unreported)
	m.CgroupParent = followString(last.CgroupParent, h.CgroupParent, silent, "/libpod_parent")

	m.DNS = followSet(last.DNS, addresses(h.DNS), canonicalAddress)
	m.DNSOpts = followSet(last.DNSOpts, h.DNSOptions, nil)
	m.DNSSearch = followSet(last.DNSSearch, h.DNSSearch, nil)
	m.GroupAdd = followSet(last.GroupAdd, h.GroupAdd, nil)
	m.SecurityOpts = flattenSecurity(o, last.SecurityOpts)
	m.StorageOpts = o.followReported(last.StorageOpts, h.StorageOpt)
	m.Sysctls = o.followReported(last.Sysctls, h.Sysctls)

	m.Capabilities = flattenCapabilities(o, last.Capabilities)
	m.Devices = flattenDevices(last.Devices, h.Devices)
	m.GPUs, m.DeviceRequests = flattenRequests(last, h.DeviceRequests)
	m.Hosts = flattenHosts(last.Hosts, h.ExtraHosts)
	m.Ports = flattenPorts(o, last.Ports)
}

// silent accepts that an engine does not say what was declared.
func silent(_, have string) bool { return have == "" }

// unreported accepts silence of podman about something that was declared.
func (o observation) unreported(_, have string) bool { return o.podman && have == "" }

// followReported is followMap, but for podman saying nothing.
func (o observation) followReported(last types.Map, have map[string]string) types.Map {
	if o.podman && len(have) == 0 && given(last) {
		return last
	}
	return followMap(last, have)
}

// flattenLogOpts leaves out the options the engine's own configuration adds to those declared.
func flattenLogOpts(o observation, last types.Map) types.Map {
	have := o.HostConfig.LogConfig.Config
	if declared := mapping(last); declared != nil {
		have = maps.Clone(have)
		maps.DeleteFunc(have, func(k, _ string) bool { _, ok := declared[k]; return !ok })
	} else if given(last) {
		return last
	}
	return o.followReported(last, have)
}

// flattenSecurity leaves out what dockerd adds to containers that share the host's namespaces.
func flattenSecurity(o observation, last types.Set) types.Set {
	h := o.HostConfig
	var added []string
	if h.Privileged || h.PidMode.IsHost() || h.IpcMode.IsHost() {
		added = append(added, "label=disable")
	}
	have := h.SecurityOpt
	if o.podman { // it reports only some of them
		for _, s := range texts(last.Elements()) {
			if !slices.Contains(have, s) {
				have = append(slices.Clone(have), s)
			}
		}
	}
	return followSet(last, have, canonicalSecurity, added...)
}

// canonicalSecurity writes key:value as key=value, and a flag without its "true".
func canonicalSecurity(s string) string {
	if i := strings.IndexAny(s, ":="); i >= 0 {
		s = s[:i] + "=" + s[i+1:]
	}
	return strings.TrimSuffix(s, "=true")
}

func addresses(in []netip.Addr) []string {
	var out []string
	for _, a := range in {
		out = append(out, a.String())
	}
	return out
}

func canonicalAddress(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String()
	}
	return s
}

// dockerCapabilities is dockerd's default set; podmanCapabilities is podman's.
var (
	dockerCapabilities = []string{
		"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",
		"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
	}
	podmanCapabilities = slices.DeleteFunc(slices.Clone(dockerCapabilities), func(c string) bool {
		return slices.Contains([]string{"AUDIT_WRITE", "MKNOD", "NET_RAW"}, c)
	})
)

// effective is the set that adding and dropping leaves of a default one, sorted.
func effective(standard, add, drop []string) []string {
	out := slices.Clone(standard)
	if slices.Contains(drop, "ALL") {
		out = nil
	}
	if slices.Contains(add, "ALL") {
		out = slices.DeleteFunc(slices.Clone(capabilityNames), func(c string) bool { return c == "ALL" })
	}
	out = slices.DeleteFunc(out, func(c string) bool { return slices.Contains(drop, c) })
	for _, c := range add {
		if c != "ALL" && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// difference is what to add to and drop from a default set to come to what a container has.
func difference(standard, has []string) (add, drop []string) {
	add = slices.DeleteFunc(slices.Clone(has), func(c string) bool { return slices.Contains(standard, c) })
	drop = slices.DeleteFunc(slices.Clone(standard), func(c string) bool { return slices.Contains(has, c) })
	return add, drop
}

// flattenCapabilities compares by name. Podman does not report what was asked for: it computes what to add to and
// drop from docker's default set, which is not its own, to come to what the container has.
func flattenCapabilities(o observation, last contract.Blocks[Capabilities]) contract.Blocks[Capabilities] {
	was, declared := last.One()
	add, drop := o.HostConfig.CapAdd, o.HostConfig.CapDrop
	if o.podman {
		lastAdd, lastDrop := canonicalCapabilities(sorted(was.Add)), canonicalCapabilities(sorted(was.Drop))
		has := effective(dockerCapabilities, canonicalCapabilities(add), canonicalCapabilities(drop))
		// Its default set is a matter of its containers.conf: its own as shipped, docker's on Debian.
		if o.HostConfig.Privileged || slices.Equal(has, effective(podmanCapabilities, lastAdd, lastDrop)) || slices.Equal(has, effective(dockerCapabilities, lastAdd, lastDrop)) {
			return last
		}
		add, drop = difference(podmanCapabilities, has)
		if moreAdd, moreDrop := difference(dockerCapabilities, has); len(moreAdd)+len(moreDrop) < len(add)+len(drop) {
			add, drop = moreAdd, moreDrop
		}
	}
	c := Capabilities{Add: followSet(was.Add, canonicalCapabilities(add), canonicalCapability), Drop: followSet(was.Drop, canonicalCapabilities(drop), canonicalCapability)}
	if !declared && !given(c.Add) && !given(c.Drop) {
		return contract.Blocks[Capabilities]{}
	}
	return contract.BlocksOf(c)
}

// canonicalCapabilities writes them the way most people do, without prefix.
func canonicalCapabilities(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = canonicalCapability(s)
	}
	return out
}

func flattenDevices(last contract.Blocks[Device], have []container.DeviceMapping) contract.Blocks[Device] {
	var out contract.Blocks[Device]
	for _, d := range have {
		out.Items = append(out.Items, flattenDevice(last, d))
	}
	return out
}

func flattenDevice(last contract.Blocks[Device], have container.DeviceMapping) Device {
	sameLetters := func(a, b string) bool {
		x, y := []byte(a), []byte(b)
		slices.Sort(x)
		slices.Sort(y)
		return slices.Equal(x, y)
	}
	for _, was := range last.Items {
		e := expandDevice(was)
		// An empty answer is podman's, which does not say.
		if e.PathOnHost == have.PathOnHost && e.PathInContainer == have.PathInContainer &&
			(have.CgroupPermissions == "" || sameLetters(e.CgroupPermissions, have.CgroupPermissions)) {
			return was
		}
	}
	d := Device{HostPath: types.StringValue(have.PathOnHost), ContainerPath: types.StringNull(), Permissions: types.StringValue(have.CgroupPermissions)}
	if have.PathInContainer != have.PathOnHost {
		d.ContainerPath = types.StringValue(have.PathInContainer)
	}
	if have.CgroupPermissions == "" {
		d.Permissions = types.StringValue("rwm")
	}
	return d
}

// flattenRequests tells requests made by gpus from those of device_requests.
func flattenRequests(last Model, have []container.DeviceRequest) (types.String, contract.Blocks[DeviceRequest]) {
	gpus, requests := followString(last.GPUs, "", nil), contract.Blocks[DeviceRequest]{}
	blocks := make([]container.DeviceRequest, 0, len(last.DeviceRequests.Items))
	for i := range last.DeviceRequests.Items {
		r, err := expandRequests(Model{DeviceRequests: contract.BlocksOf(last.DeviceRequests.Items[i])})
		if err == nil {
			blocks = append(blocks, r...)
		}
	}
	for _, r := range have {
		if i := slices.IndexFunc(blocks, func(b container.DeviceRequest) bool { return sameRequest(b, r) }); i >= 0 {
			requests.Items = append(requests.Items, last.DeviceRequests.Items[i])
			continue
		}
		if isGPURequest(r) && gpus.ValueString() == "" {
			gpus = followString(last.GPUs, formatGPUs(r), func(last, _ string) bool {
				was, err := parseGPUs(last)
				return err == nil && sameRequest(was, r)
			})
			continue
		}
		requests.Items = append(requests.Items, DeviceRequest{
			Capabilities: followSet(types.SetNull(types.StringType), slices.Concat(r.Capabilities...), nil),
			Count:        types.Int64Value(int64(r.Count)), Driver: types.StringValue(r.Driver),
			DeviceIDs: followSet(types.SetNull(types.StringType), r.DeviceIDs, nil),
			Options:   followMap(types.MapNull(types.StringType), r.Options),
		})
	}
	return gpus, requests
}

// sameRequest compares without order; empty and missing are the same.
func sameRequest(a, b container.DeviceRequest) bool {
	order := func(in []string) []string { out := slices.Clone(in); slices.Sort(out); return slices.Compact(out) }
	return a.Driver == b.Driver && a.Count == b.Count && slices.Equal(order(a.DeviceIDs), order(b.DeviceIDs)) &&
		slices.Equal(order(slices.Concat(a.Capabilities...)), order(slices.Concat(b.Capabilities...))) && maps.Equal(a.Options, b.Options)
}

func flattenHosts(last contract.Blocks[HostEntry], have []string) contract.Blocks[HostEntry] {
	var out contract.Blocks[HostEntry]
	for _, entry := range have {
		host, ip, _ := strings.Cut(entry, ":")
		e := HostEntry{Host: types.StringValue(host), IP: types.StringValue(ip)}
		for _, was := range last.Items {
			if was.Host.ValueString() == host && canonicalAddress(was.IP.ValueString()) == canonicalAddress(strings.Trim(ip, "[]")) {
				e = was
			}
		}
		out.Items = append(out.Items, e)
	}
	return out
}
