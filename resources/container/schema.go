package container

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// What a change does, said at the end of every attribute's description.
const (
	replaces = " A change replaces the container."
	inPlace  = " Changed in place."
	recorded = " It steers operations only: a change makes no call."
)

// Schema is that of the peer provider's docker_container with two computed attributes more, image_id and upload_hash.
func (Type) Schema(context.Context) schema.Schema {
	s := schema.Schema{
		Version:             2,
		MarkdownDescription: "A container: what it runs, its limits, mounts, ports and networks, and whether it runs.",
		Attributes:          map[string]schema.Attribute{},
		Blocks:              blocks(),
	}
	for _, part := range []map[string]schema.Attribute{
		identityAttributes(), lifecycleAttributes(), processAttributes(), limitAttributes(), namespaceAttributes(), engineAttributes(),
	} {
		maps.Copy(s.Attributes, part)
	}
	return s
}

func identityAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id":   schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container."},
		"name": schema.StringAttribute{Required: true, Validators: []validator.String{containerName}, MarkdownDescription: "Name of the container." + inPlace},
		"image": schema.StringAttribute{Required: true, Validators: []validator.String{imageReference}, MarkdownDescription: "Image the container is made from: name, name and tag, digest, or id (`docker_image.x.image_id`). " +
			"Images are compared by id: another spelling of the same image changes nothing, a tag that stands for another image now replaces the container. One the engine does not have is pulled, and stays when the container goes."},
		"image_id":       schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the image the container was made from."},
		"bridge":         schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the engine's bridge the container is attached to; empty on today's engines."},
		"container_logs": schema.StringAttribute{Computed: true, MarkdownDescription: "Output of the container, when `attach` and `logs` are set."},
		"exit_code":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Exit code of the container; null while it runs or was never started."},
		"upload_hash":    schema.StringAttribute{Computed: true, MarkdownDescription: "SHA-256 over the local files named by `upload.source`; a changed file replaces the container."},
		"network_data": schema.ListAttribute{Computed: true, ElementType: networkDataType, MarkdownDescription: "Endpoints of the container, by network name: addresses, gateways and the MAC address. " +
			"Empty addresses while the container does not run."},
	}
}

func lifecycleAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"attach":         flag(false, "Wait for the container to exit before going on with what depends on it."+recorded),
		"logs":           flag(false, "Keep the container's output in `container_logs`; needs `attach`."+recorded),
		"must_run":       flag(true, "Whether a started container has to keep running: one found stopped or paused is planned to be started or unpaused. `false` leaves an exited container alone."+inPlace),
		"start":          flag(true, "Whether the container is started. `false` keeps it stopped."+inPlace),
		"rm":             flag(false, "Whether the engine removes the container when it exits."+replaces),
		"remove_volumes": flag(true, "Whether anonymous volumes go with the container."+recorded),
		"wait":           flag(false, "Wait until the container is healthy; one without a health check has to be running."+recorded),
		"wait_timeout":   number(60, "Seconds `wait` waits at most."+recorded, int64validator.AtLeast(1)),
		"hand_over_key": optional("Makes `lifecycle { create_before_destroy = true }` work where the new container needs the name and the ports of the old one: "+
			"the old one is stopped and renamed, the new one is made and waited for, and when that fails the old one comes back. "+
			"The text marks both as the same: only a container of the same name that carries it hands over. Any text nothing else uses, such as the name of the project. "+
			"A container made without it cannot hand over; `cleat` does all this by itself and needs no key."+replaces, stringvalidator.LengthAtLeast(1)),
		"destroy_grace_seconds": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Seconds between the stop signal and killing when the container is stopped or removed; 0 kills at once. When not given: `stop_timeout` or the engine's 10; " +
			"but a container with neither `stop_timeout` nor `stop_signal`, nor a volume or mount it may write to, is removed or replaced at once." + recorded},
		"container_read_refresh_timeout_milliseconds": number(15000, "Milliseconds reading the container may take."+recorded, int64validator.AtLeast(1)),
		"restart":         text("no", "When the engine restarts the container: `no`, `on-failure`, `always` or `unless-stopped`."+inPlace, stringvalidator.OneOf("no", "on-failure", "always", "unless-stopped")),
		"max_retry_count": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "How often `restart = \"on-failure\"` tries again; 0 is without limit." + inPlace},
		"stop_signal":     optional("Signal that stops the container, such as `SIGTERM`; the image's when not given."+replaces, orEmpty(signalName)),
		"stop_timeout":    schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Seconds between the stop signal and killing, for every stop; 10 when not given." + replaces},
	}
}

func processAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"command":    list("Command and its arguments; the image's when not given." + replaces),
		"entrypoint": list("Program the command is given to; the image's when not given. `[\"\"]` removes the image's." + replaces),
		"env":        set("Environment, `NAME=value` each, beyond the image's."+replaces, setvalidator.ValueStringsAre(environment)),
		"env_wo": schema.MapAttribute{
			Optional: true, WriteOnly: true, Sensitive: true, ElementType: types.StringType,
			MarkdownDescription: "Secret environment, values by name, beyond `env`: in no plan, state, record or label of this provider, and `env` does not report it. " +
				"Whoever may inspect the container on its engine can read it. Needs Terraform 1.11 or `cleat`. Another value by itself is not noticed: `env_wo_version` announces it.",
		},
		"env_wo_version": schema.Int64Attribute{Optional: true, MarkdownDescription: "Any number; another one announces another `env_wo`." + replaces},
		"user":           optional("User, `name|uid[:group|gid]`; the image's when not given." + replaces),
		"working_dir":    optional("Working directory; the image's when not given."+replaces, orEmpty(absolutePath)),
		"hostname":       optional("Host name inside the container; its short id when not given." + replaces),
		"domainname":     optional("Domain name of the container." + replaces),
		"stdin_open":     flag(false, "Keep standard input open without anything attached."+replaces),
		"tty":            flag(false, "Give the container a terminal."+replaces),
		"init":           schema.BoolAttribute{Optional: true, MarkdownDescription: "Run an init process that forwards signals and reaps processes; the engine's default when not given." + replaces},
		"platform":       optional("Platform of the image, `os/arch[/variant]`, where a name stands for several."+replaces, orEmpty(platformName)),
	}
}

func limitAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"memory": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{memoryLimit}, MarkdownDescription: "Memory limit in MiB, at least 6." + inPlace + " Removing it replaces the container: engines cannot lift it."},
		"memory_swap": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(-1)}, MarkdownDescription: "Limit of memory and swap together in MiB, `-1` for unlimited swap; twice `memory` when not given." +
			inPlace},
		"memory_reservation": number(0, "Memory in MiB the container is pushed back to when the host runs short."+inPlace+" Removing it replaces.", int64validator.AtLeast(0)),
		"cpu_shares":         schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Relative CPU weight, 1024 by default." + inPlace + " Removing it replaces."},
		"cpu_set":            optional("CPUs the container may use, such as `0-2,4`."+inPlace+" Removing it replaces.", cpuList),
		"cpu_period":         schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Period of the CPU quota in microseconds." + inPlace + " Removing it replaces."},
		"cpu_quota":          schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(-1)}, MarkdownDescription: "Microseconds of CPU time in each `cpu_period`." + inPlace + " Removing it replaces."},
		"cpus":               optional("CPUs the container may use up, such as `1.5`; not together with `cpu_period` and `cpu_quota`."+inPlace+" Removing it replaces.", cpuCount),
		"shm_size":           schema.Int64Attribute{Optional: true, Computed: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Size of `/dev/shm` in MiB; the engine's default, usually 64, when not given." + replaces},
	}
}

func namespaceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"network_mode":      text("bridge", "Network the container starts in: `bridge`, `host`, `none`, `container:NAME` or the name of a network. `networks_advanced` takes the place of `bridge`. A container somebody disconnected from it is connected again."+replaces, orEmpty(networkMode)),
		"ipc_mode":          engineChosen("IPC namespace: `none`, `private`, `shareable`, `host` or `container:NAME`; the engine's default when not given."+replaces, orEmpty(ipcMode)),
		"pid_mode":          optional("PID namespace: `host` or `container:NAME`; its own when not given."+replaces, orEmpty(pidMode)),
		"userns_mode":       optional("User namespace: `host`, when the engine remaps users." + replaces),
		"cgroupns_mode":     engineChosen("Cgroup namespace: `private` or `host`; the engine's default when not given."+replaces, orEmpty(stringvalidator.OneOf("private", "host"))),
		"cgroup_parent":     optional("Parent cgroup of the container." + replaces),
		"dns":               set("Addresses of DNS servers."+replaces, setvalidator.ValueStringsAre(ipAddress)),
		"dns_opts":          set("Options of the resolver, such as `ndots:2`." + replaces),
		"dns_search":        set("Search domains of the resolver." + replaces),
		"publish_all_ports": schema.BoolAttribute{Optional: true, MarkdownDescription: "Publish every port the image exposes on a free port of the host." + replaces},
	}
}

func engineAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"gpus":          optional("GPUs for the container: `all`, a number, or `device=ID,…`."+replaces, orEmpty(gpuRequest)),
		"group_add":     set("Groups of the process beyond those of its user." + replaces),
		"log_driver":    engineChosen("Log driver; the engine's default when not given." + replaces),
		"log_opts":      schema.MapAttribute{Optional: true, Computed: true, ElementType: types.StringType, MarkdownDescription: "Options of the log driver. The engine adds its own defaults to them, so that taking one key away is not seen; taking all away is not either." + replaces},
		"privileged":    schema.BoolAttribute{Optional: true, MarkdownDescription: "Give the container all capabilities and devices." + replaces},
		"read_only":     flag(false, "Mount the container's root file system read-only."+replaces),
		"runtime":       engineChosen("OCI runtime; the engine's default when not given." + replaces),
		"security_opts": set("Security options, such as `no-new-privileges` or `seccomp=unconfined`." + replaces),
		"storage_opts":  stringMap("Options of the storage driver, such as `size`." + replaces),
		"sysctls":       stringMap("Kernel parameters of the container's namespaces." + replaces),
		"tmpfs":         stringMap("Paths of tmpfs mounts, each with its mount options." + replaces),
	}
}

// networkDataType is an element of network_data.
var networkDataType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"gateway":                   types.StringType,
	"global_ipv6_address":       types.StringType,
	"global_ipv6_prefix_length": types.Int64Type,
	"ip_address":                types.StringType,
	"ip_prefix_length":          types.Int64Type,
	"ipv6_gateway":              types.StringType,
	"mac_address":               types.StringType,
	"network_name":              types.StringType,
}}

func flag(standard bool, doc string) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(standard), MarkdownDescription: doc}
}

func number(standard int64, doc string, checks ...validator.Int64) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(standard), Validators: checks, MarkdownDescription: doc}
}

func text(standard, doc string, checks ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(standard), Validators: checks, MarkdownDescription: doc}
}

func optional(doc string, checks ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Validators: checks, MarkdownDescription: doc}
}

// engineChosen is an attribute the engine gives a value of its own, which nobody can tell from a declared one.
func engineChosen(doc string, checks ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, Validators: checks, MarkdownDescription: doc}
}

func required(doc string, checks ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Required: true, Validators: checks, MarkdownDescription: doc}
}

func list(doc string) schema.ListAttribute {
	return schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: doc}
}

func set(doc string, checks ...validator.Set) schema.SetAttribute {
	return schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: checks, MarkdownDescription: doc}
}

func stringMap(doc string) schema.MapAttribute {
	return schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: doc}
}
