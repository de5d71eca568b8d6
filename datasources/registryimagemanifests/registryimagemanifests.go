package registryimagemanifests

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	ID                 types.String                `tfsdk:"id"`
	Name               types.String                `tfsdk:"name"`
	InsecureSkipVerify types.Bool                  `tfsdk:"insecure_skip_verify"`
	Manifests          types.Set                   `tfsdk:"manifests"`
	AuthConfig         contract.Blocks[AuthConfig] `tfsdk:"auth_config"`
}

// AuthConfig are credentials for one image.
type AuthConfig struct {
	Address  types.String `tfsdk:"address"`
	Username types.String `tfsdk:"username"`
	Password types.String `tfsdk:"password"`
}

var object = flatten.Object{
	"media_type": types.StringType, "sha256_digest": types.StringType, "architecture": types.StringType, "os": types.StringType,
}

// API is how registries are reached.
type API interface {
	Repository(ctx context.Context, image string, access client.RegistryAccess) (*registry.Repository, error)
}

// DataSource is docker_registry_image_manifests.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "registry_image_manifests" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The manifests of an image in its registry, one for each platform. The engine is not asked.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the image, in full and with its tag."},
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Name()},
				MarkdownDescription: "Name of the image, with the registry in front where it is not Docker Hub; no tag means `latest`.",
			},
			"insecure_skip_verify": schema.BoolAttribute{Optional: true, MarkdownDescription: "Accept any certificate of the registry, and plain HTTP. Default `false`."},
			"manifests": schema.SetAttribute{
				Computed: true, ElementType: object.Type(),
				MarkdownDescription: "The manifests: objects with `media_type`, `sha256_digest`, `architecture` and `os`. An image for one platform has one.",
			},
		},
		Blocks: map[string]schema.Block{
			"auth_config": schema.ListNestedBlock{
				MarkdownDescription: "Credentials for this image. They come before the provider's `registry_auth` and those of the docker CLI.",
				Validators:          []validator.List{listvalidator.SizeAtMost(1)},
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"address":  schema.StringAttribute{Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)}, MarkdownDescription: "Address of the registry."},
					"username": schema.StringAttribute{Optional: true, MarkdownDescription: "User name."},
					"password": schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Password or token."},
				}},
			},
		},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	name := config.Name.ValueString()
	auth, _ := config.AuthConfig.One()
	repository, err := e.Repository(ctx, name, client.RegistryAccess{
		Username: auth.Username.ValueString(), Password: auth.Password.ValueString(), SkipVerify: config.InsecureSkipVerify.ValueBool(),
	})
	if err != nil {
		return config, contract.At("name", "image %q: %w", name, err)
	}
	found, err := repository.Platforms(ctx, imageref.Version(name))
	if err != nil {
		return config, contract.At("name", "image %q: %w", name, registry.Advise(err, name))
	}
	items := make([]map[string]attr.Value, len(found))
	for i, m := range found {
		items[i] = map[string]attr.Value{
			"media_type": flatten.Text(m.MediaType), "sha256_digest": flatten.Text(m.Digest), "architecture": types.StringNull(), "os": types.StringNull(),
		}
		if m.Platform != nil {
			items[i]["architecture"], items[i]["os"] = flatten.Text(m.Platform.Architecture), flatten.Text(m.Platform.OS)
		}
	}
	named, err := imageref.Parse(name)
	if err != nil {
		return config, contract.At("name", "%w", err)
	}
	config.ID = types.StringValue(named.String())
	config.Manifests = object.Set(items)
	return config, nil
}
