package container

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// problems collects diagnostics about one declaration.
type problems struct{ diag.Diagnostics }

func (p *problems) at(where path.Path, format string, args ...any) {
	p.AddAttributeError(where, "Invalid container", fmt.Sprintf(format, args...))
}

func (p *problems) on(attribute, format string, args ...any) {
	p.at(path.Root(attribute), format, args...)
}

// Validate finds what the engine would refuse, or silently ignore, because of how attributes go together. What is not
// known yet is passed over.
func (Type) Validate(_ context.Context, m Model) diag.Diagnostics {
	p := &problems{}
	validateLimits(p, m)
	validateLifecycle(p, m)
	validateWaitFor(p, m)
	validatePorts(p, m)
	validateNetworks(p, m)
	validateStorage(p, m)
	validateUploads(p, m)
	validateHealthcheck(p, m)
	validateLogging(p, m)
	validateSecretEnv(p, m)
	return p.Diagnostics
}

func validateLimits(p *problems, m Model) {
	if m.CPUs.ValueString() != "" && (m.CPUPeriod.ValueInt64() != 0 || m.CPUQuota.ValueInt64() != 0) {
		p.on("cpus", "cpus sets the period and the quota: it excludes cpu_period and cpu_quota.")
	}
	memory, swap := m.Memory.ValueInt64(), m.MemorySwap.ValueInt64()
	if !m.Memory.IsUnknown() {
		if swap > 0 && memory == 0 {
			p.on("memory_swap", "memory_swap needs memory: it is the limit of both together.")
		} else if swap > 0 && swap < memory {
			p.on("memory_swap", "memory_swap is the limit of memory and swap together: %d MiB must not be less than the %d MiB of memory.", swap, memory)
		}
	}
	if memory > 0 && m.MemoryReservation.ValueInt64() > memory {
		p.on("memory_reservation", "%d MiB are more than the memory limit of %d MiB.", m.MemoryReservation.ValueInt64(), memory)
	}
	seen := map[string]bool{}
	for _, u := range m.Ulimits.Items {
		soft, hard := u.Soft.ValueInt64(), u.Hard.ValueInt64()
		if given(u.Soft) && given(u.Hard) && hard != -1 && (soft > hard || soft == -1) {
			p.on("ulimit", "%s: the soft limit %d is above the hard limit %d.", u.Name.ValueString(), soft, hard)
		}
		if given(u.Name) && seen[u.Name.ValueString()] {
			p.on("ulimit", "%s is limited twice.", u.Name.ValueString())
		}
		seen[u.Name.ValueString()] = given(u.Name)
	}
	if m.GPUs.ValueString() != "" && len(m.DeviceRequests.Items) > 0 {
		p.on("gpus", "gpus is a device request: it excludes device_requests.")
	}
}

func validateLifecycle(p *problems, m Model) {
	restart := m.Restart.ValueString()
	if m.Rm.ValueBool() && given(m.Restart) && restart != "no" {
		p.on("rm", "The engine cannot both remove the container when it exits and restart it: rm excludes restart = %q.", restart)
	}
	if !m.Restart.IsUnknown() && m.MaxRetryCount.ValueInt64() > 0 && restart != "on-failure" {
		p.on("max_retry_count", "max_retry_count has a meaning with restart = \"on-failure\" only.")
	}
	if m.Logs.ValueBool() && !m.Attach.IsUnknown() && !m.Attach.ValueBool() {
		p.AddAttributeWarning(path.Root("logs"), "No output is kept", "logs keeps the output of a container that is waited for: it needs attach = true.")
	}
	if m.Attach.ValueBool() && m.Wait.ValueBool() {
		p.on("wait", "attach waits for the exit of the container, wait for its health: they exclude each other.")
	}
}

// validatePorts refuses a port of the host that is published twice.
func validatePorts(p *problems, m Model) {
	for i, a := range m.Ports.Items {
		if a.External.ValueInt64() == 0 {
			continue
		}
		for j, b := range m.Ports.Items[:i] {
			if given(b.External) && a.External.Equal(b.External) && protocol(a) == protocol(b) && addressesOverlap(a.IP, b.IP) {
				p.at(path.Root("ports").AtListIndex(i).AtName("external"), "Port %d/%s of the host is published by ports[%d] already.", a.External.ValueInt64(), protocol(a), j)
			}
		}
	}
	mode := m.NetworkMode.ValueString()
	switch {
	case len(m.Ports.Items) == 0:
	case mode == "host":
		p.AddAttributeWarning(path.Root("ports"), "Ports are not published", "With network_mode = \"host\" the container's ports are the host's: engines discard what is published.")
	case strings.HasPrefix(mode, "container:"):
		p.on("ports", "A container that shares another one's network cannot publish ports: publish them on the other one.")
	}
}

func protocol(p Port) string {
	if p.Protocol.ValueString() == "" {
		return "tcp"
	}
	return p.Protocol.ValueString()
}

