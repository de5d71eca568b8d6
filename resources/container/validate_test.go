package container

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// TestValidate: every kind of bad input is found before there is a call, at its attribute.
func TestValidate(t *testing.T) {
	t.Parallel()
	port := func(external, internal int64, ip string) Port {
		return Port{External: num(external), Internal: num(internal), IP: str(ip)}
	}
	for name, c := range map[string]struct {
		f    func(*Model)
		path string
		text string
	}{
		"image":           {func(m *Model) { m.Image = str("Not An Image") }, "image", "image reference"},
		"name":            {func(m *Model) { m.Name = str("-x") }, "name", "container name"},
		"env":             {func(m *Model) { m.Env = setOf("A=1", "B") }, "env", "NAME=value"},
		"port range":      {func(m *Model) { m.Ports = contract.BlocksOf(port(0, 70000, "0.0.0.0")) }, "ports[0].internal", "65535"},
		"host port range": {func(m *Model) { m.Ports = contract.BlocksOf(port(65536, 1, "0.0.0.0")) }, "ports[0].external", "65535"},
		"protocol":        {func(m *Model) { m.Ports = contract.BlocksOf(Port{Internal: num(1), Protocol: str("icmp")}) }, "ports[0].protocol", "tcp"},
		"port twice": {func(m *Model) {
			m.Ports = contract.BlocksOf(port(80, 1, "127.0.0.1"), port(81, 1, "::"), port(80, 2, "0.0.0.0"))
		}, "ports[2].external", "ports[0]"},
		"capability":   {func(m *Model) { m.Capabilities = contract.BlocksOf(Capabilities{Add: setOf("CAP_FLY")}) }, "capabilities", "no such Linux capability"},
		"dns":          {func(m *Model) { m.DNS = setOf("one.one") }, "dns", "IP address"},
		"mac":          {func(m *Model) { m.Networks = contract.BlocksOf(Network{Name: str("n"), MacAddress: str("02:42")}) }, "networks_advanced", "MAC address"},
		"IPv6 as IPv4": {func(m *Model) { m.Networks = contract.BlocksOf(Network{Name: str("n"), IPv4Address: str("::1")}) }, "networks_advanced", "no IPv4 address"},
		"network twice": {func(m *Model) {
			m.Networks = contract.BlocksOf(Network{Name: str("n")}, Network{Name: str("n"), Aliases: setOf("a")})
		}, "networks_advanced", "twice"},
		"memory":            {func(m *Model) { m.Memory = num(4) }, "memory", "6 MiB"},
		"swap below memory": {func(m *Model) { m.Memory, m.MemorySwap = num(64), num(32) }, "memory_swap", "must not be less"},
		"swap alone":        {func(m *Model) { m.MemorySwap = num(32) }, "memory_swap", "needs memory"},
		"reservation":       {func(m *Model) { m.Memory, m.MemoryReservation = num(64), num(65) }, "memory_reservation", "more than the memory"},
		"cpus and quota":    {func(m *Model) { m.CPUs, m.CPUQuota = str("1"), num(1000) }, "cpus", "excludes"},
		"cpus":              {func(m *Model) { m.CPUs = str("two") }, "cpus", "number of CPUs"},
		"cpu set":           {func(m *Model) { m.CPUSet = str("0-") }, "cpu_set", "list of CPUs"},
		"restart":           {func(m *Model) { m.Restart = str("sometimes") }, "restart", "unless-stopped"},
		"rm and restart":    {func(m *Model) { m.Rm, m.Restart = yes(true), str("always") }, "rm", "excludes restart"},
		"retries":           {func(m *Model) { m.Restart, m.MaxRetryCount = str("always"), num(1) }, "max_retry_count", "on-failure"},
		"duration":          {func(m *Model) { m.Healthcheck = contract.BlocksOf(Healthcheck{Interval: str("90")}) }, "healthcheck[0].interval", "duration"},
		"nanoseconds":       {func(m *Model) { m.Healthcheck = contract.BlocksOf(Healthcheck{Timeout: str("90ns")}) }, "healthcheck[0].timeout", "1ms"},
		"health test":       {func(m *Model) { m.Healthcheck = contract.BlocksOf(Healthcheck{Test: listOf("curl", "x")}) }, "healthcheck[0].test", "CMD-SHELL"},
		"two health checks": {func(m *Model) { m.Healthcheck = contract.BlocksOf(Healthcheck{}, Healthcheck{}) }, "healthcheck", "at most 1"},
		"ulimit":            {func(m *Model) { m.Ulimits = contract.BlocksOf(Ulimit{num(1), str("nofile"), num(2)}) }, "ulimit", "above the hard"},
		"wait for nothing":  {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{Timeout: str("1s")}) }, "wait_for[0]", "Exactly one"},
		"wait for two":      {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{Port: num(1), Log: str("x")}) }, "wait_for[0]", "found 2"},
		"wait for a code":   {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{Port: num(1), ExitCode: num(1)}) }, "wait_for[0].exit_code", "exited"},
		"wait for an end":   {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{State: str("exited")}) }, "wait_for[0].state", "must_run = false"},
		"wait with attach": {func(m *Model) {
			m.Attach, m.WaitFor = yes(true), contract.BlocksOf(WaitFor{Log: str("x")})
		}, "wait_for", "excludes"},
		"wait for both": {func(m *Model) {
			m.MustRun, m.WaitFor = yes(false), contract.BlocksOf(WaitFor{State: str("exited")}, WaitFor{Port: num(1)})
		}, "wait_for[0].state", "both cannot hold"},
		"wait without end": {func(m *Model) {
			m.MustRun, m.Restart, m.WaitFor = yes(false), str("always"), contract.BlocksOf(WaitFor{State: str("exited")})
		}, "wait_for[0].state", "never ends"},
		"wait without network": {func(m *Model) {
			m.NetworkMode, m.WaitFor = str("none"), contract.BlocksOf(WaitFor{Port: num(1)})
		}, "wait_for[0].port", "nobody can connect"},
		"wait without log": {func(m *Model) {
			m.LogDriver, m.WaitFor = str("none"), contract.BlocksOf(WaitFor{Log: str("x")})
		}, "wait_for[0].log", "no output"},
		"wait's expression": {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{Log: str("(")}) }, "wait_for[0].log", "regular expression"},
		"wait's state":      {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{State: str("happy")}) }, "wait_for[0].state", "healthy"},
		"wait's port":       {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{Port: num(0)}) }, "wait_for[0].port", "between 1"},
		"wait's timeout":    {func(m *Model) { m.WaitFor = contract.BlocksOf(WaitFor{Port: num(1), Timeout: str("0s")}) }, "wait_for[0].timeout", "above 0"},
		"log option":        {func(m *Model) { m.LogDriver, m.LogOpts = str("json-file"), mapOf("max_size", "1m") }, `log_opts["max_size"]`, "no option"},
		"log option's type": {func(m *Model) { m.LogDriver, m.LogOpts = str("local"), mapOf("max-file", "many") }, `log_opts["max-file"]`, "number"},
		"network mode":      {func(m *Model) { m.NetworkMode = str("container:") }, "network_mode", "name of a container"},
		"networks and host": {func(m *Model) { m.NetworkMode, m.Networks = str("host"), contract.BlocksOf(Network{Name: str("n")}) }, "networks_advanced", "cannot be attached"},
		"ports and shared": {func(m *Model) {
			m.NetworkMode, m.Ports = str("container:x"), contract.BlocksOf(port(80, 80, "0.0.0.0"))
		}, "ports", "cannot publish"},
		"ipc":       {func(m *Model) { m.IpcMode = str("mine") }, "ipc_mode", "IPC mode"},
		"no source": {func(m *Model) { m.Uploads = contract.BlocksOf(Upload{File: str("/x")}) }, "upload", "exactly one"},
		"two sources": {func(m *Model) {
			m.Uploads = contract.BlocksOf(Upload{File: str("/x"), Content: str(""), Source: str("y")})
		}, "upload", "exactly one"},
		"base64": {func(m *Model) { m.Uploads = contract.BlocksOf(Upload{File: str("/x"), ContentBase64: str("?")}) }, "upload", "base64"},
		"permissions": {func(m *Model) {
			m.Uploads = contract.BlocksOf(Upload{File: str("/x"), Content: str("y"), Permissions: str("rw")})
		}, "upload", "octal"},
		"relative path": {func(m *Model) { m.Volumes = contract.BlocksOf(Volume{VolumeName: str("v"), ContainerPath: str("x")}) }, "volumes", "absolute path"},
		"two volume sources": {func(m *Model) {
			m.Volumes = contract.BlocksOf(Volume{VolumeName: str("v"), HostPath: str("/v"), ContainerPath: str("/x")})
		}, "volumes", "exclude each other"},
		"no volume path": {func(m *Model) { m.Volumes = contract.BlocksOf(Volume{VolumeName: str("v")}) }, "volumes", "container_path"},
		"mounted twice": {func(m *Model) {
			m.Volumes, m.Tmpfs = contract.BlocksOf(Volume{ContainerPath: str("/x/")}), mapOf("/x", "")
		}, "tmpfs", "already"},
		"bind without path": {func(m *Model) {
			m.Mounts = contract.BlocksOf(Mount{Type: str("bind"), Source: str("v"), Target: str("/x")})
		}, "mounts", "absolute path"},
		"foreign options": {func(m *Model) {
			m.Mounts = contract.BlocksOf(Mount{Type: str("tmpfs"), Target: str("/x"), BindOptions: contract.BlocksOf(BindOptions{})})
		}, "mounts", "do not go with"},
		"attach and wait": {func(m *Model) { m.Attach, m.Wait = yes(true), yes(true) }, "wait", "exclude"},
		"gpus":            {func(m *Model) { m.GPUs = str("some") }, "gpus", "GPUs"},
		"gpus twice":      {func(m *Model) { m.GPUs, m.DeviceRequests = str("all"), contract.BlocksOf(DeviceRequest{}) }, "gpus", "excludes"},
		"signal":          {func(m *Model) { m.StopSignal = str("SIG TERM") }, "stop_signal", "signal"},
		"platform":        {func(m *Model) { m.Platform = str("linux/") }, "platform", "platform"},
		"timeouts":        {func(m *Model) { m.Timeouts = contract.BlocksOf(Timeouts{Create: str("5")}) }, "timeouts.create", "duration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := host(t).Validate(t.Context(), object(t, declared(c.f)))
			for _, d := range diags.Errors() {
				at := ""
				if p, ok := d.(diag.DiagnosticWithPath); ok {
					at = p.Path().String()
				}
				if strings.HasPrefix(at, c.path) && strings.Contains(d.Detail(), c.text) {
					return
				}
			}
			t.Errorf("not found: %v", diags)
		})
	}
}

