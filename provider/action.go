package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/resources/contract"
)

// actionShell puts one action behind the framework.
type actionShell struct {
	a      catalog.Action
	name   string
	engine *engine
}

var (
	_ provider.ProviderWithActions = (*Provider)(nil)
	_ action.ActionWithConfigure   = (*actionShell)(nil)
	_ action.ActionWithModifyPlan  = (*actionShell)(nil)
)

// Actions are all actions of the catalog.
func (p *Provider) Actions(context.Context) []func() action.Action {
	all := make([]func() action.Action, len(p.actions))
	for i, a := range p.actions {
		all[i] = func() action.Action { return &actionShell{a: a, name: typePrefix + a.Name()} }
	}
	return all
}

// Metadata names the action.
func (s *actionShell) Metadata(_ context.Context, _ action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = s.name
}

// Schema is the action's own.
func (s *actionShell) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = s.a.Schema
}

// Configure takes the provider's engine; there is none before the provider is configured.
func (s *actionShell) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	s.engine = engineOf(req.ProviderData, &resp.Diagnostics)
}

// ModifyPlan refuses what the engine cannot do. An engine that is not known, or need not be there yet, is not asked.
func (s *actionShell) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	e, err := s.engine.forPlan(ctx, false)
	if err != nil {
		addError(&resp.Diagnostics, s.a.Node(), s.summary(), err)
		return
	}
	if e != nil {
		s.ask(ctx, s.a.Planned, e, req.Config, &resp.Diagnostics)
	}
}

// Invoke does it. What the action reports on its way are its progress messages.
func (s *actionShell) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	e, err := s.engine.get(ctx)
	if err != nil {
		addError(&resp.Diagnostics, s.a.Node(), s.summary(), err)
		return
	}
	reporting := progress.With(ctx, func(event progress.Event) {
		if ctx.Err() == nil { // nobody reads them any more after that, and sending waits for somebody who does
			resp.SendProgress(action.InvokeProgressEvent{Message: event.Message})
		}
	})
	s.ask(reporting, s.a.Data, e, req.Config, &resp.Diagnostics)
}

func (s *actionShell) summary() string { return "action " + s.name + " not done" }

func (s *actionShell) ask(ctx context.Context, d contract.Data, e any, given tfsdk.Config, diags *diag.Diagnostics) {
	config, err := objectOf(ctx, d.Node(), given.Raw)
	if err != nil {
		addBug(diags, s.name, err)
		return
	}
	if _, err := d.Read(ctx, e, config); err != nil {
		addError(diags, d.Node(), s.summary(), err)
	}
}
