package truth_test

import (
	"fmt"
	"strings"
)

// rows are all attributes of docker_container.
func rows() []row {
	var all []row
	for _, part := range [][]row{identityRows(), processRows(), limitRows(), namespaceRows(), engineRows(), blockRows(), mountRows(), networkRows(), steeringRows()} {
		all = append(all, part...)
	}
	return all
}

// reasons say why an attribute has no row.
var reasons = map[string]string{
	"must_run":       "false asks for nothing, so there is no change to see: TestMustRun",
	"env_wo":         "write-only: it is in no plan and no answer; the version changes it: TestContainerSecretEnv",
	"env_wo_version": "replaces together with env_wo: TestContainerSecretEnv, parity write-only",
	"storage_opts":   "size needs a storage driver with quotas, which overlay2 on this machine's disk and vfs have not: dockerd refuses the create",

	"mounts.volume_options.subpath":     "engines of this machine speak API 1.44, it is from 1.45: refused (TestRefused)",
	"networks_advanced.gw_priority":     "engines of this machine speak API 1.44, it is from 1.48: refused (TestRefused)",
	"mounts.volume_options.driver_name": "engines of this machine have one volume driver",
}

func identityRows() []row {
	return []row{
		{path: "name", a: `name = "{p}-name1"`, b: `name = "{p}-name2"`, required: true, change: inPlace, at: "Name", shows: "{p}-name2", apart: "alone"},
		{path: "image", a: `image = "busybox:1"`, b: `image = "cleat-test/http:1"`, required: true, change: replaces, says: map[string]string{"changed": "image image_id!", "taken away": "image image_id!", remade.name: "image image_id!"}, at: "Config.Image", shows: "http:1", apart: "alone"},
		{path: "start", a: `start = true`, b: `start = false`, change: inPlace, at: "State.Running", shows: "false", apart: "alone", first: unseen, says: map[string]string{"taken away": "must_run"}, why: "true is the default"},
		{path: "rm", a: `rm = false`, b: `rm = true`, change: replaces, at: "HostConfig.AutoRemove", shows: "true", apart: "restart", podman: alternative{idle: true}},
		{path: "restart", a: `restart = "always"`, b: `restart = "unless-stopped"`, change: inPlace, at: "HostConfig.RestartPolicy", shows: `"unless-stopped"`, apart: "restart",
			old: alternative{b: `restart = "on-failure"`, shows: `"on-failure"`}},
		{path: "max_retry_count", with: `restart = "on-failure"`, a: `max_retry_count = 3`, b: `max_retry_count = 5`, change: inPlace, at: "HostConfig.RestartPolicy", shows: `"MaximumRetryCount":5`, apart: "restart"},
		{path: "stop_signal", a: `stop_signal = "SIGINT"`, b: `stop_signal = "SIGQUIT"`, change: replaces, at: "Config.StopSignal", shows: `"SIGQUIT"`,
			podman: alternative{shows: `"3"`}},
		{path: "stop_timeout", a: `stop_timeout = 3`, b: `stop_timeout = 4`, change: replaces, at: "Config.StopTimeout", shows: "4"},
	}
}

