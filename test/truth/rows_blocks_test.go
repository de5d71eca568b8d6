package truth_test

import (
	"cmp"
	"fmt"
	"strings"
)

// block writes a block from its lines, parted by ";".
func block(name, lines string) string {
	return name + " {\n" + strings.ReplaceAll(lines, "; ", "\n") + "\n}"
}

// silent is why podman's plan does not see a change inside of a block: the block's other attributes are as declared.
const silent = "podman does not report it"

var mute = alternative{hidden: silent, change: unseen, lift: unseen, first: unseen}

// within is a row of an attribute of a block: lines are what the block has besides.
func within(name, attribute, lines, a, b string, r row) row {
	r.path = name + "." + attribute
	full := func(own string) string {
		if lines == "" {
			return block(name, own)
		}
		if own == "" {
			return block(name, lines)
		}
		return block(name, lines+"; "+own)
	}
	r.a, r.b = full(a), full(b)
	if !r.required {
		r.none = full("")
	}
	return r
}

func blockRows() []row {
	must := func(r row) row { r.required = true; return r }
	all := []row{
		within("capabilities", "add", ``, `add = ["NET_ADMIN"]`, `add = ["CAP_SYS_TIME"]`, row{at: "HostConfig.CapAdd", shows: "SYS_TIME", apart: "caps"}),
		within("capabilities", "drop", ``, `drop = ["CHOWN"]`, `drop = ["cap_fowner"]`, row{at: "HostConfig.CapDrop", shows: "FOWNER", apart: "caps"}),

		within("device_requests", "capabilities", `driver = "d1"`, `capabilities = ["a"]`, `capabilities = ["b"]`, row{at: "HostConfig.DeviceRequests", shows: `[["b"]]`}),
		within("device_requests", "count", `driver = "d1"`, `count = 1`, `count = 2`, row{at: "HostConfig.DeviceRequests", shows: `"Count":2`}),
		within("device_requests", "device_ids", `driver = "d1"`, `device_ids = ["a"]`, `device_ids = ["b"]`, row{at: "HostConfig.DeviceRequests", shows: `["b"]`}),
		within("device_requests", "driver", `count = 1`, `driver = "d1"`, `driver = "d2"`, row{at: "HostConfig.DeviceRequests", shows: `"d2"`}),
		within("device_requests", "options", `driver = "d1"`, `options = { k = "1" }`, `options = { k = "2" }`, row{at: "HostConfig.DeviceRequests", shows: `"k":"2"`}),

		within("devices", "host_path", `container_path = "/dev/x"`, `host_path = "/dev/full"`, `host_path = "/dev/fuse"`, must(row{at: "HostConfig.Devices", shows: `/dev/fuse`})),
		within("devices", "container_path", `host_path = "/dev/full"`, `container_path = "/dev/x"`, `container_path = "/dev/y"`, row{at: "HostConfig.Devices", shows: `/dev/y`}),
		within("devices", "permissions", `host_path = "/dev/loop2"`, `permissions = "r"`, `permissions = "rw"`, row{at: "HostConfig.Devices", shows: `"rw"`,
			why: silent, podman: mute}),

		within("healthcheck", "test", `interval = "300ms"`, `test = ["CMD", "true"]`, `test = ["CMD", "echo"]`, row{at: "Config.Healthcheck", shows: `"echo"`}),
		within("healthcheck", "interval", `test = ["CMD", "true"]`, `interval = "300ms"`, `interval = "600ms"`, row{at: "Config.Healthcheck", shows: `"Interval":600000000`, idle: true}),
		within("healthcheck", "timeout", `test = ["CMD", "true"]; interval = "300ms"`, `timeout = "10s"`, `timeout = "0m20s"`, row{at: "Config.Healthcheck", shows: `"Timeout":20000000000`}),
		// Not started: in that period an engine of 1.44 tests every 5 seconds, and a replacement waits for the first one.
		within("healthcheck", "start_period", `test = ["CMD", "true"]; interval = "300ms"`, `start_period = "10s"`, `start_period = "20s"`, row{at: "Config.Healthcheck", shows: `"StartPeriod":20000000000`, idle: true}),
		within("healthcheck", "start_interval", `test = ["CMD", "true"]; interval = "300ms"`, `start_interval = "1s"`, `start_interval = "2s"`, row{at: "Config.Healthcheck", shows: `"StartInterval":2000000000`}),
		within("healthcheck", "retries", `test = ["CMD", "true"]; interval = "300ms"`, `retries = 4`, `retries = 5`, row{at: "Config.Healthcheck", shows: `"Retries":5`}),

		within("host", "host", `ip = "192.0.2.1"`, `host = "a"`, `host = "b"`, must(row{at: "HostConfig.ExtraHosts", shows: `"b:`})),
		within("host", "ip", `host = "a"`, `ip = "192.0.2.1"`, `ip = "192.0.2.2"`, must(row{at: "HostConfig.ExtraHosts", shows: `192.0.2.2"`})),
		within("labels", "label", `value = "1"`, `label = "a"`, `label = "b"`, must(row{at: "Config.Labels", shows: `"b":"1"`})),
		within("labels", "value", `label = "a"`, `value = "1"`, `value = "2"`, must(row{at: "Config.Labels", shows: `"a":"2"`})),

		within("ports", "internal", `external = {port3}`, `internal = 80`, `internal = 81`, must(row{at: "HostConfig.PortBindings", shows: `"81/tcp"`})),
		within("ports", "external", `internal = 80`, `external = {port1}`, `external = {port2}`, row{at: "HostConfig.PortBindings", shows: `"{port2}"`, lift: unseen, why: chosen, apart: "port1"}),
		within("ports", "ip", `internal = 80`, `ip = "127.0.0.1"`, `ip = "127.0.0.2"`, row{at: "HostConfig.PortBindings", shows: `"127.0.0.2"`}),
		within("ports", "protocol", `internal = 80`, `protocol = "udp"`, `protocol = "tcp"`, row{at: "HostConfig.PortBindings", shows: `"80/tcp"`, lift: unseen, first: replaces, why: "tcp is the default: taking it away changes nothing"}),

		within("ulimit", "name", `soft = 100; hard = 200`, `name = "nofile"`, `name = "core"`, must(row{at: "HostConfig.Ulimits", shows: `core`, podman: alternative{shows: `CORE`}})),
		within("ulimit", "soft", `name = "nofile"; hard = 200`, `soft = 100`, `soft = 150`, must(row{at: "HostConfig.Ulimits", shows: `"Soft":150`})),
		within("ulimit", "hard", `name = "nofile"; soft = 100`, `hard = 200`, `hard = 250`, must(row{at: "HostConfig.Ulimits", shows: `"Hard":250`})),
	}
	for _, kind := range []string{"device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops"} {
		at := map[string]string{"device_read_bps": "BlkioDeviceReadBps", "device_read_iops": "BlkioDeviceReadIOps", "device_write_bps": "BlkioDeviceWriteBps", "device_write_iops": "BlkioDeviceWriteIOps"}[kind]
		all = append(all,
			within(kind, "path", `rate = 1048576`, `path = "/dev/loop0"`, `path = "/dev/loop1"`, must(row{at: "HostConfig." + at, shows: "/dev/loop1",
				why: "podman reports the first device file of that number, be it of another kind", podman: mute})),
			within(kind, "rate", `path = "/dev/loop0"`, `rate = 1048576`, `rate = 2097152`, must(row{at: "HostConfig." + at, shows: "2097152"})))
	}
	for i, r := range all {
		if all[i].change = replaces; r.top() == "healthcheck" {
			all[i].podman.idle = true // without systemd podman runs no health tests
		}
		if r.top() == "ulimit" {
			all[i].podman.idle = true // podman raises nproc beside it, which this machine's root may not
		}
		if r.top() == "device_requests" {
			all[i].idle, all[i].apart, all[i].podman = true, "gpus", alternative{skip: "podman 4.3 ignores device requests"}
		}
	}
	return append(all, uploadRows()...)
}

