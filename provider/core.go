package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// core is what Terraform can ask of one resource type, on objects of its node. It knows nothing of who brings the request:
// the framework, by [shell], or Terraform itself, by [server]. A null object is none.
type core struct {
	t    contract.Resource
	name string
}

func newCore(t contract.Resource) core { return core{t: t, name: typePrefix + t.Name()} }

// plan computes what is to become of an object, and by which attributes it is replaced.
func (c core) plan(ctx context.Context, engine *engine, config, observed types.Object, private privateState) (types.Object, path.Paths, diag.Diagnostics) {
	var diags diag.Diagnostics
	failed := func(err error) (types.Object, path.Paths, diag.Diagnostics) {
		addError(&diags, c.t.Node(), c.name+" cannot be planned", err)
		return c.t.Node().Null(), nil, diags
	}
	exists := !observed.IsNull()
	e, err := engine.forPlan(ctx, exists)
	if err != nil {
		return failed(err)
	}
	names := inheritance(ctx, private)
	switch {
	case !exists && len(names) > 0: // its successor inherits nothing
		names = nil
		diags.Append(recordInheritance(ctx, private, names)...)
	case exists && e != nil && foreign(ctx, private): // not read before: -refresh=false
		if observed, names, err = c.reread(ctx, e, observed); err != nil {
			return failed(err)
		}
		diags.Append(recordInheritance(ctx, private, names)...)
	}
	plan, err := c.t.Plan(ctx, e, contract.Request{
		Config: config, Observed: observed, Applied: lastApplied(ctx, private), Inherited: names,
		APIVersion: apiVersion(e), Lacks: contract.LacksOf(e),
	})
	if err != nil {
		return failed(err)
	}
	if !exists {
		return plan.Planned, nil, diags
	}
	replace, told := c.explain(ctx, plan.Changes)
	return plan.Planned, replace, append(diags, told...)
}

// explain tells Terraform which changes replace, and people why. Terraform shows the values of a change and that it
// replaces; a warning says only what neither tells. The cause goes to the log: a warning on every plan is noise.
func (c core) explain(ctx context.Context, changes contract.Changes) (replace path.Paths, diags diag.Diagnostics) {
	for _, change := range changes {
		at := path.Root(change.Path)
		if change.Effect == contract.Replace {
			replace.Append(at)
		}
		tflog.Info(ctx, "planned change", map[string]any{
			"attribute": change.Path, "effect": change.Effect.String(), "cause": string(change.Cause), "reason": change.Reason,
		})
		if change.Reason == "" {
			continue
		}
		will := "will be updated"
		if change.Effect == contract.Replace {
			will = "will be replaced"
		}
		diags.AddAttributeWarning(at, fmt.Sprintf("%s %s", c.name, will), fmt.Sprintf("%s: %s", change.Path, change.Reason))
	}
	return replace, diags
}

// find imports an object by what the type accepts as its id, usually a name or an id.
func (c core) find(ctx context.Context, engine *engine, id string) (types.Object, diag.Diagnostics) {
	var diags diag.Diagnostics
	found := c.t.Node().Null()
	e, err := engine.get(ctx)
	if err == nil {
		found, err = c.t.Import(ctx, e, id)
		if errors.Is(err, errs.ErrNotFound) {
			err = fmt.Errorf("there is no %s called %q on this host: %w", c.t.Name(), id, err)
		}
	}
	if err != nil {
		addError(&diags, c.t.Node(), c.name+" not imported", err)
		return c.t.Node().Null(), diags
	}
	return c.settle(ctx, found, &diags), diags
}

// settle returns an object as a state may hold it. Unknowns left in it are a mistake of the type: they become null, and
// are reported.
func (c core) settle(ctx context.Context, object types.Object, diags *diag.Diagnostics) types.Object {
	clean, open, err := settled(ctx, c.t.Node(), object)
	if err != nil {
		addBug(diags, c.name, err)
		return c.t.Node().Null()
	}
	if len(open) > 0 {
		diags.AddWarning("Bug in the provider", fmt.Sprintf("%s: no value for %v after the operation. Please report this.", c.name, open))
	}
	return clean
}

// identity returns the value of the attribute the type is identified by; null for no object.
func (c core) identity(object types.Object) types.String {
	value, _ := object.Attributes()[c.t.IdentifiedBy()].(types.String)
	return value
}
