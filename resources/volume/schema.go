package volume

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// namePattern is what engines take as the name of a volume.
var namePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		Version: 1,
		MarkdownDescription: "A volume: a place for data on the engine that outlives containers. Nothing of a volume can be changed once it exists " +
			"(but the availability of a cluster volume), so a change replaces it **and its data is lost**. Needs engine API 1.21.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The volume's name: volumes have no other identity.",
			},
			"name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Name of the volume: at least two characters, letters, digits, `_`, `.` and `-`, the first one a letter or digit. Chosen by the engine when absent.",
				Validators: []validator.String{stringvalidator.RegexMatches(namePattern,
					"is no volume name: a volume name has at least two characters, letters, digits, _ . and -, and starts with a letter or digit")},
			},
			"driver": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("local"),
				MarkdownDescription: "Volume driver. Default `local`.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"driver_opts": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Options for the driver. The `local` driver takes those of mount(8): `type`, `device` and `o`. Needs engine API 1.25.",
			},
			"mountpoint": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Path of the volume's data on the engine's host.",
			},
		},
		Blocks: map[string]schema.Block{
			"labels":  labelsBlock(),
			"cluster": clusterBlock(),
		},
	}
}

func labelsBlock() schema.Block {
	return schema.SetNestedBlock{
		MarkdownDescription: "A label of the volume. Needs engine API 1.23.",
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"label": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the label.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"value": schema.StringAttribute{Required: true, MarkdownDescription: "Value of the label."},
		}},
	}
}

func clusterBlock() schema.Block {
	return schema.ListNestedBlock{
		MarkdownDescription: "Makes the volume a Swarm cluster volume, provided by a CSI driver. Needs engine API 1.42.",
		Validators:          []validator.List{listvalidator.SizeAtMost(1)},
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the volume in the cluster."},
			"availability": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("active"),
				MarkdownDescription: "Availability: `active`, `pause` or `drain`. Changed in place. Default `active`.",
				Validators:          []validator.String{stringvalidator.OneOf("active", "pause", "drain")},
			},
			"group": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(""),
				MarkdownDescription: "Group of interchangeable volumes this one belongs to. Default `\"\"`.",
			},
			"limit_bytes":    sizeAttribute("Largest size of the volume, as `128MiB` or `2GiB`. No limit when absent."),
			"required_bytes": sizeAttribute("Smallest size of the volume, as `128MiB` or `2GiB`. No minimum when absent."),
			"scope": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("single"),
				MarkdownDescription: "On how many nodes at once the volume may be used: `single` or `multi`. Default `single`.",
				Validators:          []validator.String{stringvalidator.OneOf("single", "multi")},
			},
			"sharing": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("none"),
				MarkdownDescription: "How tasks may share the volume: `none`, `readonly`, `onewriter` or `all`. Default `none`.",
				Validators:          []validator.String{stringvalidator.OneOf("none", "readonly", "onewriter", "all")},
			},
			"topology_preferred": topologyAttribute("Topology the volume should be accessible from"),
			"topology_required":  topologyAttribute("Topology the volume must be accessible from"),
			"type": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("block"),
				MarkdownDescription: "Access type: `block` or `mount`. Default `block`.",
				Validators:          []validator.String{stringvalidator.OneOf("block", "mount")},
			},
		}},
	}
}

func sizeAttribute(doc string) schema.Attribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: doc, Validators: []validator.String{sizeValidator{}}}
}

func topologyAttribute(doc string) schema.Attribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(""),
		MarkdownDescription: doc + ", as `key=value,key=value`. Default `\"\"`: anywhere.",
		Validators:          []validator.String{topologyValidator{}},
	}
}
