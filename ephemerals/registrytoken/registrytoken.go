// Package registrytoken is the ephemeral resource docker_registry_token: a token of a registry, for some scopes and a short
// time. It asks no engine.
package registrytoken

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	Address            types.String `tfsdk:"address"`
	Repository         types.String `tfsdk:"repository"`
	Actions            types.Set    `tfsdk:"actions"`
	Scopes             types.Set    `tfsdk:"scopes"`
	InsecureSkipVerify types.Bool   `tfsdk:"insecure_skip_verify"`
	Token              types.String `tfsdk:"token"`
	ExpiresAt          types.String `tfsdk:"expires_at"`
}

// API is how registries are reached.
type API interface {
	Token(ctx context.Context, address string, scopes []string, access client.RegistryAccess) (registry.Token, error)
}

// Ephemeral is docker_registry_token.
type Ephemeral struct{}

var _ contract.Ephemeral[Model, API] = Ephemeral{}

var (
	scopeForm      = regexp.MustCompile(`^[a-z0-9()]+:[^\s]+:[a-z*,]+$`)
	repositoryForm = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
)

// Name implements contract.Ephemeral.
func (Ephemeral) Name() string { return "registry_token" }

// Schema implements contract.Ephemeral.
func (Ephemeral) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A token of a registry for a repository and a short time, by the provider's credentials (`registry_auth` blocks, docker's configuration, credential helpers): " +
			"for programs that are to get no more than that. It is in no state. The engine is not asked. A registry that has no token service, as one with plain passwords, is an error. " +
			"A service gives what its user may have, which can be less than was asked for. Needs Terraform 1.10; `cleat` has no ephemeral resources.",
		Attributes: map[string]schema.Attribute{
			"address": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Address of the registry, as in a `registry_auth` block: `registry.example.com:5000`, `docker.io`.",
			},
			"repository": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.RegexMatches(repositoryForm, "is no repository: it has no registry, tag or digest")},
				MarkdownDescription: "Repository in the registry, without its address: `team/app`.",
			},
			"actions": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.OneOf("pull", "push", "delete", "*"))},
				MarkdownDescription: "What the token allows in the repository: `pull`, `push`, `delete`. Default `pull`.",
			},
			"scopes": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(
					stringvalidator.RegexMatches(scopeForm, "is no scope: TYPE:NAME:ACTION[,ACTION], such as repository:team/app:pull,push"))},
				MarkdownDescription: "Scopes beside or instead of `repository`, as the registry's service knows them: `registry:catalog:*`. One of the two is needed.",
			},
			"insecure_skip_verify": schema.BoolAttribute{Optional: true, MarkdownDescription: "Accept any certificate of the registry, and plain HTTP. Default `false`."},
			"token":                schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The token, for the header `Authorization: Bearer TOKEN`."},
			"expires_at":           schema.StringAttribute{Computed: true, MarkdownDescription: "When it ends (RFC 3339, UTC); null for a token of the configuration, which does not say."},
		},
	}
}

// Open implements contract.Ephemeral.
func (Ephemeral) Open(ctx context.Context, e API, config Model) (Model, error) {
	scopes, err := scopesOf(config)
	if err != nil {
		return config, err
	}
	address := config.Address.ValueString()
	token, err := e.Token(ctx, address, scopes, client.RegistryAccess{SkipVerify: config.InsecureSkipVerify.ValueBool()})
	if err != nil {
		return config, contract.At("address", "token of registry %q: %w", address, registry.Advise(err, registry.Domain(address)+"/token"))
	}
	config.Token = types.StringValue(token.Value)
	config.ExpiresAt = types.StringNull()
	if !token.Expires.IsZero() {
		config.ExpiresAt = types.StringValue(token.Expires.UTC().Format(time.RFC3339))
	}
	return config, nil
}

// scopesOf are the scopes to ask for, sorted.
func scopesOf(m Model) ([]string, error) {
	scopes := texts(m.Scopes)
	name := m.Repository.ValueString()
	switch {
	case name == "" && !m.Actions.IsNull():
		return nil, contract.At("actions", "actions are those in a repository, and there is none: %w", errs.ErrInvalid)
	case name == "" && len(scopes) == 0:
		return nil, contract.At("repository", "one of repository and scopes is needed: %w", errs.ErrInvalid)
	case name == "":
		return scopes, nil
	}
	named, err := reference.ParseNormalizedNamed(registry.Domain(m.Address.ValueString()) + "/" + name)
	if err != nil {
		return nil, contract.At("repository", "%q in registry %q: %w: %w", name, m.Address.ValueString(), err, errs.ErrInvalid)
	}
	actions := texts(m.Actions)
	if len(actions) == 0 {
		actions = []string{"pull"}
	}
	return append([]string{"repository:" + reference.Path(named) + ":" + strings.Join(actions, ",")}, scopes...), nil
}

func texts(set types.Set) []string {
	var all []string
	for _, v := range set.Elements() {
		if s, ok := v.(types.String); ok {
			all = append(all, s.ValueString())
		}
	}
	slices.Sort(all)
	return all
}