func uploadRows() []row {
	const hidden = "no engine reports uploaded files: TestUploads looks into the container"
	var all []row
	for _, r := range [][4]string{
		{"file", `content = "x"`, `file = "/tmp/a"`, `file = "/tmp/b"`},
		{"content", `file = "/tmp/a"`, `content = "x"`, `content = "y"`},
		{"content_base64", `file = "/tmp/a"`, `content_base64 = "eA=="`, `content_base64 = "eQ=="`},
		{"source", `file = "/tmp/a"`, `source = "{here}/one"`, `source = "{here}/two"`},
		{"source_hash", `file = "/tmp/a"; source = "{here}/one"`, `source_hash = "1"`, `source_hash = "2"`},
		{"executable", `file = "/tmp/a"; content = "x"`, `executable = false`, `executable = true`},
		{"permissions", `file = "/tmp/a"; content = "x"`, `permissions = "0600"`, `permissions = "0640"`},
	} {
		made := within("upload", r[0], r[1], r[2], r[3], row{change: replaces, hidden: hidden, apart: "read-only"})
		switch r[0] {
		case "file", "content", "content_base64", "source":
			made.none = made.a // one of them is required
		}
		if r[0] == "source" {
			made.also = "upload_hash!"
		}
		all = append(all, made)
	}
	return all
}

