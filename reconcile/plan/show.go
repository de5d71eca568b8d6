package plan

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
)

// Observe reads every object that is ours. The steps have only what it is now.
func Observe(ctx context.Context, in Input) ([]*Step, hcl.Diagnostics) {
	relocate(in.Config, in.Hosts)
	b := newBuilder(in)
	var all sync.WaitGroup
	for key, host := range b.onceEach() {
		for _, o := range host.Inventory.Objects {
			resource, ok := in.Types.Resources[o.Address.Type]
			if !ok {
				continue
			}
			s, err := removal(resource, key, host, o)
			if err != nil {
				b.report(problem(o.Address, nil, err))
				continue
			}
			s.Action = NoOp
			if declared, ok := in.Config.Resource(o.Address.Resource()); ok {
				s.Declared = &declared.Range
			}
			all.Go(func() {
				err := in.Limiter.Do(ctx, func(ctx context.Context) (err error) {
					s.Before, err = resource.Read(ctx, host.Engine, s.Before)
					s.After = s.Before
					return err
				})
				if errors.Is(err, errs.ErrNotFound) {
					return
				}
				if err != nil {
					b.report(problem(o.Address, nil, err))
					return
				}
				b.add(s)
			})
		}
	}
	all.Wait()
	p := &Plan{Steps: b.steps}
	p.sort()
	return p.Steps, b.diags
}

// Adopt plans a declared object as if the one of that name or id were ours already.
func Adopt(ctx context.Context, in Input, address graph.Instance, id string) (*Step, hcl.Diagnostics) {
	if _, ok := in.Config.Resource(address.Resource()); !ok {
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Not declared",
			Detail: "There is no " + address.String() + " in the configuration. Declare it first; what the declaration leaves open is seen in the next plan.",
		}}
	}
	p, diags := build(ctx, in, map[graph.Instance]string{address: id})
	if diags.HasErrors() {
		return nil, diags
	}
	s, ok := p.Step(address)
	if !ok || s.Adopting == "" {
		detail := "It has an object already; cleat explain '" + address.String() + "' shows it."
		if !ok {
			detail = "The block has no such instance."
		}
		return nil, append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Not adopted: " + address.String(), Detail: detail})
	}
	if id, ok := s.Before.Attributes()["id"].(types.String); ok {
		s.ID = id.ValueString()
	}
	for _, h := range in.Hosts {
		if by, taken := ownerOf(h.Inventory, address.Type, s.ID); taken && by != address {
			return nil, append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Not adopted: " + address.String(), Detail: "The object is " + by.String() + " already.",
			})
		}
	}
	return s, diags
}

func ownerOf(inventory *observe.Inventory, typ, id string) (graph.Instance, bool) {
	for _, o := range inventory.Objects {
		if o.ID == id && o.Address.Type == typ {
			return o.Address, true
		}
	}
	return graph.Instance{}, false
}
