package container

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Rules says what a change of each attribute means; one without a row replaces the container. What the update call
// really changes was tried on dockerd 20.10: limits of block devices and ulimits are accepted and ignored, and a zero
// means "leave it", so that no limit can be lifted.
func (Type) Rules() contract.Rules {
	rules := contract.Rules{
		"id":           {Stable: true},
		"bridge":       {Stable: true},
		"image":        {Effect: contract.InPlace, Same: sameText(sameImage)}, // only the spelling is recorded; image_id decides
		"image_id":     {Stable: true, Cause: contract.Image},
		"exit_code":    {MovedBy: []string{"start", "must_run"}},
		"network_data": {MovedBy: []string{"network_mode", "networks_advanced", "start", "must_run"}},

		"container_logs": {Stable: true, Unreported: true},
		"upload":         {Unreported: true, Requires: "1.20"},
		"upload_hash":    {Stable: true, Explain: func(attr.Value, attr.Value) string { return "a local file named by upload.source changed" }},
		"platform":       {Unreported: true, Requires: "1.41"},

		"name":              {Effect: contract.InPlace, Since: "1.17", Same: sameText(func(a, b string) bool { return strings.TrimPrefix(a, "/") == strings.TrimPrefix(b, "/") })},
		"start":             {Effect: contract.InPlace},
		"must_run":          {Effect: contract.InPlace, Same: mayRun},
		"restart":           {Effect: contract.InPlace, Since: "1.23", Call: contract.CallContainerUpdate, RequiresFor: policySince},
		"max_retry_count":   {Effect: contract.InPlace, Since: "1.23", Call: contract.CallContainerUpdate},
		"networks_advanced": {Effect: contract.InPlace, Since: "1.21", Requires: "1.21"},

		"networks_advanced.ipv4_address": {Same: sameText(sameAddress), Requires: "1.22"},
		"networks_advanced.ipv6_address": {Same: sameText(sameAddress), Requires: "1.22"},
		"networks_advanced.mac_address":  {Same: sameText(func(a, b string) bool { return strings.EqualFold(a, b) || sameMAC(a, b) || sameMAC(b, a) }), Requires: "1.44"},
		"networks_advanced.gw_priority":  {Requires: "1.48"},

		"networks_advanced.name": {Refers: []string{"network"}},
		"pid_mode":               {Refers: []string{"container"}},
		"volumes.volume_name":    {Refers: []string{"volume"}, Requires: "1.21"},
		"volumes.from_container": {Refers: []string{"container"}},
		"mounts.source":          {Refers: []string{"volume"}},

		"ports":          {Key: []string{"internal", "protocol", "ip"}},
		"ports.external": {MovedBy: []string{"network_mode", "networks_advanced", "start", "must_run"}},
		"ports.ip":       {Same: sameText(sameHostAddress)},

		"capabilities.add":     {Same: sameSet(canonicalCapability)},
		"capabilities.drop":    {Same: sameSet(canonicalCapability)},
		"devices":              {Same: sameDevices},
		"dns":                  {Same: sameSet(canonicalAddress)},
		"gpus":                 {Same: sameText(sameGPUs), Requires: "1.40"},
		"host.ip":              {Same: sameText(sameAddress)},
		"log_opts":             {Stable: true, Unreported: true, Same: subset},
		"network_mode":         {Refers: []string{"network", "container"}, By: modeReplaces, RequiresFor: modeSince, Same: sameText(func(a, b string) bool { return isDefaultMode(a) && isDefaultMode(b) })},
		"security_opts":        {Unreported: true, Same: sameSet(canonicalSecurity)},
		"stop_signal":          {Same: sameText(sameSignal), Requires: "1.21"},
		"ulimit":               {Same: subset},
		"volumes.host_path":    {Same: sameText(func(a, b string) bool { return path.Clean(a) == path.Clean(b) })},
		"healthcheck":          {FromImage: true, Requires: "1.24"},
		"healthcheck.interval": {Same: sameText(sameDuration)},
		"healthcheck.timeout":  {Same: sameText(sameDuration)},

		"healthcheck.start_period":   {Same: sameText(sameDuration), Requires: "1.29"},
		"healthcheck.start_interval": {Same: sameText(sameDuration), Requires: "1.44"},

		// Podman does not report these; neither does it log_opts, security_opts, cgroupns_mode and what ipc_mode comes to.
		"domainname":        {Unreported: true},
		"publish_all_ports": {Unreported: true},
		"storage_opts":      {Unreported: true, Requires: "1.24"},
		"sysctls":           {Unreported: true, Requires: "1.24"},
		"userns_mode":       {Unreported: true, Requires: "1.23"},

		// null is the engine's default of these, which need not be the zero value.
		"init":         {ZeroIsSet: true, Same: noInit, Requires: "1.25"},
		"stop_timeout": {ZeroIsSet: true, Requires: "1.25"},

		"memory":             {By: liftReplaces, Since: "1.22", Call: contract.CallContainerUpdate},
		"memory_swap":        {Effect: contract.InPlace, Since: "1.22", Call: contract.CallContainerUpdate},
		"memory_reservation": {By: liftReplaces, Since: "1.22", Call: contract.CallContainerUpdate, Requires: "1.21"},
		"cpu_shares":         {By: liftReplaces, Since: "1.22", Call: contract.CallContainerUpdate},
		"cpu_set":            {By: liftReplaces, Since: "1.22", Call: contract.CallContainerUpdate, Same: sameText(sameCPUList)},
		"cpu_period":         {By: liftReplaces, Since: "1.22", Call: contract.CallContainerUpdate, Requires: "1.19"},
		"cpu_quota":          {By: liftReplaces, Since: "1.22", Call: contract.CallContainerUpdate, Requires: "1.19"},
		"cpus":               {By: liftReplaces, Since: "1.29", Call: contract.CallContainerUpdate, Requires: "1.25", Same: sameText(sameCPUCount)},

		"cgroup_parent": {Unreported: true}, // the document of 1.18 has it in no answer
		"cgroupns_mode": {Same: engineChooses, Stable: true, Unreported: true, Requires: "1.41"},
		"ipc_mode":      {Refers: []string{"container"}, Same: engineChooses, Stable: true, Unreported: true, RequiresFor: ipcSince},
		"log_driver":    {Same: engineChooses, Stable: true},
		"runtime":       {Same: engineChooses, Stable: true, Requires: "1.24"},
		"shm_size":      {Same: engineChooses, Stable: true, Requires: "1.22"},
	}
	for _, name := range []string{"attach", "logs", "wait", "wait_timeout", "wait_for", "remove_volumes", "container_read_refresh_timeout_milliseconds"} {
		rules[name] = contract.Rule{ConfigOnly: true}
	}
	rules["wait_for.log"] = contract.Rule{Requires: "1.19"}                           // before, output of earlier runs could not be left out
	rules["destroy_grace_seconds"] = contract.Rule{ConfigOnly: true, ZeroIsSet: true} // null is the container's own, zero is none
	for name, version := range map[string]string{
		"device_read_bps": "1.22", "device_read_iops": "1.22", "device_write_bps": "1.22", "device_write_iops": "1.22",
		"device_requests": "1.40", "dns_opts": "1.21", "group_add": "1.20", "mounts": "1.25", "rm": "1.25",
		"mounts.volume_options.subpath": "1.45",
		"networks_advanced.aliases":     "1.22", "networks_advanced.link_local_ips": "1.22", "networks_advanced.driver_opts": "1.32",

		"tmpfs": "1.22",
	} {
		rules[name] = contract.Rule{Requires: version}
	}
	return rules
}