func mountRows() []row {
	volumes := func(attribute, lines, a, b string, r row) row {
		r.at, r.change = "HostConfig.Binds|Config.Volumes|HostConfig.VolumesFrom", replaces
		return within("volumes", attribute, lines, a, b, r)
	}
	mounts := func(attribute, lines, a, b string, r row) row {
		r.at, r.change = "HostConfig.Mounts", replaces
		r.podman.at = cmp.Or(r.podman.at, "HostConfig.Binds|HostConfig.Tmpfs")
		return within("mounts", attribute, lines, a, b, r)
	}
	nested := func(kind, lines, outer, a, b string, r row) row {
		name, _, _ := strings.Cut(kind, ".")
		sub := func(own string) string { return fmt.Sprintf("%s {\n%s\n%s\n}", name, lines, own) }
		made := mounts(kind, outer, sub(a), sub(b), r)
		made.none = block("mounts", outer+"; "+sub(""))
		return made
	}
	return []row{
		volumes("container_path", `host_path = "{dir}/x"`, `container_path = "/va"`, `container_path = "/vb"`, row{required: true, shows: `:/vb`}),
		volumes("volume_name", `container_path = "/va"`, `volume_name = "{p}-v1"`, `volume_name = "{p}-v2"`, row{shows: `{p}-v2`}),
		volumes("host_path", `container_path = "/va"`, `host_path = "{dir}/x"`, `host_path = "{dir}/y"`, row{shows: `{dir}/y`}),
		volumes("read_only", `container_path = "/va"; host_path = "{dir}/x"`, `read_only = false`, `read_only = true`, row{shows: `:ro`, podman: alternative{shows: `:ro`}}),
		volumes("selinux_relabel", `container_path = "/va"; host_path = "{dir}/x"`, `selinux_relabel = "z"`, `selinux_relabel = "Z"`, row{shows: `:Z`,
			why: silent, podman: mute}),
		volumes("from_container", ``, `from_container = "{p}-h1"`, `from_container = "{p}-h2"`, row{shows: `{p}-h2`, required: true,
			podman: alternative{hidden: "podman reports what it mounts, and not whose", told: true}}),

		mounts("target", `type = "volume"; source = "{p}-v1"`, `target = "/a"`, `target = "/b"`, row{required: true, shows: `/b`}),
		mounts("source", `type = "volume"; target = "/a"`, `source = "{p}-v1"`, `source = "{p}-v2"`, row{shows: `{p}-v2`}),
		mounts("type", `target = "/a"`, `type = "volume"`, `type = "tmpfs"`, row{required: true, shows: `"tmpfs"`, podman: alternative{at: "HostConfig.Tmpfs", shows: `"/a"`,
			says: map[string]string{"taken away": "mounts! tmpfs!"}}}),
		mounts("read_only", `type = "volume"; target = "/a"; source = "{p}-v1"`, `read_only = false`, `read_only = true`, row{shows: `"ReadOnly":true`, podman: alternative{shows: `:ro`}}),
		nested("bind_options.propagation", ``, `type = "bind"; source = "{dir}/x"; target = "/a"`, `propagation = "rprivate"`, `propagation = "private"`, row{shows: `"private"`, podman: alternative{shows: ":private", first: unseen}, why: "rprivate is podman's default too"}),
		nested("tmpfs_options.mode", ``, `type = "tmpfs"; target = "/a"`, `mode = 448`, `mode = 493`, row{shows: `"Mode":493`, podman: alternative{shows: "mode=755"}}),
		nested("tmpfs_options.size_bytes", ``, `type = "tmpfs"; target = "/a"`, `size_bytes = 1048576`, `size_bytes = 2097152`, row{shows: `2097152`}),
		nested("volume_options.no_copy", ``, `type = "volume"; target = "/a"; source = "{p}-v1"`, `no_copy = false`, `no_copy = true`, row{shows: `"NoCopy":true`,
			why: silent, podman: mute}),
		nested("volume_options.driver_options", `driver_name = "local"`, `type = "volume"; target = "/a"; source = "{p}-v3"`, `driver_options = { type = "tmpfs", device = "tmpfs", o = "size=1m" }`, `driver_options = { type = "tmpfs", device = "tmpfs", o = "size=2m" }`, row{shows: `size=2m`,
			why: silent, podman: mute}),
		nested("volume_options.labels.label", ``, `type = "volume"; target = "/a"; source = "{p}-v1"`, "labels {\nlabel = \"a\"\nvalue = \"1\"\n}", "labels {\nlabel = \"b\"\nvalue = \"1\"\n}", row{shows: `"b":"1"`,
			why: silent, podman: mute}),
		nested("volume_options.labels.value", ``, `type = "volume"; target = "/a"; source = "{p}-v1"`, "labels {\nlabel = \"a\"\nvalue = \"1\"\n}", "labels {\nlabel = \"a\"\nvalue = \"2\"\n}", row{shows: `"a":"2"`,
			why: silent, podman: mute}),
	}
}

