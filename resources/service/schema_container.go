package service

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/swarm"
)

func containerBlock() schema.Block {
	return single("What the container of a task is.", map[string]schema.Attribute{
		"image": schema.StringAttribute{
			Required: true, Validators: []validator.String{imageref.NameOrID()},
			MarkdownDescription: "Image of the tasks. A name is pinned to the digest it has in its registry when the service is made or its image changes; that the tag is moved later changes nothing.",
		},
		"command":           texts("The program, in place of the image's entrypoint."),
		"args":              texts("Arguments, in place of the image's command."),
		"hostname":          text("Host name of the containers."),
		"env":               textMap("Environment variables."),
		"dir":               text("Working directory."),
		"user":              text("User, and group after a colon."),
		"groups":            texts("Further groups."),
		"read_only":         truth("Whether the container's own file system is read-only. Default `false`."),
		"init":              truth("Whether a small init is process 1. The node's own default when absent. Needs engine API 1.37."),
		"stop_signal":       text("Signal that ends the container. The image's when absent."),
		"stop_grace_period": duration("How long the container has to end after it, as `10s`, the swarm's default."),
		"isolation":         oneOf("default", "Isolation on Windows: `default`, `process` or `hyperv`.", "default", "process", "hyperv"),
		"sysctl":            textMap("Kernel parameters of the container. Needs engine API 1.40."),
		"cap_add":           texts("Capabilities to add, as `NET_ADMIN`. Needs engine API 1.41."),
		"cap_drop":          texts("Capabilities to drop, as `NET_RAW`. Needs engine API 1.41."),
	}, map[string]schema.Block{
		"labels":      swarm.LabelsBlock("A label of the containers."),
		"privileges":  privilegesBlock(),
		"mounts":      mountsBlock(),
		"healthcheck": healthBlock(),
		"hosts": schema.SetNestedBlock{
			MarkdownDescription: "A line for the hosts file of the containers.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"host": requiredText("Host name."),
				"ip":   requiredText("Its address.", addressValidator{}),
			}},
		},
		"dns_config": single("How names are resolved.", map[string]schema.Attribute{
			"nameservers": schema.ListAttribute{
				Required: true, ElementType: stringType, MarkdownDescription: "Addresses of name servers.",
				Validators: []validator.List{listvalidator.ValueStringsAre(addressValidator{})},
			},
			"search":  texts("Domains to search."),
			"options": texts("Options of the resolver, as `ndots:2`."),
		}, nil),
		"secrets": fileBlock("secret"),
		"configs": fileBlock("config"),
	}, listvalidator.IsRequired(), listvalidator.SizeAtLeast(1))
}

func privilegesBlock() schema.Block {
	return single("What guards the containers.", nil, map[string]schema.Block{
		"credential_spec": single("Credential specification of a managed service account, on Windows.", map[string]schema.Attribute{
			"file":     text("File it is read from, below docker's data root."),
			"registry": text("Value of the Windows registry it is read from."),
		}, nil),
		"se_linux_context": single("SELinux label.", map[string]schema.Attribute{
			"disable": truth("Disable SELinux for the containers. Default `false`."),
			"user":    text("User of the label."),
			"role":    text("Role of the label."),
			"type":    text("Type of the label."),
			"level":   text("Level of the label."),
		}, nil),
	})
}

func healthBlock() schema.Block {
	return single("How health is tested. A task runs only when it is healthy. The image's test when absent.", map[string]schema.Attribute{
		"test":         texts("The test: `[\"CMD\", program, …]`, `[\"CMD-SHELL\", command]` or `[\"NONE\"]`."),
		"interval":     durationDefault("0s", "Time between two tests, as `30s`; 0 is the image's, or 30s."),
		"timeout":      durationDefault("0s", "How long a test may take, as `30s`; 0 is the image's, or 30s."),
		"start_period": durationDefault("0s", "How long failures do not count after the start, as `10s`; 0 is the image's, or none. Needs engine API 1.29."),
		"retries": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(0), Validators: []validator.Int64{int64validator.AtLeast(0)},
			MarkdownDescription: "How many failures in a row make it unhealthy; 0 is the image's, or 3. Default `0`.",
		},
	}, nil)
}
