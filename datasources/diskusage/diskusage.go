package diskusage

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the answer.
type Model struct {
	ID         types.String `tfsdk:"id"`
	Images     types.Object `tfsdk:"images"`
	Containers types.Object `tfsdk:"containers"`
	Volumes    types.Object `tfsdk:"volumes"`
	BuildCache types.Object `tfsdk:"build_cache"`
}

var object = flatten.Object{
	"total":       types.Int64Type,
	"active":      types.Int64Type,
	"size":        types.Int64Type,
	"reclaimable": types.Int64Type,
}

// API is the part of an engine's API this data source needs.
type API interface {
	DiskUsage(ctx context.Context, options moby.DiskUsageOptions) (moby.DiskUsageResult, error)
}

// DataSource is docker_disk_usage.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "disk_usage" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	usage := func(what, active string) schema.Attribute {
		return schema.ObjectAttribute{
			Computed: true, AttributeTypes: object,
			MarkdownDescription: fmt.Sprintf("%s: an object with `total` and `active` (how many there are, and how many of them %s), `size` and `reclaimable` "+
				"(bytes, and how many of them a prune would give back).", what, active),
		}
	}
	return schema.Schema{
		MarkdownDescription: "What images, containers, volumes and the build cache take on the engine's disk. An engine may have to walk through all of " +
			"them, which can take a while. Needs engine API 1.25.",
		Attributes: map[string]schema.Attribute{
			"id":          schema.StringAttribute{Computed: true, MarkdownDescription: "Always `disk_usage`."},
			"images":      usage("Images (`size` is null where the engine does not tell it, as podman)", "containers use"),
			"containers":  usage("What containers have written", "run"),
			"volumes":     usage("Local volumes", "containers use"),
			"build_cache": usage("The build cache", "are in use"),
		},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	found, err := e.DiskUsage(ctx, moby.DiskUsageOptions{Containers: true, Images: true, BuildCache: true, Volumes: true})
	if err != nil {
		return config, fmt.Errorf("disk usage: %w", err)
	}
	images := usage(found.Images.TotalCount, found.Images.ActiveCount, found.Images.TotalSize, found.Images.Reclaimable)
	if found.Images.TotalSize == 0 && found.Images.TotalCount > 0 { // podman does not tell
		images = unmeasured(images)
	}
	c, v, b := found.Containers, found.Volumes, found.BuildCache
	return Model{
		ID:         types.StringValue("disk_usage"),
		Images:     images,
		Containers: usage(c.TotalCount, c.ActiveCount, c.TotalSize, c.Reclaimable),
		Volumes:    usage(v.TotalCount, v.ActiveCount, v.TotalSize, v.Reclaimable),
		BuildCache: usage(b.TotalCount, b.ActiveCount, b.TotalSize, b.Reclaimable),
	}, nil
}

func usage(total, active, size, reclaimable int64) types.Object {
	return types.ObjectValueMust(object, map[string]attr.Value{
		"total": types.Int64Value(total), "active": types.Int64Value(active), "size": types.Int64Value(size), "reclaimable": types.Int64Value(reclaimable),
	})
}

// unmeasured is usage without the size.
func unmeasured(o types.Object) types.Object {
	attributes := o.Attributes()
	attributes["size"] = types.Int64Null()
	return types.ObjectValueMust(object, attributes)
}
