package volume

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A volume of the engine. Needs engine API 1.21.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the volume.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"id":          schema.StringAttribute{Computed: true, MarkdownDescription: "The volume's name."},
			"driver":      schema.StringAttribute{Computed: true, MarkdownDescription: "Volume driver."},
			"driver_opts": schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Options of the driver."},
			"labels":      schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Labels of the volume."},
			"mountpoint":  schema.StringAttribute{Computed: true, MarkdownDescription: "Path of the volume's data on the engine's host."},
			"scope":       schema.StringAttribute{Computed: true, MarkdownDescription: "`local` or `global`."},
			"created":     schema.StringAttribute{Computed: true, MarkdownDescription: "When the volume was made, in RFC 3339. Null where the engine does not report it."},
		},
	}
}
