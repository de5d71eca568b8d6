package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/resources/contract"
)

// typeName is the provider's name, typePrefix what the names of all its types start with.
const (
	typeName   = "docker"
	typePrefix = typeName + "_"
)

// Provider is terraform-provider-docker. Its methods are the framework's.
type Provider struct {
	version   string
	node      *contract.Node
	resources []contract.Resource
	data      []catalog.DataSource
	// ephemerals, lists and actions are of the catalog: see New.
	ephemerals []catalog.Ephemeral
	lists      []catalog.List
	actions    []catalog.Action
	getenv     func(string) string
	// connect prepares an engine value that is made at its first use.
	connect func(client.Config) func(context.Context) (any, error)
}

var (
	_ provider.ProviderWithValidateConfig = (*Provider)(nil)
	_ provider.ProviderWithFunctions      = (*Provider)(nil)
)

// New returns the provider with everything the catalog lists. version is the provider's own. It fails on a type
// whose schema, model and rules do not fit together.
func New(ctx context.Context, version string) (*Provider, error) {
	resources, err := catalog.Resources(ctx)
	if err != nil {
		return nil, err
	}
	data, err := catalog.DataSources(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newProvider(ctx, version, resources, data, connect)
	if err != nil {
		return nil, err
	}
	if p.ephemerals, err = catalog.Ephemerals(ctx); err != nil {
		return nil, err
	}
	if p.lists, err = catalog.Lists(ctx); err != nil {
		return nil, err
	}
	if p.actions, err = catalog.Actions(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func newProvider(
	ctx context.Context, version string, resources []contract.Resource, data []catalog.DataSource,
	connect func(client.Config) func(context.Context) (any, error),
) (*Provider, error) {
	node, err := contract.CompileProvider(ctx, catalog.Provider())
	if err != nil {
		return nil, fmt.Errorf("provider schema: %w", err)
	}
	return &Provider{version: version, node: node, resources: resources, data: data, getenv: os.Getenv, connect: connect}, nil
}

func connect(cfg client.Config) func(context.Context) (any, error) {
	lazy := client.NewLazy(cfg)
	return func(ctx context.Context) (any, error) {
		c, err := lazy.Get(ctx)
		if err != nil {
			return nil, err // not a nil *Client in an interface
		}
		return c, nil
	}
}

// Metadata names the provider.
func (p *Provider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = typeName, p.version
}

// Schema is the catalog's.
func (p *Provider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = catalog.Provider()
}

// ValidateConfig checks the provider block without reaching the engine.
func (p *Provider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	block, err := objectOf(ctx, p.node, req.Config.Raw)
	if err != nil {
		addBug(&resp.Diagnostics, "provider block", err)
		return
	}
	resp.Diagnostics.Append(catalog.ValidateProvider(block, p.getenv)...)
}

// Configure prepares the connection to the engine, and makes it unless the block says not to. A block with values
// that only an apply will tell has no engine: resources are then planned without one.
func (p *Provider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	block, err := objectOf(ctx, p.node, req.Config.Raw)
	if err != nil {
		addBug(&resp.Diagnostics, "provider block", err)
		return
	}
	host := catalog.HostOf(block, p.getenv)
	e := &engine{unchecked: host.Unchecked}
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData, resp.ListResourceData = e, e, e, e
	resp.ActionData = e
	registries, err := client.NewRegistries(host.Config.RegistryAuth)
	if err != nil {
		addError(&resp.Diagnostics, p.node, "Registry credentials cannot be used", withAttribute(err))
		return
	}
	e.registries = registries
	if len(host.Unknown) > 0 {
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
		}
		return
	}
	host.Config.UserAgent = userAgent(p.version, req.TerraformVersion)
	e.open = p.connect(host.Config)
	if e.unchecked {
		return
	}
	if _, err := e.open(ctx); err != nil {
		addError(&resp.Diagnostics, p.node, "Docker host cannot be used", withAttribute(err))
	}
}

// withAttribute makes the attribute a connection fails for known to [contract.PathOf].
func withAttribute(err error) error {
	if at := new(client.ConfigError); errors.As(err, &at) {
		return &contract.PathError{Path: at.Attribute, Err: at.Err}
	}
	return err
}

func userAgent(version, terraform string) string {
	agents := []string{"terraform-provider-docker/" + version}
	if terraform != "" {
		agents = append(agents, "Terraform/"+terraform)
	}
	return strings.Join(agents, " ")
}

// Resources are all resource types of the catalog.
func (p *Provider) Resources(context.Context) []func() resource.Resource {
	all := make([]func() resource.Resource, len(p.resources))
	for i, t := range p.resources {
		all[i] = func() resource.Resource { return &shell{core: newCore(t)} }
	}
	return all
}

// DataSources are all data sources of the catalog.
func (p *Provider) DataSources(context.Context) []func() datasource.DataSource {
	all := make([]func() datasource.DataSource, len(p.data))
	for i, d := range p.data {
		all[i] = func() datasource.DataSource { return newDataShell(d) }
	}
	return all
}
