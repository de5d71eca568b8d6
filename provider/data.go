package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/cleat-dev/cleat/internal/catalog"
)

// dataShell puts one data source behind the framework.
type dataShell struct {
	d      catalog.DataSource
	name   string
	engine *engine
}

var _ datasource.DataSourceWithConfigure = (*dataShell)(nil)

func newDataShell(d catalog.DataSource) datasource.DataSource {
	return &dataShell{d: d, name: typePrefix + d.Name()}
}

// Metadata names the data source.
func (s *dataShell) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = s.name
}

// Schema is the data source's own.
func (s *dataShell) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = s.d.Schema
}

// Configure takes the provider's engine; there is none before the provider is configured.
func (s *dataShell) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	s.engine = engineOf(req.ProviderData, &resp.Diagnostics)
}

// Read asks the engine.
func (s *dataShell) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	summary := "data " + s.name + " not read"
	config, err := objectOf(ctx, s.d.Node(), req.Config.Raw)
	if err != nil {
		addBug(&resp.Diagnostics, s.name, err)
		return
	}
	e, err := s.engine.forData(ctx, s.d)
	if err != nil {
		addError(&resp.Diagnostics, s.d.Node(), summary, err)
		return
	}
	answer, err := s.d.Read(ctx, e, config)
	if err != nil {
		addError(&resp.Diagnostics, s.d.Node(), summary, err)
		return
	}
	answer, _, err = settled(ctx, s.d.Node(), answer) // an answer has no unknowns: what was not filled is null
	if err != nil {
		addBug(&resp.Diagnostics, s.name, err)
		return
	}
	raw, err := rawOf(ctx, answer)
	if err != nil {
		addBug(&resp.Diagnostics, s.name, err)
		return
	}
	resp.State.Raw = raw
}
