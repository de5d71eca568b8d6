package containers

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cleat-dev/cleat/datasources/filter"
)

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Containers of the engine, the newest first.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Always `containers`."},
			"all": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether containers that do not run are listed too. A `status` filter lists them anyway. Default `false`.",
			},
			"limit": schema.Int64Attribute{
				Optional: true, MarkdownDescription: "List only this many containers, the newest, running or not. All when absent.",
				Validators: []validator.Int64{int64validator.AtLeast(1)},
			},
			"containers": schema.ListAttribute{
				Computed: true, ElementType: containerObject.Type(),
				MarkdownDescription: "The containers: objects with `id`, `names` (without the leading slash), `image`, `image_id`, `command`, `created` (seconds since 1970), " +
					"`state` (`running`, `exited` …; null on engines older than API 1.23), `status` (in words) and `labels`.",
			},
		},
		Blocks: map[string]schema.Block{
			"filter": filter.Schema("containers", "`label`, `name`, `status`, `ancestor`, `network`, `volume`, `health` or `publish`"),
		},
	}
}