func processRows() []row {
	return []row{
		{path: "command", with: `must_run = false`, a: `command = ["sleep", "1001"]`, b: `command = ["sleep", "1002"]`, change: replaces, at: "Config.Cmd", shows: `"1002"`, apart: "alone"},
		{path: "entrypoint", a: `entrypoint = ["/bin/busybox"]`, b: `entrypoint = ["/bin/env"]`, change: replaces, at: "Config.Entrypoint", shows: `"/bin/env"`},
		{path: "env", a: `env = ["A=1", "B=1"]`, b: `env = ["B=1", "A=2"]`, change: replaces, at: "Config.Env", shows: `"A=2"`},
		{path: "user", a: `user = "app"`, b: `user = "nobody"`, change: replaces, at: "Config.User", shows: `"nobody"`},
		{path: "working_dir", a: `working_dir = "/tmp"`, b: `working_dir = "/home"`, change: replaces, at: "Config.WorkingDir", shows: `"/home"`},
		{path: "hostname", a: `hostname = "h1"`, b: `hostname = "h2"`, change: replaces, at: "Config.Hostname", shows: `"h2"`},
		{path: "domainname", a: `domainname = "a.example"`, b: `domainname = "b.example"`, change: replaces, at: "Config.Domainname", shows: `"b.example"`,
			podman: alternative{hidden: "podman keeps no domain name"}},
		{path: "stdin_open", a: `stdin_open = false`, b: `stdin_open = true`, change: replaces, at: "Config.OpenStdin", shows: "true"},
		{path: "tty", a: `tty = false`, b: `tty = true`, change: replaces, at: "Config.Tty", shows: "true"},
		{path: "init", a: `init = false`, b: `init = true`, change: replaces, at: "HostConfig.Init", shows: "true", podman: alternative{skip: "catatonit, podman's init, is not installed here"}},
		{path: "platform", b: `platform = "linux/amd64"`, change: replaces, hidden: "no engine says which platform was asked for"},
	}
}

func limitRows() []row {
	return []row{
		{path: "memory", a: `memory = 64`, b: `memory = 128`, change: inPlace, lift: replaces, at: "HostConfig.Memory", shows: "134217728", apart: "memory"},
		{path: "memory_swap", with: `memory = 64`, a: `memory_swap = 100`, b: `memory_swap = 200`, change: inPlace, at: "HostConfig.MemorySwap", shows: "209715200", apart: "memory"},
		{path: "memory_reservation", a: `memory_reservation = 16`, b: `memory_reservation = 32`, change: inPlace, lift: replaces, at: "HostConfig.MemoryReservation", shows: "33554432"},
		{path: "cpu_shares", a: `cpu_shares = 512`, b: `cpu_shares = 256`, change: inPlace, lift: replaces, at: "HostConfig.CpuShares", shows: "256"},
		{path: "cpu_set", a: `cpu_set = "0"`, b: `cpu_set = "0-1"`, change: inPlace, lift: replaces, at: "HostConfig.CpusetCpus", shows: `"0-1"`},
		{path: "cpu_period", a: `cpu_period = 50000`, b: `cpu_period = 60000`, change: inPlace, lift: replaces, at: "HostConfig.CpuPeriod", shows: "60000", apart: "cpus"},
		{path: "cpu_quota", a: `cpu_quota = 20000`, b: `cpu_quota = 30000`, change: inPlace, lift: replaces, at: "HostConfig.CpuQuota", shows: "30000", apart: "cpus"},
		{path: "cpus", a: `cpus = "0.5"`, b: `cpus = "1.50"`, change: inPlace, lift: replaces, at: "HostConfig.NanoCpus", shows: "1500000000", apart: "cpus"},
		{path: "shm_size", a: `shm_size = 32`, b: `shm_size = 16`, change: replaces, lift: unseen, at: "HostConfig.ShmSize", shows: "16777216", why: "what the engine chooses looks like what was declared (Optional+Computed)"},
	}
}

const chosen = "what the engine chooses looks like what was declared (Optional+Computed)"