// addressesOverlap reports whether two addresses of the host exclude each other for one port.
func addressesOverlap(a, b types.String) bool {
	if a.IsUnknown() || b.IsUnknown() {
		return false
	}
	parse := func(s types.String) netip.Addr {
		ip, err := netip.ParseAddr(strings.Trim(s.ValueString(), "[]"))
		if err != nil {
			return netip.IPv4Unspecified()
		}
		return ip
	}
	x, y := parse(a), parse(b)
	return x == y || x.Is4() == y.Is4() && (x.IsUnspecified() || y.IsUnspecified())
}

func validateNetworks(p *problems, m Model) {
	mode := m.NetworkMode.ValueString()
	shared := mode == "host" || mode == "none" || strings.HasPrefix(mode, "container:")
	if shared && len(m.Networks.Items) > 0 {
		p.on("networks_advanced", "A container with network_mode = %q cannot be attached to networks.", mode)
	}
	if strings.HasPrefix(mode, "container:") {
		for name, value := range map[string]bool{"hostname": m.Hostname.ValueString() != "", "dns": len(m.DNS.Elements()) > 0, "host": len(m.Hosts.Items) > 0} {
			if value {
				p.on(name, "%s belongs to the container whose network is shared.", name)
			}
		}
	}
	seen := map[string]bool{}
	for _, n := range m.Networks.Items {
		name := n.Name.ValueString()
		if given(n.Name) && seen[name] {
			p.on("networks_advanced", "Network %q is given twice.", name)
		}
		seen[name] = given(n.Name)
		if ip, err := netip.ParseAddr(n.IPv4Address.ValueString()); err == nil && !ip.Is4() {
			p.on("networks_advanced", "Network %q: ipv4_address %s is no IPv4 address.", name, ip)
		}
		if ip, err := netip.ParseAddr(n.IPv6Address.ValueString()); err == nil && !ip.Is6() {
			p.on("networks_advanced", "Network %q: ipv6_address %s is no IPv6 address.", name, ip)
		}
	}
}

func validateUploads(p *problems, m Model) {
	seen := map[string]bool{}
	for _, u := range m.Uploads.Items {
		file, sources, open := u.File.ValueString(), 0, 0
		for _, s := range []types.String{u.Content, u.ContentBase64, u.Source} {
			switch {
			case s.IsUnknown(): // it may turn out to be null
				open++
			case !s.IsNull():
				sources++
			}
		}
		if sources > 1 || sources+open == 0 {
			p.on("upload", "File %q: exactly one of content, content_base64 and source gives its content.", file)
		}
		if given(u.File) && seen[file] {
			p.on("upload", "File %q is uploaded twice.", file)
		}
		seen[file] = given(u.File)
	}
}

func validateHealthcheck(p *problems, m Model) {
	h, ok := m.Healthcheck.One()
	if !ok || !given(h.Test) || len(h.Test.Elements()) == 0 {
		return
	}
	at := path.Root("healthcheck").AtListIndex(0).AtName("test")
	first, isText := h.Test.Elements()[0].(types.String)
	if !isText || !given(first) {
		return
	}
	switch kind := first.ValueString(); kind {
	case "NONE", "":
	case "CMD", "CMD-SHELL":
		if len(h.Test.Elements()) < 2 {
			p.at(at, "%s needs a command after it.", kind)
		}
	default:
		p.at(at, "The first element says what follows: CMD, CMD-SHELL or NONE, not %q.", kind)
	}
}

// fileLogOptions are those of the drivers that write files, which refuse any other.
var fileLogOptions = map[string][]string{
	"json-file": {"max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag"},
	"local":     {"max-file", "max-size", "compress"},
}

// anyLogOptions go with every driver.
var anyLogOptions = []string{"mode", "max-buffer-size", "cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"}

func validateLogging(p *problems, m Model) {
	driver := m.LogDriver.ValueString()
	allowed, isFile := fileLogOptions[driver]
	for key, value := range m.LogOpts.Elements() {
		at := path.Root("log_opts").AtMapKey(key)
		if isFile && !slices.Contains(allowed, key) && !slices.Contains(anyLogOptions, key) {
			p.at(at, "Log driver %q has no option %q.", driver, key)
			continue
		}
		if err := checkLogOption(key, value); isFile && err != nil {
			p.at(at, "%s.", err)
		}
	}
}

func checkLogOption(key string, value attr.Value) error {
	s, ok := value.(types.String)
	if !ok || !given(s) {
		return nil
	}
	text := s.ValueString()
	switch key {
	case "max-size", "max-buffer-size", "cache-max-size":
		if n, err := units.RAMInBytes(text); (err != nil || n <= 0) && text != "-1" {
			return fmt.Errorf("%s: %q is not a size such as 10m", key, text)
		}
	case "max-file", "cache-max-file":
		if n, err := strconv.Atoi(text); err != nil || n < 1 {
			return fmt.Errorf("%s: %q is not a number above 0", key, text)
		}
	case "compress", "cache-disabled", "cache-compress":
		if _, err := strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%s: %q is not true or false", key, text)
		}
	case "mode":
		if text != "blocking" && text != "non-blocking" {
			return fmt.Errorf("mode: %q is not blocking or non-blocking", text)
		}
	}
	return nil
}
