package provider

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/resources/contract"
)

// listShell puts one list behind the framework, with the type of what it lists.
type listShell struct {
	l      catalog.List
	t      contract.Resource
	name   string
	engine *engine
}

var (
	_ provider.ProviderWithListResources = (*Provider)(nil)
	_ list.ListResourceWithConfigure     = (*listShell)(nil)
)

// ListResources are all lists of the catalog whose types the provider has.
func (p *Provider) ListResources(context.Context) []func() list.ListResource {
	var all []func() list.ListResource
	for _, l := range p.lists {
		if i := slices.IndexFunc(p.resources, func(t contract.Resource) bool { return t.Name() == l.Name() }); i >= 0 {
			all = append(all, func() list.ListResource { return &listShell{l: l, t: p.resources[i], name: typePrefix + l.Name()} })
		}
	}
	return all
}

// Metadata names the type.
func (s *listShell) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = s.name
}

// ListResourceConfigSchema is the list's own.
func (s *listShell) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = s.l.Schema
}

// Configure takes the provider's engine; there is none before the provider is configured.
func (s *listShell) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	s.engine = engineOf(req.ProviderData, &resp.Diagnostics)
}

// List gives the identity of each object, and the object where it is asked for. What is gone by then is none.
func (s *listShell) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	stream.Results = func(push func(list.ListResult) bool) {
		failed := func(err error) {
			result := req.NewListResult(ctx)
			addError(&result.Diagnostics, s.l.Node(), "list "+s.name+" not read", err)
			push(result)
		}
		e, found, err := s.found(ctx, req)
		if err != nil {
			failed(err)
			return
		}
		sent := int64(0)
		for _, f := range found {
			if req.Limit > 0 && sent == req.Limit {
				return
			}
			result, err := s.result(ctx, req, e, f)
			if errors.Is(err, errs.ErrNotFound) {
				continue
			}
			if err != nil {
				failed(err)
				return
			}
			sent++
			if !push(result) {
				return
			}
		}
	}
}

func (s *listShell) found(ctx context.Context, req list.ListRequest) (any, []contract.Found, error) {
	config, err := objectOf(ctx, s.l.Node(), req.Config.Raw)
	if err != nil {
		return nil, nil, err
	}
	e, err := s.engine.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := s.l.List(ctx, e, config)
	return e, found, err
}

func (s *listShell) result(ctx context.Context, req list.ListRequest, e any, f contract.Found) (list.ListResult, error) {
	result := req.NewListResult(ctx)
	result.DisplayName = f.Name
	var err error
	if result.Identity.Raw, err = rawOf(ctx, identityObject(s.t, types.StringValue(f.Identity))); err != nil || !req.IncludeResource {
		return result, err
	}
	object, err := s.t.Import(ctx, e, f.Identity)
	if err != nil {
		return result, err
	}
	if object, _, err = settled(ctx, s.t.Node(), object); err != nil {
		return result, err
	}
	result.Resource.Raw, err = rawOf(ctx, object)
	return result, err
}