func namespaceRows() []row {
	return []row{
		{path: "network_mode", a: `network_mode = "none"`, b: `network_mode = "host"`, change: replaces, at: "HostConfig.NetworkMode", shows: `"host"`, apart: "alone"},
		{path: "ipc_mode", a: `ipc_mode = "private"`, b: `ipc_mode = "shareable"`, change: replaces, lift: unseen, at: "HostConfig.IpcMode", shows: `"shareable"`, why: chosen,
			podman: alternative{hidden: "podman reports shareable for all of them"}, since: "1.32",
			old: alternative{a: `ipc_mode = "container:${docker_container.helper["h1"].id}"`, b: `ipc_mode = "host"`, shows: `"host"`}},
		{path: "pid_mode", a: `pid_mode = "container:${docker_container.helper["h1"].id}"`, b: `pid_mode = "host"`, change: replaces, at: "HostConfig.PidMode", shows: `"host"`},
		{path: "userns_mode", b: `userns_mode = "host"`, change: replaces, at: "HostConfig.UsernsMode", shows: `"host"`, podman: alternative{hidden: "podman reports none"}},
		{path: "cgroupns_mode", a: `cgroupns_mode = "private"`, b: `cgroupns_mode = "host"`, change: replaces, lift: unseen, at: "HostConfig.CgroupnsMode", shows: `"host"`, why: chosen,
			podman: alternative{hidden: "podman reports nothing"}},
		{path: "cgroup_parent", a: `cgroup_parent = "/truth-a"`, b: `cgroup_parent = "/truth-b"`, change: replaces, at: "HostConfig.CgroupParent", shows: `"/truth-b"`, idle: true,
			old: alternative{hidden: "the document of 1.18 has it in no answer"}},
		{path: "dns", a: `dns = ["192.0.2.1", "192.0.2.3"]`, b: `dns = ["192.0.2.3", "192.0.2.2"]`, change: replaces, at: "HostConfig.Dns", shows: "192.0.2.2"},
		{path: "dns_opts", a: `dns_opts = ["ndots:1"]`, b: `dns_opts = ["ndots:2"]`, change: replaces, at: "HostConfig.DnsOptions", shows: "ndots:2"},
		{path: "dns_search", a: `dns_search = ["a.example"]`, b: `dns_search = ["b.example"]`, change: replaces, at: "HostConfig.DnsSearch", shows: "b.example"},
		{path: "publish_all_ports", a: `publish_all_ports = false`, b: `publish_all_ports = true`, change: replaces, at: "HostConfig.PublishAllPorts", shows: "true", podman: alternative{hidden: "podman reports false"}},
	}
}

func engineRows() []row {
	return []row{
		{path: "gpus", a: `gpus = "1"`, b: `gpus = "all"`, change: replaces, at: "HostConfig.DeviceRequests", shows: `"Count":-1`, idle: true, apart: "gpus",
			podman: alternative{skip: "podman 4.3 ignores device requests"}},
		{path: "group_add", a: `group_add = ["10"]`, b: `group_add = ["20"]`, change: replaces, at: "HostConfig.GroupAdd", shows: `"20"`},
		{path: "log_driver", a: `log_driver = "json-file"`, b: `log_driver = "none"`, change: replaces, lift: unseen, at: "HostConfig.LogConfig.Type", shows: `"none"`, apart: "log", why: chosen},
		{path: "log_opts", with: `log_driver = "json-file"`, a: `log_opts = { max-size = "1m" }`, b: `log_opts = { max-size = "2m" }`, change: replaces, lift: unseen, at: "HostConfig.LogConfig.Config", shows: `"2m"`, apart: "log", why: chosen,
			podman: alternative{hidden: "podman reports no options"}},
		{path: "hand_over_key", a: `hand_over_key = "a"`, b: `hand_over_key = "b"`, change: replaces, at: "Config.Labels", shows: `"cleat.hand-over-key":"b"`},
		{path: "privileged", a: `privileged = false`, b: `privileged = true`, change: replaces, at: "HostConfig.Privileged", shows: "true", apart: "caps", idle: true},
		{path: "read_only", a: `read_only = false`, b: `read_only = true`, change: replaces, at: "HostConfig.ReadonlyRootfs", shows: "true", apart: "read-only"},
		{path: "runtime", a: `runtime = "runc"`, b: `runtime = "io.containerd.runc.v2"`, change: replaces, lift: unseen, at: "HostConfig.Runtime", shows: `"io.containerd.runc.v2"`, why: chosen,
			podman: alternative{skip: "podman's service has one runtime, and takes no notice of the attribute"}},
		{path: "security_opts", a: `security_opts = ["no-new-privileges"]`, b: `security_opts = ["seccomp=unconfined"]`, change: replaces, at: "HostConfig.SecurityOpt", shows: "seccomp=unconfined",
			podman: alternative{hidden: "podman reports only some of them", told: true}},
		{path: "sysctls", a: `sysctls = { "net.ipv4.ip_forward" = "0" }`, b: `sysctls = { "net.ipv4.ip_forward" = "1" }`, change: replaces, at: "HostConfig.Sysctls", shows: `"net.ipv4.ip_forward":"1"`,
			podman: alternative{hidden: "podman reports none"}},
		{path: "tmpfs", a: `tmpfs = { "/scratch" = "size=1m" }`, b: `tmpfs = { "/scratch" = "size=2m" }`, change: replaces, at: "HostConfig.Tmpfs", shows: "size=2m"},
	}
}

