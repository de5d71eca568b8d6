package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// server is the provider as Terraform talks to it. The calls Terraform makes for every object of every run (validate,
// upgrade, read, plan, apply) it answers from the contract itself: the framework takes ten times as long for them, because
// it walks schema and values a dozen times for what our plan replaces as a whole. Everything else, and whatever is not the
// plain case of those calls, is the framework's, which it embeds: schemas, the provider block, data sources, functions,
// imports, lists, actions, states of older versions, declarations that are refused (their words), a host that is not known.
type server struct {
	framework
	types  map[string]*hosted
	engine *atomic.Pointer[engine]
}

// framework is what the framework serves: the protocol, and the parts of it that servers need not have.
type framework interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
}

// NewServer returns the protocol server of a provider.
func NewServer(ctx context.Context, p *Provider) (tfprotov6.ProviderServer, error) {
	engine := new(atomic.Pointer[engine])
	whole, err := providerserver.NewProtocol6WithError(listening{p, engine})()
	if err != nil {
		return nil, fmt.Errorf("framework's server: %w", err)
	}
	served, ok := whole.(framework)
	if !ok {
		return nil, fmt.Errorf("framework's server: %T serves no list resources or no actions", whole)
	}
	s := &server{framework: served, types: make(map[string]*hosted, len(p.resources)), engine: engine}
	for _, t := range p.resources {
		h := newHosted(ctx, t)
		s.types[h.name] = h
	}
	return s, nil
}

// listening is a provider whose engine the server hears of.
type listening struct {
	*Provider
	engine *atomic.Pointer[engine]
}

// Configure is the provider's.
func (l listening) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	l.Provider.Configure(ctx, req, resp)
	l.engine.Store(engineOf(resp.ResourceData, &resp.Diagnostics))
}

// known returns the type of that name and the engine to ask; false where the framework is to answer.
func (s *server) known(name string) (*hosted, *engine, bool) {
	h, ok := s.types[name]
	e := s.engine.Load()
	return h, e, ok && e.known()
}

// ValidateResourceConfig passes a declaration without fault.
func (s *server) ValidateResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if h, ok := s.types[req.TypeName]; ok {
		config, err := h.decode(ctx, req.Config)
		if err == nil && h.t.Node().Plain(config) && len(h.t.Validate(ctx, config)) == 0 {
			return &tfprotov6.ValidateResourceConfigResponse{}, nil
		}
	}
	resp, err := s.framework.ValidateResourceConfig(ctx, req)
	if err == nil {
		resp.Diagnostics = withoutItems(resp.Diagnostics)
	}
	return resp, err
}

// withoutItems are diagnostics without the items of sets in their texts: a validator of the framework names what it
// refuses by its whole path, in which an item of a set is its value, and that may hold secrets. What is said of an item by
// the framework and by us is told once.
func withoutItems(found []*tfprotov6.Diagnostic) []*tfprotov6.Diagnostic {
	var kept []*tfprotov6.Diagnostic
	for _, d := range found {
		if from, to := strings.Index(d.Detail, "[Value("), strings.LastIndex(d.Detail, ")]"); from >= 0 && from < to {
			d.Detail = d.Detail[:from] + d.Detail[to+len(")]"):]
		}
		told := func(k *tfprotov6.Diagnostic) bool {
			return k.Severity == d.Severity && k.Summary == d.Summary && k.Detail == d.Detail && inSet(k.Attribute)
		}
		if !inSet(d.Attribute) || !slices.ContainsFunc(kept, told) {
			kept = append(kept, d)
		}
	}
	return kept
}

func inSet(at *tftypes.AttributePath) bool {
	return slices.ContainsFunc(at.Steps(), func(step tftypes.AttributePathStep) bool { _, ok := step.(tftypes.ElementKeyValue); return ok })
}

