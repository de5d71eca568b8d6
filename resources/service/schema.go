package service

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/swarm"
)

// nameLimit is that of a DNS label: a service is found by its name.
const nameLimit = 63

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		Version: 2, // counts as the peer's: see provider/upgrade.go
		MarkdownDescription: "A service of a swarm. Everything but its name and the kind of its mode changes in place, by the swarm's own rolling update. " +
			"With `converge_config` an apply waits until all tasks run as declared, and fails with the tasks' errors and last output when they do not, " +
			"also when the swarm rolled the update back. Destroying waits until the tasks' containers are gone. " +
			"Needs an engine that manages a swarm, and API 1.25.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the service."},
			"name": schema.StringAttribute{
				Required: true, Validators: swarm.Name(nameLimit),
				MarkdownDescription: "Name of the service: up to 63 letters, digits, `-`, `_` and `.`, the first and last one a letter or digit.",
			},
		},
		Blocks: map[string]schema.Block{
			"labels":          swarm.LabelsBlock("A label of the service. Those of its containers are in `container_spec`."),
			"auth":            authBlock(),
			"mode":            modeBlock(),
			"task_spec":       taskBlock(),
			"update_config":   updateBlock("How an update proceeds.", "pause", "continue", "rollback"),
			"rollback_config": updateBlock("How a rollback proceeds.", "pause", "continue"),
			"endpoint_spec":   endpointBlock(),
			"converge_config": single("Wait until the service runs as declared, and new tasks have run for the `monitor` of `update_config`; without this block nothing waits.", map[string]schema.Attribute{
				"delay":   durationDefault("7s", "Longest time between two looks at the tasks, as `7s`. Events of this node's containers are acted on at once; those of other nodes are seen by looking."),
				"timeout": durationDefault("3m", "How long to wait, as `3m`."),
			}, nil),
		},
	}
}

// single is a block that may be given once.
func single(doc string, attributes map[string]schema.Attribute, blocks map[string]schema.Block, more ...validator.List) schema.Block {
	return schema.ListNestedBlock{
		MarkdownDescription: doc, Validators: append([]validator.List{listvalidator.SizeAtMost(1)}, more...),
		NestedObject: schema.NestedBlockObject{Attributes: attributes, Blocks: blocks},
	}
}

func text(doc string, validators ...validator.String) schema.Attribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: doc, Validators: validators}
}

func requiredText(doc string, validators ...validator.String) schema.Attribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: doc, Validators: append([]validator.String{stringvalidator.LengthAtLeast(1)}, validators...)}
}

func textDefault(value, doc string, validators ...validator.String) schema.Attribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(value), Validators: validators,
		MarkdownDescription: doc + " Default `" + value + "`.",
	}
}

func oneOf(value, doc string, values ...string) schema.Attribute {
	return textDefault(value, doc, stringvalidator.OneOf(values...))
}

func duration(doc string) schema.Attribute { return text(doc, durationValidator{}) }

func durationDefault(value, doc string) schema.Attribute {
	return textDefault(value, doc, durationValidator{})
}

func whole(doc string) schema.Attribute {
	return schema.Int64Attribute{Optional: true, MarkdownDescription: doc, Validators: []validator.Int64{int64validator.AtLeast(0)}}
}

func wholeDefault(value int64, doc string) schema.Attribute {
	return schema.Int64Attribute{
		Optional: true, Computed: true, Default: int64default.StaticInt64(value), MarkdownDescription: doc,
		Validators: []validator.Int64{int64validator.AtLeast(0)},
	}
}

func truth(doc string) schema.Attribute {
	return schema.BoolAttribute{Optional: true, MarkdownDescription: doc}
}

func texts(doc string, validators ...validator.List) schema.Attribute {
	return schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: doc, Validators: validators}
}

func textSet(doc string, validators ...validator.Set) schema.Attribute {
	return schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: doc, Validators: validators}
}

func textMap(doc string) schema.Attribute {
	return schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: doc}
}

func authBlock() schema.Block {
	return single("Credentials for the registry of the image, handed to the nodes. Without them those of the provider's `registry_auth` or of docker's configuration are used. "+
		"A change of them makes no update by itself.", map[string]schema.Attribute{
		"server_address": requiredText("Address of the registry."),
		"username":       text("User name."),
		"password":       schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Password or token."},
	}, nil)
}

func modeBlock() schema.Block {
	return single("How many tasks there are: `replicated` (the default, with one) or `global`. A change from one to the other replaces the service.", map[string]schema.Attribute{
		"global": truth("One task on every node. Default `false`."),
	}, map[string]schema.Block{
		"replicated": single("A number of tasks, on whichever nodes.", map[string]schema.Attribute{
			"replicas": whole("How many tasks. Default `1`."),
		}, nil),
	})
}

func updateBlock(doc string, failureActions ...string) schema.Block {
	actions := "`" + failureActions[0] + "`"
	for _, a := range failureActions[1:] {
		actions += ", `" + a + "`"
	}
	return single(doc, map[string]schema.Attribute{
		"parallelism":       wholeDefault(1, "How many tasks at once; 0 is all of them. Default `1`."),
		"delay":             durationDefault("0s", "Time between two groups of tasks, as `10s`."),
		"failure_action":    oneOf("pause", "What to do when it fails: "+actions+".", failureActions...),
		"monitor":           durationDefault("5s", "How long a new task is watched for failure, as `5s`."),
		"max_failure_ratio": textDefault("0.0", "Part of the tasks that may fail, from `0.0` to `1.0`.", ratioValidator{}),
		"order":             oneOf("stop-first", "`stop-first` or `start-first`: whether the old task stops before its successor starts.", "stop-first", "start-first"),
	}, nil)
}

func endpointBlock() schema.Block {
	return single("How the service is reached.", map[string]schema.Attribute{
		"mode": oneOf("vip", "`vip`, one address for all tasks, or `dnsrr`, the addresses of all tasks.", "vip", "dnsrr"),
	}, map[string]schema.Block{
		"ports": schema.ListNestedBlock{
			MarkdownDescription: "A published port.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"name":        text("A name for the port."),
				"protocol":    oneOf("tcp", "`tcp`, `udp` or `sctp`.", "tcp", "udp", "sctp"),
				"target_port": schema.Int64Attribute{Required: true, MarkdownDescription: "Port inside the container.", Validators: []validator.Int64{int64validator.Between(1, 65535)}},
				"published_port": schema.Int64Attribute{
					Optional: true, Computed: true, Validators: []validator.Int64{int64validator.Between(0, 65535)},
					MarkdownDescription: "Port on the nodes. Chosen by the swarm when absent, from 30000 on; with `host` by each node, and not reported.",
				},
				"publish_mode": oneOf("ingress", "`ingress`, on all nodes through the routing mesh, or `host`, on the nodes of the tasks.", "ingress", "host"),
			}},
		},
	})
}
