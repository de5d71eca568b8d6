package container

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
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
	key := func(doc string) schema.Attribute {
		return schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: doc, Validators: []validator.String{stringvalidator.LengthAtLeast(1)}}
	}
	return schema.Schema{
		MarkdownDescription: "A container of the engine, as it is now.",
		Attributes: map[string]schema.Attribute{
			"id":   key("Id of the container, or enough of its beginning. Either `id` or `name` is given."),
			"name": key("Name of the container. Either `id` or `name` is given."),

			"state":         text("State: `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`."),
			"status":        text("The same as `state`."),
			"health":        text("Health: `starting`, `healthy` or `unhealthy`. Null without a health check."),
			"exit_code":     number("Exit code of the last run. Null while the container runs and before it first ran."),
			"error":         text("Why the engine could not start the container last time."),
			"oom_killed":    flag("Whether the last run was ended for lack of memory."),
			"pid":           number("Process id on the engine's host. Null while the container does not run."),
			"restart_count": number("How often the engine restarted the container."),
			"created":       text("When the container was made, in RFC 3339."),
			"started_at":    text("When the container was last started, in RFC 3339."),
			"finished_at":   text("When the container last ended, in RFC 3339."),

			"image":      text("The image as it was named when the container was made."),
			"image_id":   text("Id of the image, `sha256:…`."),
			"platform":   text("Platform of the container, as `linux`."),
			"command":    list("Command, the image's or the container's own."),
			"entrypoint": list("Entrypoint, the image's or the container's own."),
			"env": schema.ListAttribute{
				Computed: true, Sensitive: true, ElementType: types.StringType,
				MarkdownDescription: "Environment, the image's included, as `NAME=value`. Sensitive: containers get their secrets here.",
			},
			"labels":       schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Labels, the image's included."},
			"hostname":     text("Host name inside the container."),
			"user":         text("User the command runs as."),
			"working_dir":  text("Directory the command runs in."),
			"tty":          flag("Whether the container has a terminal."),
			"restart":      text("Restart policy: `no`, `always`, `unless-stopped` or `on-failure`."),
			"network_mode": text("Network mode, or the name of the first network."),
			"log_driver":   text("Log driver."),

			"ip_address": text("IPv4 address on the network of `network_mode`, or else on the first network that has one. Null while the container has none."),
			"ports": schema.ListAttribute{
				Computed: true, ElementType: portObject.Type(),
				MarkdownDescription: "Ports, ordered by number: objects with `internal`, `protocol`, and `external` and `ip` where the port is published. One that is published on several addresses comes several times.",
			},
			"mounts": schema.ListAttribute{
				Computed: true, ElementType: mountObject.Type(),
				MarkdownDescription: "Mounts, ordered by target: objects with `type`, `name` (of a volume), `source`, `target`, `driver`, `mode`, `read_only` and `propagation`.",
			},
			"networks": schema.ListAttribute{
				Computed: true, ElementType: networkObject.Type(),
				MarkdownDescription: "Networks, ordered by name: objects with `name`, `network_id`, `endpoint_id`, `ip_address`, `ip_prefix_length`, `gateway`, `global_ipv6_address`, `global_ipv6_prefix_length`, `ipv6_gateway`, `mac_address` and `aliases`.",
			},
		},
	}
}