// UpgradeResourceState passes a state of the current version.
func (s *server) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if h, ok := s.types[req.TypeName]; ok && req.Version == h.t.Node().Version && req.RawState != nil {
		var diags diag.Diagnostics
		if stored, err := storedObject(h.t.Node(), req.RawState.JSON); err == nil {
			return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: h.encode(ctx, stored, &diags), Diagnostics: wireDiagnostics(ctx, diags)}, nil
		}
	}
	return s.framework.UpgradeResourceState(ctx, req)
}

// ReadResource refreshes an object, unless it was imported just now.
func (s *server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	h, e, ok := s.known(req.TypeName)
	private, plain := openPrivate(req.Private)
	if !ok || !plain || private.has(importedKey) {
		return s.framework.ReadResource(ctx, req)
	}
	last, err := h.decode(ctx, req.CurrentState)
	if err != nil {
		return s.framework.ReadResource(ctx, req)
	}
	read, diags := h.read(ctx, e, last, private)
	resp := &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, NewIdentity: h.identityOr(ctx, req.CurrentIdentity)}
	if !diags.HasError() {
		resp.NewState = h.encode(ctx, read, &diags)
		resp.NewIdentity = h.identityOr(ctx, req.CurrentIdentity, last, read)
	}
	resp.Private, resp.Diagnostics = private.bytes(), wireDiagnostics(ctx, diags)
	return resp, nil
}

// PlanResourceChange plans what becomes of an object.
func (s *server) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	h, e, ok := s.known(req.TypeName)
	private, plain := openPrivate(req.PriorPrivate)
	if !ok || !plain {
		return s.framework.PlanResourceChange(ctx, req)
	}
	resp := &tfprotov6.PlanResourceChangeResponse{
		PlannedState: req.ProposedNewState, PlannedPrivate: req.PriorPrivate, PlannedIdentity: h.identityOr(ctx, req.PriorIdentity),
	}
	if isNull(req.ProposedNewState) { // to be destroyed: there is nothing to plan
		return resp, nil
	}
	config, err := h.decode(ctx, req.Config)
	if err != nil {
		return s.framework.PlanResourceChange(ctx, req)
	}
	observed, err := h.decode(ctx, req.PriorState)
	if err != nil {
		return s.framework.PlanResourceChange(ctx, req)
	}
	planned, replace, diags := h.plan(ctx, e, config, observed, private)
	if !diags.HasError() {
		resp.PlannedState = h.encode(ctx, planned, &diags)
	}
	resp.RequiresReplace = wirePaths(ctx, replace)
	resp.PlannedPrivate, resp.Diagnostics = private.bytes(), wireDiagnostics(ctx, diags)
	return resp, nil
}

// ApplyResourceChange creates, updates or deletes an object.
func (s *server) ApplyResourceChange(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	h, e, ok := s.known(req.TypeName)
	private, plain := openPrivate(req.PlannedPrivate)
	if !ok || !plain {
		return s.framework.ApplyResourceChange(ctx, req)
	}
	var objects [3]types.Object
	for i, value := range []*tfprotov6.DynamicValue{req.Config, req.PriorState, req.PlannedState} {
		var err error
		if objects[i], err = h.decode(ctx, value); err != nil {
			return s.framework.ApplyResourceChange(ctx, req)
		}
	}
	config, observed, planned := objects[0], objects[1], objects[2]
	if planned.IsNull() {
		return h.destroy(ctx, e, req, observed), nil
	}
	var state types.Object
	var diags diag.Diagnostics
	if observed.IsNull() {
		state, diags = h.create(ctx, e, config, planned, private)
	} else {
		state, diags = h.update(ctx, e, config, observed, planned, private)
	}
	resp := &tfprotov6.ApplyResourceChangeResponse{NewState: h.encode(ctx, state, &diags), Private: private.bytes()}
	resp.NewIdentity = h.identityOr(ctx, req.PlannedIdentity, state)
	resp.Diagnostics = wireDiagnostics(ctx, diags)
	return resp, nil
}
