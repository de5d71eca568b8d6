package info

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	text := func(doc string) schema.Attribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	number := func(doc string) schema.Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
	}
	flag := func(doc string) schema.Attribute {
		return schema.BoolAttribute{Computed: true, MarkdownDescription: doc}
	}
	list := func(doc string) schema.Attribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: doc}
	}
	return schema.Schema{
		MarkdownDescription: "The engine and its host. Proxies are left out: their addresses often hold a password.",
		Attributes: map[string]schema.Attribute{
			"id":                    text("Id of the engine."),
			"name":                  text("Name of the engine's host."),
			"server_version":        text("Version of the engine, as `20.10.24`."),
			"operating_system":      text("Operating system of the host, as `Debian GNU/Linux 12 (bookworm)`."),
			"os_type":               text("Kind of operating system: `linux` or `windows`."),
			"os_version":            text("Version of the operating system. Null where the engine does not report it."),
			"architecture":          text("Processor architecture of the host, as `x86_64`."),
			"kernel_version":        text("Version of the host's kernel."),
			"ncpu":                  number("Number of processors of the host."),
			"mem_total":             number("Memory of the host in bytes."),
			"containers":            number("Number of containers."),
			"containers_running":    number("Number of running containers."),
			"containers_paused":     number("Number of paused containers."),
			"containers_stopped":    number("Number of stopped containers."),
			"images":                number("Number of images."),
			"driver":                text("Storage driver, as `overlay2`."),
			"driver_status":         schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "What the storage driver says of itself."},
			"docker_root_dir":       text("Directory of the engine's data on its host."),
			"logging_driver":        text("Log driver containers get by default."),
			"cgroup_driver":         text("Who manages cgroups: `cgroupfs` or `systemd`."),
			"cgroup_version":        text("Version of cgroups: `1` or `2`. Null where the engine does not report it."),
			"default_runtime":       text("OCI runtime containers get by default."),
			"runtimes":              list("OCI runtimes, sorted."),
			"isolation":             text("Isolation containers get by default, on Windows."),
			"security_options":      list("Security features, as `name=seccomp,profile=default`."),
			"labels":                list("Labels of the engine, as `name=value`."),
			"volume_plugins":        list("Volume drivers."),
			"network_plugins":       list("Network drivers."),
			"log_plugins":           list("Log drivers."),
			"authorization_plugins": list("Authorization plugins."),
			"index_server_address":  text("Address of the default registry's index."),
			"insecure_registries":   list("Registries and address ranges reached without verified TLS, sorted."),
			"registry_mirrors":      list("Mirrors of the default registry."),
			"swarm_state":           text("State of the engine in a swarm: `inactive`, `pending`, `active`, `error` or `locked`."),
			"swarm_node_id":         text("Id of the engine's node in its swarm. Null outside a swarm."),
			"swarm_manager":         flag("Whether the engine is a manager of its swarm."),
			"live_restore_enabled":  flag("Whether containers go on while the engine is down."),
			"experimental":          flag("Whether experimental features are on."),
			"debug":                 flag("Whether the engine logs for debugging."),
			"memory_limit":          flag("Whether the host can limit memory."),
			"swap_limit":            flag("Whether the host can limit swap."),
			"cpu_cfs_period":        flag("Whether the host can set CPU CFS periods."),
			"cpu_cfs_quota":         flag("Whether the host can set CPU CFS quotas."),
			"cpu_shares":            flag("Whether the host can weigh CPU use."),
			"cpu_set":               flag("Whether the host can bind containers to processors."),
			"pids_limit":            flag("Whether the host can limit processes."),
			"oom_kill_disable":      flag("Whether the OOM killer can be turned off for containers."),
			"ipv4_forwarding":       flag("Whether the host forwards IPv4."),
			"init_binary":           text("Program that `init = true` puts into containers."),
			"warnings":              list("What the engine warns of."),
		},
	}
}
