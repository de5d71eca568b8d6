package image

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
	list := func(doc string) schema.Attribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: doc}
	}
	return schema.Schema{
		MarkdownDescription: "An image the engine has. Nothing is pulled: an image the engine does not have is an error.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The image: a name with tag (`nginx:1.27`; no tag means `latest`) or digest, or an id (`sha256:…`).",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"id":            text("Id of the image, `sha256:…`."),
			"image_id":      text("Id of the image, `sha256:…`."),
			"repo_digest":   text("The image in its repository, `name@sha256:…`: of the repository in `name` where the image is in several. Null for an image that was never pulled or pushed."),
			"repo_digests":  list("All repositories the image is known from, as `name@sha256:…`, sorted."),
			"tags":          list("Names of the image, as `name:tag`, sorted."),
			"os":            text("Operating system the image is for."),
			"architecture":  text("Processor architecture the image is for, as `amd64`."),
			"variant":       text("Variant of the architecture, as `v8`."),
			"author":        text("Author of the image."),
			"created":       text("When the image was made, in RFC 3339."),
			"size":          schema.Int64Attribute{Computed: true, MarkdownDescription: "Size of the image in bytes."},
			"labels":        schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Labels of the image."},
			"env":           list("Environment of the image, as `NAME=value`."),
			"cmd":           list("Default command of the image."),
			"entrypoint":    list("Entrypoint of the image."),
			"exposed_ports": list("Ports the image declares, as `80/tcp`, ordered by number."),
			"volumes":       list("Paths the image declares to be volumes, sorted."),
			"user":          text("User the image's command runs as."),
			"working_dir":   text("Directory the image's command runs in."),
			"stop_signal":   text("Signal that stops the image's command."),
			"layers":        list("Digests of the image's layers, the lowest first."),
		},
	}
}