// TestValidateUnknown: what is not known yet is no error.
func TestValidateUnknown(t *testing.T) {
	t.Parallel()
	unknown, number := types.StringUnknown(), types.Int64Unknown()
	m := declared(func(m *Model) {
		m.Image, m.Restart, m.MaxRetryCount, m.Rm = unknown, unknown, num(2), yes(true)
		m.Memory, m.MemorySwap = number, num(8)
		m.Env = types.SetUnknown(types.StringType)
		m.Ports = contract.BlocksOf(Port{Internal: num(1), External: number, IP: unknown}, Port{Internal: num(1), External: number})
		m.Volumes = contract.BlocksOf(Volume{VolumeName: unknown, ContainerPath: unknown}, Volume{FromContainer: unknown})
		m.Uploads = contract.BlocksOf(Upload{File: unknown, Content: unknown}, Upload{File: unknown, Source: unknown},
			Upload{File: str("/a"), Content: unknown, Source: unknown}, Upload{File: str("/b"), Content: str("b"), ContentBase64: unknown})
		m.Networks = contract.Blocks[Network]{Unknown: true}
		m.Mounts = contract.BlocksOf(Mount{Type: unknown, Target: str("/x")}, Mount{Type: str("bind"), Source: unknown, Target: str("/y")})
		m.Healthcheck = contract.BlocksOf(Healthcheck{Test: types.ListValueMust(types.StringType, values([]string{"CMD", "x"})), Interval: unknown})
		m.Ulimits = contract.BlocksOf(Ulimit{number, unknown, number}, Ulimit{number, unknown, number})
	})
	if diags := host(t).Validate(t.Context(), object(t, m)); diags.HasError() {
		t.Error(diags)
	}
}

func TestValidateWarnings(t *testing.T) {
	t.Parallel()
	m := declared(func(m *Model) {
		m.Logs, m.NetworkMode, m.Ports = yes(true), str("host"), contract.BlocksOf(Port{Internal: num(1)})
		m.Attach = yes(false)
	})
	diags := host(t).Validate(t.Context(), object(t, m))
	if diags.HasError() || diags.WarningsCount() != 2 {
		t.Error(diags)
	}
}

// TestRefusalsHoldNoSecrets: neither a value that may be secret nor what is beside a refused one in a set is told.
func TestRefusalsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2!"
	config := object(t, declared(func(m *Model) {
		m.Env = setOf(secret)
		m.Labels = contract.BlocksOf(Label{Label: str(""), Value: str(secret)})
		m.Uploads = contract.BlocksOf(Upload{File: str("/a"), ContentBase64: str(secret)})
	}))
	found := host(t).Validate(t.Context(), config).Errors()
	for _, d := range found {
		if text := d.Summary() + d.Detail(); strings.Contains(text, secret) {
			t.Errorf("secret told: %s", text)
		}
	}
	if len(found) != 3 {
		t.Errorf("found %v, want three errors", found)
	}
}