// steeringRows are of attributes no engine knows: a change of them makes no call.
func steeringRows() []row {
	const hidden = "it steers operations: no engine knows it"
	var all []row
	for _, r := range [][3]string{
		{"attach", "attach = false", "attach = true"},
		{"logs", "logs = false", "logs = true"},
		{"wait_timeout", "wait_timeout = 20", "wait_timeout = 30"},
		{"remove_volumes", "remove_volumes = true", "remove_volumes = false"},
		{"destroy_grace_seconds", "destroy_grace_seconds = 0", "destroy_grace_seconds = 1"},
		{"container_read_refresh_timeout_milliseconds", "container_read_refresh_timeout_milliseconds = 10000", "container_read_refresh_timeout_milliseconds = 20000"},
		{"timeouts.create", "timeouts {\ncreate = \"5m\"\n}", "timeouts {\ncreate = \"6m\"\n}"},
		{"timeouts.update", "timeouts {\nupdate = \"5m\"\n}", "timeouts {\nupdate = \"6m\"\n}"},
		{"timeouts.delete", "timeouts {\ndelete = \"5m\"\n}", "timeouts {\ndelete = \"6m\"\n}"},
		{"wait", "wait = false", "wait = true"},
		{"wait_for.state", "wait_for {\nstate = \"running\"\n}", "wait_for {\nstate = \"healthy\"\n}"},
		{"wait_for.timeout", "wait_for {\nstate = \"running\"\ntimeout = \"9s\"\n}", "wait_for {\nstate = \"running\"\ntimeout = \"8s\"\n}"},
		{"wait_for.log", "wait_for {\nlog = \"up\"\n}", "wait_for {\nlog = \"down\"\n}"},
		{"wait_for.port", "wait_for {\nport = 80\n}", "wait_for {\nport = 81\n}"},
		{"wait_for.exit_code", "wait_for {\nstate = \"exited\"\nexit_code = 3\n}", "wait_for {\nstate = \"exited\"\nexit_code = 4\n}"},
	} {
		apart := ""
		if r[0] == "wait" || r[0] == "attach" || strings.HasPrefix(r[0], "wait_for") {
			apart = "wait"
		}
		made := row{path: r[0], a: r[1], b: r[2], change: inPlace, hidden: hidden, apart: apart}
		if program, ok := map[string]string{"wait_for.log": "echo up; exec sleep 1000", "wait_for.port": "exec httpd -f -p 80", "wait_for.exit_code": "exit 3"}[r[0]]; ok {
			made.own, made.with = "command", fmt.Sprintf("command = [\"sh\", \"-c\", %q]", program)
		}
		if r[0] == "wait_for.exit_code" {
			made.with += "\nmust_run = false"
		}
		switch {
		case strings.HasPrefix(r[0], "timeouts."), strings.HasPrefix(r[0], "wait_for."):
			made.lift, made.why = unseen, "of a block that steers only a fingerprint is kept"
		case r[0] == "remove_volumes":
			made.first, made.why = unseen, "true is the default"
		}
		all = append(all, made)
	}
	return all
}