// policySince is the version that brought a restart policy.
func policySince(desired attr.Value) string {
	if s, ok := desired.(types.String); ok && s.ValueString() == "unless-stopped" {
		return "1.21"
	}
	return ""
}

// ipcSince is the version that brought a mode of IPC. Before, every container's could be shared.
func ipcSince(desired attr.Value) string {
	if s, ok := desired.(types.String); ok && slices.Contains([]string{"none", "private", "shareable"}, s.ValueString()) {
		return "1.32"
	}
	return ""
}

// modeSince is the version that brought a network mode: there were no networks but the engine's own.
func modeSince(desired attr.Value) string {
	s, ok := desired.(types.String)
	if mode := s.ValueString(); !ok || isDefaultMode(mode) || mode == "host" || mode == "none" || strings.HasPrefix(mode, "container:") {
		return ""
	}
	return "1.21"
}

// liftReplaces: the engine reads no limit as "leave the limit".
func liftReplaces(_, desired attr.Value) contract.Effect {
	if !desired.IsUnknown() && isNothing(desired) {
		return contract.Replace
	}
	return contract.InPlace
}

// isNothing reports whether a limit is none.
func isNothing(v attr.Value) bool {
	switch v := v.(type) {
	case types.Int64:
		return v.ValueInt64() == 0
	case types.String:
		return v.ValueString() == ""
	}
	return v.IsNull()
}

