package buildxbuilder

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type (
	attributes = map[string]schema.Attribute
	blocks     = map[string]schema.Block
)

const ignored = "As in kreuzwerker/docker; refused with the whole block."

// Schema implements contract.Type: names and types of kreuzwerker/docker, so that its configurations get as far as being told.
func (Type) Schema(context.Context) schema.Schema {
	top := merge(text("buildkit_config", "buildkit_flags", "driver", "endpoint", "name", "node"), flag("append", "bootstrap", "use"), stringMap("driver_options"), list("platform"))
	top["id"] = schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the builder."}
	quantities := merge(text("cpu", "ephemeral_storage", "memory"))
	return schema.Schema{
		MarkdownDescription: "**Not supported; every declaration is refused at plan.** " + replacement,
		Attributes:          top,
		Blocks: blocks{
			"docker_container": block(merge(text("cgroup_parent", "cpu_period", "cpu_quota", "cpu_shares", "cpuset_cpus", "cpuset_mems", "image", "memory", "memory_swap", "network", "restart_policy"), flag("default_load"), stringMap("env")), nil),
			"kubernetes": block(merge(text("annotations", "image", "labels", "loadbalance", "namespace", "nodeselector", "schedulername", "serviceaccount", "timeout", "tolerations"), flag("default_load", "rootless"), number("replicas")), blocks{
				"limits": block(quantities, nil), "requests": block(quantities, nil), "qemu": block(merge(text("image"), flag("install")), nil),
			}),
			"remote": block(merge(text("cacert", "cert", "key", "servername"), flag("default_load")), nil),
		},
	}
}

func block(a attributes, b blocks) schema.Block {
	return schema.ListNestedBlock{MarkdownDescription: ignored, NestedObject: schema.NestedBlockObject{Attributes: a, Blocks: b}}
}

func merge(all ...attributes) attributes {
	merged := attributes{}
	for _, a := range all {
		maps.Copy(merged, a)
	}
	return merged
}

func each(names []string, a schema.Attribute) attributes {
	all := attributes{}
	for _, name := range names {
		all[name] = a
	}
	return all
}

func text(names ...string) attributes {
	return each(names, schema.StringAttribute{Optional: true, MarkdownDescription: ignored})
}

func flag(names ...string) attributes {
	return each(names, schema.BoolAttribute{Optional: true, MarkdownDescription: ignored})
}

func number(names ...string) attributes {
	return each(names, schema.Int64Attribute{Optional: true, MarkdownDescription: ignored})
}

func stringMap(names ...string) attributes {
	return each(names, schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: ignored})
}

func list(names ...string) attributes {
	return each(names, schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: ignored})
}
