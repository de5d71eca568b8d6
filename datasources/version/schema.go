package version

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
)

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	text := func(doc string) schema.Attribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	return schema.Schema{
		MarkdownDescription: "The version of the engine and of its parts.",
		Attributes: map[string]schema.Attribute{
			"id":              text("The same as `version`."),
			"version":         text("Version of the engine, as `20.10.24`."),
			"api_version":     text("Highest API version the engine speaks, as `1.41`."),
			"min_api_version": text("Lowest API version the engine speaks. Null on engines older than API 1.25."),
			"os":              text("Operating system of the engine."),
			"architecture":    text("Processor architecture of the engine, as `amd64`."),
			"platform":        text("Name of the product the engine is part of. Null where the engine does not say."),
			"experimental":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether experimental features are on."},
			"components": schema.ListAttribute{
				Computed: true, ElementType: componentObject.Type(),
				MarkdownDescription: "Parts of the engine as it lists them: objects with `name`, `version` and `details`, a map of what the part says of itself. Empty on engines older than API 1.35.",
			},
		},
	}
}
