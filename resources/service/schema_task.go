package service

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/cleat-dev/cleat/resources/swarm"
)

func taskBlock() schema.Block {
	return single("What a task of the service is.", map[string]schema.Attribute{
		"force_update": whole("A counter: a change of it starts all tasks anew although nothing else changes."),
		"runtime":      text("What runs the tasks: `container`, the default.", stringvalidator.OneOf("container")),
	}, map[string]schema.Block{
		"container_spec":    containerBlock(),
		"resources":         resourcesBlock(),
		"restart_policy":    restartBlock(),
		"placement":         placementBlock(),
		"networks_advanced": networksBlock(),
		"log_driver": single("Where the tasks' output goes. The node's own default when absent.", map[string]schema.Attribute{
			"name":    requiredText("Name of the driver."),
			"options": textMap("Options for it."),
		}, nil),
	}, listvalidator.IsRequired(), listvalidator.SizeAtLeast(1))
}

func resourcesBlock() schema.Block {
	return single("What a task may use, and what is kept free for it.", nil, map[string]schema.Block{
		"limits": single("What a task may use at most.", map[string]schema.Attribute{
			"nano_cpus":    whole("CPUs in billionths: 500000000 is half of one."),
			"memory_bytes": whole("Memory in bytes."),
		}, nil),
		"reservation": single("What a node must have free to get a task.", map[string]schema.Attribute{
			"nano_cpus":    whole("CPUs in billionths: 500000000 is half of one."),
			"memory_bytes": whole("Memory in bytes."),
		}, map[string]schema.Block{
			"generic_resources": single("Resources that nodes advertise themselves, such as GPUs.", map[string]schema.Attribute{
				"named_resources_spec":    textSet("Named ones, as `GPU=UUID1`.", setvalidator.ValueStringsAre(pairValidator{})),
				"discrete_resources_spec": textSet("Countable ones, as `SSD=3`.", setvalidator.ValueStringsAre(pairValidator{number: true})),
			}, nil),
		}),
	})
}

func restartBlock() schema.Block {
	return single("When a task that ended is followed by another. Always when absent.", map[string]schema.Attribute{
		"condition":    text("`none`, `on-failure` or `any`, the swarm's default.", stringvalidator.OneOf("none", "on-failure", "any")),
		"delay":        duration("Time before the next task, as `5s`, the swarm's default."),
		"max_attempts": whole("How often within `window`; 0, the swarm's default, is without end."),
		"window":       duration("In what time `max_attempts` counts, as `1m`. All time when absent."),
	}, nil)
}

func placementBlock() schema.Block {
	return single("On which nodes tasks may run.", map[string]schema.Attribute{
		"constraints":  textSet("Conditions a node must meet, as `node.role==manager`.", setvalidator.ValueStringsAre(constraintValidator{})),
		"prefs":        textSet("What tasks are spread over, as `node.labels.zone` or `spread=node.labels.zone`."),
		"max_replicas": whole("How many tasks a node may have; 0, the default, is without limit. Needs engine API 1.40."),
	}, map[string]schema.Block{
		"platforms": schema.SetNestedBlock{
			MarkdownDescription: "A kind of node that can run the image. When absent, what the registry says of the image.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"architecture": requiredText("Architecture, as `amd64`."),
				"os":           requiredText("Operating system, as `linux`."),
			}},
		},
	})
}

func networksBlock() schema.Block {
	return schema.SetNestedBlock{
		MarkdownDescription: "A network of the tasks; it must be the swarm's (`overlay`) or one every node has (`host`). By `id` or by `name`.",
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"id": text("Id of the network."),
			"name": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Name or id of the network.", DeprecationMessage: "Use id, as docker_network.NAME.id.",
			},
			"aliases":     textSet("Further names of the tasks on the network."),
			"driver_opts": textSet("Options for the network's driver, as `KEY=VALUE`.", setvalidator.ValueStringsAre(pairValidator{})),
		}},
	}
}

func fileBlock(kind string) schema.Block {
	return schema.SetNestedBlock{
		MarkdownDescription: "A " + kind + " of the swarm, as a file in the container.",
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			kind + "_id":   requiredText("Id of the " + kind + "."),
			kind + "_name": schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Name of the " + kind + ". Asked of the swarm when absent."},
			"file_name":    requiredText("Name of the file: in `/run/secrets` for a secret, in `/` for a config, or a whole path."),
			"file_uid":     textDefault("0", "Owner of the file."),
			"file_gid":     textDefault("0", "Group of the file."),
			"file_mode":    wholeDefault(defaultMode, "Mode of the file, as a decimal number. Default `292`, that is 0444."),
		}},
	}
}

// defaultMode is 0444.
const defaultMode = 292

func mountsBlock() schema.Block {
	return schema.SetNestedBlock{
		MarkdownDescription: "A mount.",
		NestedObject: schema.NestedBlockObject{
			Attributes: map[string]schema.Attribute{
				"target":    requiredText("Path in the container."),
				"source":    text("Path on the node, or name of a volume. A volume without a name when absent."),
				"type":      requiredText("`bind`, `volume`, `tmpfs`, `npipe` or `cluster`.", stringvalidator.OneOf("bind", "volume", "tmpfs", "npipe", "cluster")),
				"read_only": truth("Whether nothing can be written. Default `false`."),
			},
			Blocks: map[string]schema.Block{
				"bind_options": single("Options of a bind mount.", map[string]schema.Attribute{
					"propagation": oneOf("rprivate", "Propagation of mounts.", "private", "rprivate", "shared", "rshared", "slave", "rslave"),
				}, nil),
				"volume_options": single("Options of a volume that is made for the task.", map[string]schema.Attribute{
					"no_copy":        truth("Do not copy what the image has at the target into it. Default `false`."),
					"driver_name":    text("Volume driver. The node's own when absent."),
					"driver_options": textMap("Options for the driver."),
				}, map[string]schema.Block{"labels": swarm.LabelsBlock("A label of the volume.")}),
				"tmpfs_options": single("Options of a file system in memory.", map[string]schema.Attribute{
					"size_bytes": whole("Size in bytes. Without limit when absent."),
					"mode":       whole("Mode of it, as a decimal number: 511 is 0777."),
				}, nil),
			},
		},
	}
}