// modeReplaces: a container keeps its network mode for life, but one that was disconnected from the network of its mode
// can be connected again.
func modeReplaces(observed, desired attr.Value) contract.Effect {
	o, _ := observed.(types.String)
	d, _ := desired.(types.String)
	if mode := d.ValueString(); o.ValueString() == disconnected && given(d) && mode != "host" && mode != "none" && !strings.HasPrefix(mode, "container:") {
		return contract.InPlace
	}
	return contract.Replace
}

// engineChooses: "" and 0 ask for nothing, like null, of what an engine has a value of its own for.
func engineChooses(_, desired attr.Value) bool { return isNothing(desired) }

// mayRun: must_run = false asks for nothing, so a container that runs is as declared.
func mayRun(_, desired attr.Value) bool {
	b, ok := desired.(types.Bool)
	return ok && given(b) && !b.ValueBool()
}

// noInit: kreuzwerker/docker says of every container that it has no init, which engines do by themselves.
func noInit(observed, desired attr.Value) bool {
	o, ok := observed.(types.Bool)
	return ok && given(o) && !o.ValueBool() && desired.IsNull()
}

// sameText makes a rule's Same of a comparison of strings.
func sameText(same func(observed, desired string) bool) func(observed, desired attr.Value) bool {
	return func(observed, desired attr.Value) bool {
		o, okO := observed.(types.String)
		d, okD := desired.(types.String)
		return okO && okD && same(o.ValueString(), d.ValueString())
	}
}

// sameSet makes a rule's Same of the canonical form of a set's elements.
func sameSet(canonical func(string) string) func(observed, desired attr.Value) bool {
	form := func(v attr.Value) []string {
		out := texts(elements(v))
		for i, s := range out {
			out[i] = canonical(s)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return func(observed, desired attr.Value) bool { return slices.Equal(form(observed), form(desired)) }
}

// elements of a list, set or map; none of anything else.
func elements(v attr.Value) []attr.Value {
	if c, ok := v.(interface{ Elements() []attr.Value }); ok {
		return c.Elements()
	}
	return nil
}

// subset: dockerd writes its own default-ulimits and log-opts into the container, where they look like declared ones,
// so more than what is declared is as declared.
func subset(observed, desired attr.Value) bool {
	if have, ok := observed.(types.Map); ok {
		want, ok := desired.(types.Map)
		for k, v := range want.Elements() {
			found := have.Elements()[k]
			ok = ok && found != nil && found.Equal(v)
		}
		return ok
	}
	have := elements(observed)
	for _, want := range elements(desired) {
		if !slices.ContainsFunc(have, want.Equal) {
			return false
		}
	}
	return true
}

// sameDevices: a device is at the same path in the container when none is given.
func sameDevices(observed, desired attr.Value) bool {
	form := func(v attr.Value) ([]string, bool) {
		var out []string
		for _, e := range elements(v) {
			o, ok := e.(types.Object)
			if !ok {
				return nil, false
			}
			text := func(name string) string { s, _ := o.Attributes()[name].(types.String); return s.ValueString() }
			letters := strings.Split(text("permissions"), "")
			slices.Sort(letters)
			out = append(out, strings.Join([]string{text("host_path"), cmp.Or(text("container_path"), text("host_path")), strings.Join(letters, "")}, "\x00"))
		}
		slices.Sort(out)
		return out, true
	}
	o, okO := form(observed)
	d, okD := form(desired)
	return okO && okD && slices.Equal(o, d)
}

// sameImage compares references by what they name in full. What podman calls localhost/x is an image without registry.
func sameImage(a, b string) bool {
	full := func(s string) string {
		named, err := reference.ParseNormalizedNamed(strings.TrimPrefix(s, "localhost/"))
		if err != nil {
			return s
		}
		return reference.TagNameOnly(named).String()
	}
	return full(a) == full(b)
}

func sameAddress(a, b string) bool {
	return canonicalAddress(strings.Trim(a, "[]")) == canonicalAddress(strings.Trim(b, "[]"))
}

// anyAddress is where a port is published that names no address of the host.
const anyAddress = "0.0.0.0"

func sameHostAddress(a, b string) bool {
	return sameAddress(cmp.Or(a, anyAddress), cmp.Or(b, anyAddress))
}

func sameDuration(a, b string) bool {
	x, errA := time.ParseDuration(a)
	y, errB := time.ParseDuration(b)
	return errA == nil && errB == nil && x == y
}

func sameGPUs(a, b string) bool {
	x, errA := parseGPUs(a)
	y, errB := parseGPUs(b)
	return errA == nil && errB == nil && sameRequest(x, y)
}
