package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/provider"

	"github.com/cleat-dev/cleat/internal/catalog"
)

// ephemeralShell puts one ephemeral resource behind the framework. There is nothing to close: what one made is gone when
// its values are there.
type ephemeralShell struct {
	p      catalog.Ephemeral
	name   string
	engine *engine
}

var (
	_ provider.ProviderWithEphemeralResources  = (*Provider)(nil)
	_ ephemeral.EphemeralResourceWithConfigure = (*ephemeralShell)(nil)
)

// EphemeralResources are all ephemeral resources of the catalog.
func (p *Provider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	all := make([]func() ephemeral.EphemeralResource, len(p.ephemerals))
	for i, e := range p.ephemerals {
		all[i] = func() ephemeral.EphemeralResource { return &ephemeralShell{p: e, name: typePrefix + e.Name()} }
	}
	return all
}

// Metadata names the ephemeral resource.
func (s *ephemeralShell) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = s.name
}

// Schema is the ephemeral resource's own.
func (s *ephemeralShell) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = s.p.Schema
}

// Configure takes the provider's engine; there is none before the provider is configured.
func (s *ephemeralShell) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	s.engine = engineOf(req.ProviderData, &resp.Diagnostics)
}

// Open makes the values. Terraform waits with it until the whole declaration is known.
func (s *ephemeralShell) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	summary := "ephemeral " + s.name + " not opened"
	config, err := objectOf(ctx, s.p.Node(), req.Config.Raw)
	if err != nil {
		addBug(&resp.Diagnostics, s.name, err)
		return
	}
	e, err := s.engine.forData(ctx, s.p)
	if err != nil {
		addError(&resp.Diagnostics, s.p.Node(), summary, err)
		return
	}
	opened, err := s.p.Read(ctx, e, config)
	if err != nil {
		addError(&resp.Diagnostics, s.p.Node(), summary, err)
		return
	}
	opened, _, err = settled(ctx, s.p.Node(), opened)
	if err != nil {
		addBug(&resp.Diagnostics, s.name, err)
		return
	}
	raw, err := rawOf(ctx, opened)
	if err != nil {
		addBug(&resp.Diagnostics, s.name, err)
		return
	}
	resp.Result.Raw = raw
}
