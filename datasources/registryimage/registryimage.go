package registryimage

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	InsecureSkipVerify types.Bool   `tfsdk:"insecure_skip_verify"`
	SHA256Digest       types.String `tfsdk:"sha256_digest"`
}

// API is how registries are reached.
type API interface {
	Repository(ctx context.Context, image string, access client.RegistryAccess) (*registry.Repository, error)
}

// DataSource is docker_registry_image.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "registry_image" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The digest a name stands for in its registry now. Nothing is pulled and the engine is not asked. " +
			"Give it to `pull_triggers` of `docker_image` to follow a tag.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Digest of the image, `sha256:…`."},
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Name()},
				MarkdownDescription: "Name of the image, with the registry in front where it is not Docker Hub; no tag means `latest`.",
			},
			"insecure_skip_verify": schema.BoolAttribute{Optional: true, MarkdownDescription: "Accept any certificate of the registry, and plain HTTP. Default `false`."},
			"sha256_digest":        schema.StringAttribute{Computed: true, MarkdownDescription: "Digest of the image, `sha256:…`. Of one for several platforms it is the list's."},
		},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	name := config.Name.ValueString()
	repository, err := e.Repository(ctx, name, client.RegistryAccess{SkipVerify: config.InsecureSkipVerify.ValueBool()})
	if err != nil {
		return config, contract.At("name", "image %q: %w", name, err)
	}
	desc, err := repository.Resolve(ctx, imageref.Version(name))
	if err != nil {
		return config, contract.At("name", "image %q: %w", name, registry.Advise(err, name))
	}
	config.SHA256Digest = types.StringValue(desc.Digest.String())
	config.ID = config.SHA256Digest
	return config, nil
}