func networkRows() []row {
	net := func(attribute, lines, a, b string, r row) row {
		r.change, r.apart = inPlace, "net"
		r.at = "NetworkSettings.Networks"
		return within("networks_advanced", attribute, lines, a, b, r)
	}
	return []row{
		net("name", ``, `name = "{net1}"`, `name = "{net2}"`, row{required: true, shows: `{net2}`}),
		net("aliases", `name = "{net1}"`, `aliases = ["a"]`, `aliases = ["b"]`, row{shows: `"b"`}),
		net("ipv4_address", `name = "{net1}"`, `ipv4_address = "{ip1}.77"`, `ipv4_address = "{ip1}.78"`, row{shows: `{ip1}.78"`, why: "podman does not say whether an address was asked for", podman: alternative{lift: unseen}}),
		net("ipv6_address", `name = "{net1}"`, `ipv6_address = "{six1}:77"`, `ipv6_address = "{six1}:78"`, row{shows: `{six1}:78`, why: "podman does not say whether an address was asked for", podman: alternative{lift: unseen}}),
		net("mac_address", `name = "{net1}"`, `mac_address = "02:00:00:00:01:01"`, `mac_address = "02:00:00:00:01:02"`, row{shows: `02:00:00:00:01:02`, lift: unseen, why: "the engine does not say whether an address was asked for"}),
		// Dockerd's bridges refuse them, podman ignores them: cleatd is who speaks 1.44 here.
		net("link_local_ips", `name = "{net1}"`, `link_local_ips = ["169.254.1.1"]`, `link_local_ips = ["169.254.1.2"]`, row{shows: `169.254.1.2`, since: "1.44"}),
		net("driver_opts", `name = "{net1}"`, `driver_opts = ["k=1"]`, `driver_opts = ["k=2"]`, row{shows: `"k":"2"`, why: silent, podman: mute}),
	}
}
