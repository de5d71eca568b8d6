package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// rescueTimeout bounds the read that finds out what a failed or interrupted operation left behind.
const rescueTimeout = 30 * time.Second

// create makes the object and returns what it became, also when it exists only in part: Terraform then taints it.
func (c core) create(ctx context.Context, engine *engine, config, planned types.Object, private privateState) (types.Object, diag.Diagnostics) {
	var diags diag.Diagnostics
	failed := func(err error) (types.Object, diag.Diagnostics) {
		addError(&diags, c.t.Node(), c.name+" not created", err)
		return c.t.Node().Null(), diags
	}
	e, err := engine.get(ctx)
	if err != nil {
		return failed(err)
	}
	whole, err := c.t.Node().WithWriteOnly(planned, config)
	if err != nil {
		addBug(&diags, c.name, err)
		return c.t.Node().Null(), diags
	}
	working, warnings := contract.Collect(ctx)
	created, err := c.t.Create(working, e, whole)
	addWarnings(&diags, c.name, warnings())
	var partial *contract.Partial
	if errors.As(err, &partial) {
		left := c.rescue(ctx, e, created, &diags)
		addError(&diags, c.t.Node(), c.name+" created, but not as planned", err)
		return left, diags
	}
	if err != nil {
		return failed(err)
	}
	state := c.settle(ctx, c.finish(ctx, e, planned, created, &diags), &diags)
	diags.Append(recordApplied(ctx, private, c.t.Node(), planned)...)
	return state, diags
}

// read refreshes an object. One that is gone is null; the next plan creates it again.
func (c core) read(ctx context.Context, engine *engine, last types.Object, private privateState) (types.Object, diag.Diagnostics) {
	var diags diag.Diagnostics
	if !engine.known() { // nobody can be asked yet: what is in the state stays
		return last, diags
	}
	failed := func(err error) (types.Object, diag.Diagnostics) {
		addError(&diags, c.t.Node(), c.name+" not read", err)
		return last, diags
	}
	e, err := engine.get(ctx)
	if err != nil { // of any class: a docker context that is not found is no object that is not found
		return failed(err)
	}
	read, err := c.t.Read(ctx, e, last)
	if errors.Is(err, errs.ErrNotFound) {
		tflog.Info(ctx, "object is gone", map[string]any{"type": c.name})
		return c.t.Node().Null(), diags
	}
	if err != nil {
		return failed(err)
	}
	if foreign(ctx, private) {
		taken, names, err := c.inherited(ctx, e, read)
		if err != nil {
			return failed(err)
		}
		read = taken
		diags.Append(recordInheritance(ctx, private, names)...)
	}
	return c.settle(ctx, read, &diags), diags
}

// update makes the planned changes. After a failure the object is what it has become, not what was planned.
func (c core) update(
	ctx context.Context, engine *engine, config, observed, planned types.Object, private privateState,
) (types.Object, diag.Diagnostics) {
	var diags diag.Diagnostics
	whole, err := c.t.Node().WithWriteOnly(planned, config)
	if err != nil {
		addBug(&diags, c.name, err)
		return observed, diags
	}
	e, err := engine.get(ctx)
	if err != nil {
		addError(&diags, c.t.Node(), c.name+" not updated", err)
		return observed, diags
	}
	changes := c.t.Diff(observed, planned, apiVersion(e))
	updated := observed
	switch {
	case len(changes) > 0 && changes.Effect() == contract.Replace:
		addBug(&diags, c.name, fmt.Errorf("asked to change in place what only a replacement can: %s", replaced(changes)))
		return observed, diags
	case len(changes) > 0:
		working, warnings := contract.Collect(ctx)
		updated, err = c.t.Update(working, e, observed, whole, changes)
		addWarnings(&diags, c.name, warnings())
	}
	if err != nil {
		left := c.rescue(ctx, e, observed, &diags)
		addError(&diags, c.t.Node(), c.name+" not updated", err)
		return left, diags
	}
	state := c.settle(ctx, c.finish(ctx, e, planned, updated, &diags), &diags)
	diags.Append(recordApplied(ctx, private, c.t.Node(), planned)...)
	return state, diags
}

// remove deletes the object; one that is gone already is no error.
func (c core) remove(ctx context.Context, engine *engine, observed types.Object) diag.Diagnostics {
	var diags diag.Diagnostics
	e, err := engine.get(ctx)
	if err != nil {
		addError(&diags, c.t.Node(), c.name+" not deleted", err)
		return diags
	}
	working, warnings := contract.Collect(ctx)
	err = c.t.Delete(working, e, observed)
	addWarnings(&diags, c.name, warnings())
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		addError(&diags, c.t.Node(), c.name+" not deleted", err)
	}
	return diags
}

// finish turns what an operation returned into what the state is to hold: values only the engine knows are read, and
// planned ones come back as they were planned. A result that differs from the plan is reported and kept.
func (c core) finish(ctx context.Context, e any, planned, result types.Object, diags *diag.Diagnostics) types.Object {
	if !known(ctx, result) {
		read, err := c.t.Read(ctx, e, result)
		switch {
		case errors.Is(err, errs.ErrNotFound):
			// Done and gone already (a container that removes itself): nobody can tell the rest any more.
			result = c.withoutUnknowns(ctx, result, diags)
		case err != nil:
			addError(diags, c.t.Node(), c.name+" is done, but could not be read afterwards", err)
			return c.withoutUnknowns(ctx, result, diags)
		default:
			result = read
		}
	}
	final, err := promised(ctx, c.t, planned, result)
	if err != nil {
		addBug(diags, c.name, err)
		return result
	}
	if err := c.t.Check(planned, final); err != nil {
		if why := c.t.Explain(ctx, e, planned, final); why != nil {
			addError(diags, c.t.Node(), c.name+" is done, but did not stay as planned", why)
		} else {
			addBug(diags, c.name, err)
		}
	}
	return final
}

// rescue reads what a failed operation left behind, also when the operation was interrupted. When that fails too, it is
// what was known before.
func (c core) rescue(ctx context.Context, e any, last types.Object, diags *diag.Diagnostics) types.Object {
	reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), rescueTimeout)
	defer cancel()
	left, err := c.t.Read(reading, e, last)
	if err != nil {
		left = last
	}
	return c.withoutUnknowns(ctx, left, diags)
}

func (c core) withoutUnknowns(ctx context.Context, object types.Object, diags *diag.Diagnostics) types.Object {
	clean, _, err := settled(ctx, c.t.Node(), object)
	if err != nil {
		addBug(diags, c.name, err)
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
