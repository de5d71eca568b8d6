package registryimagetags

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/mod/semver"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	InsecureSkipVerify types.Bool   `tfsdk:"insecure_skip_verify"`
	StrictSemver       types.Bool   `tfsdk:"strict_semver"`
	Tags               types.List   `tfsdk:"tags"`
}

// API is how registries are reached.
type API interface {
	Repository(ctx context.Context, image string, access client.RegistryAccess) (*registry.Repository, error)
}

// DataSource is docker_registry_image_tags.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "registry_image_tags" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The tags of a repository in its registry, all pages of them. The engine is not asked.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the repository, in full."},
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Repository()},
				MarkdownDescription: "Name of the repository, without tag, with the registry in front where it is not Docker Hub.",
			},
			"insecure_skip_verify": schema.BoolAttribute{Optional: true, MarkdownDescription: "Accept any certificate of the registry, and plain HTTP. Default `false`."},
			"strict_semver": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Only tags that are versions of [Semantic Versioning](https://semver.org) in full, as `1.2.3` or `1.2.3-rc.1` (not `1.2`, `v1.2.3`), " +
					"ordered by precedence, the newest last. Default `false`: all tags, ordered as texts.",
			},
			"tags": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The tags."},
		},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	name := config.Name.ValueString()
	repository, err := e.Repository(ctx, name, client.RegistryAccess{SkipVerify: config.InsecureSkipVerify.ValueBool()})
	if err != nil {
		return config, contract.At("name", "repository %q: %w", name, err)
	}
	tags, err := repository.Tags(ctx)
	if err != nil {
		return config, contract.At("name", "repository %q: %w", name, registry.Advise(err, name))
	}
	if config.StrictSemver.ValueBool() {
		tags = versions(tags)
	} else {
		slices.Sort(tags)
	}
	named, err := imageref.Parse(name)
	if err != nil {
		return config, contract.At("name", "%w", err)
	}
	config.ID = types.StringValue(named.Name())
	config.Tags = flatten.Texts(tags)
	return config, nil
}

// versions are the tags that are versions in full, in order of precedence. Tags cannot have a build's "+".
func versions(tags []string) []string {
	found := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		return strings.Contains(tag, "+") || semver.Canonical("v"+tag) != "v"+tag
	})
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(semver.Compare("v"+a, "v"+b), strings.Compare(a, b)) })
	return found
}
