package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// rescueTimeout bounds the read that finds out what a failed or interrupted operation left behind.
const rescueTimeout = 30 * time.Second

// Create makes the object and puts what it became into the state, also when it exists only in part: Terraform then
// taints it.
func (s *shell) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	planned, ok := s.object(ctx, req.Plan.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	summary := s.name + " not created"
	e, err := s.engine.get(ctx)
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	created, err := s.t.Create(ctx, e, planned)
	var partial *contract.Partial
	if errors.As(err, &partial) {
		s.rescue(ctx, e, created, &resp.Diagnostics, func(left types.Object) {
			s.putSettled(ctx, left, &resp.State.Raw, &resp.Diagnostics)
		})
		addError(&resp.Diagnostics, s.t.Node(), s.name+" created, but not as planned", err)
		return
	}
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	s.put(ctx, s.finish(ctx, e, planned, created, &resp.Diagnostics), &resp.State.Raw, &resp.Diagnostics)
	resp.Diagnostics.Append(recordApplied(ctx, resp.Private, s.t.Node(), planned)...)
}

// Read refreshes the state. An object that is gone leaves it; the next plan creates it again.
func (s *shell) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if !s.engine.known() { // nobody can be asked yet: what is in the state stays
		return
	}
	last, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	summary := s.name + " not read"
	e, err := s.engine.get(ctx)
	if err != nil { // of any class: a docker context that is not found is no object that is not found
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	read, err := s.t.Read(ctx, e, last)
	switch {
	case errors.Is(err, errs.ErrNotFound):
		tflog.Info(ctx, "object is gone", map[string]any{"type": s.name})
		resp.State.RemoveResource(ctx)
	case err != nil:
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
	default:
		s.put(ctx, read, &resp.State.Raw, &resp.Diagnostics)
	}
}

// Update makes the planned changes. After a failure the state is what the object has become, not what was planned.
func (s *shell) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	observed, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	planned, ok := s.object(ctx, req.Plan.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	summary := s.name + " not updated"
	e, err := s.engine.get(ctx)
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	changes := s.t.Diff(observed, planned, apiVersion(e))
	updated := observed
	switch {
	case len(changes) > 0 && changes.Effect() == contract.Replace:
		addBug(&resp.Diagnostics, s.name, fmt.Errorf("asked to change in place what only a replacement can: %s", replaced(changes)))
		return
	case len(changes) > 0:
		updated, err = s.t.Update(ctx, e, observed, planned, changes)
	}
	if err != nil {
		s.rescue(ctx, e, observed, &resp.Diagnostics, func(left types.Object) {
			s.putSettled(ctx, left, &resp.State.Raw, &resp.Diagnostics)
		})
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	s.put(ctx, s.finish(ctx, e, planned, updated, &resp.Diagnostics), &resp.State.Raw, &resp.Diagnostics)
	resp.Diagnostics.Append(recordApplied(ctx, resp.Private, s.t.Node(), planned)...)
}

// Delete removes the object; one that is gone already is no error.
func (s *shell) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	observed, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	summary := s.name + " not deleted"
	e, err := s.engine.get(ctx)
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	if err := s.t.Delete(ctx, e, observed); err != nil && !errors.Is(err, errs.ErrNotFound) {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
	}
}

// finish turns what an operation returned into what the state is to hold: values only the engine knows are read, and
// planned ones come back as they were planned. A result that differs from the plan is reported and kept.
func (s *shell) finish(ctx context.Context, e any, planned, result types.Object, diags *diag.Diagnostics) types.Object {
	if !known(ctx, result) {
		read, err := s.t.Read(ctx, e, result)
		switch {
		case errors.Is(err, errs.ErrNotFound):
			// Done and gone already (a container that removes itself): nobody can tell the rest any more.
			result = s.withoutUnknowns(ctx, result, diags)
		case err != nil:
			addError(diags, s.t.Node(), s.name+" is done, but could not be read afterwards", err)
			return s.withoutUnknowns(ctx, result, diags)
		default:
			result = read
		}
	}
	final, err := promised(ctx, s.t, planned, result)
	if err != nil {
		addBug(diags, s.name, err)
		return result
	}
	if err := s.t.Check(planned, final); err != nil {
		addBug(diags, s.name, err)
	}
	return final
}

// rescue reads what a failed operation left behind, also when the operation was interrupted, and hands it to keep.
// When that fails too, keep gets what was known before.
func (s *shell) rescue(ctx context.Context, e any, last types.Object, diags *diag.Diagnostics, keep func(left types.Object)) {
	reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), rescueTimeout)
	defer cancel()
	left, err := s.t.Read(reading, e, last)
	if err != nil {
		left = last
	}
	keep(s.withoutUnknowns(ctx, left, diags))
}

func (s *shell) withoutUnknowns(ctx context.Context, object types.Object, diags *diag.Diagnostics) types.Object {
	clean, _, err := settled(ctx, s.t.Node(), object)
	if err != nil {
		addBug(diags, s.name, err)
	}
	return clean
}

func replaced(changes contract.Changes) string {
	var paths []string
	for _, c := range changes {
		if c.Effect == contract.Replace {
			paths = append(paths, c.Path)
		}
	}
	return strings.Join(paths, ", ")
}
