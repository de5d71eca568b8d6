package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cleat-dev/cleat/resources/contract"
)

// ModifyPlan replaces the framework's proposal, its defaults and unknowns included, by the contract's plan.
func (s *shell) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() { // to be destroyed: there is nothing to plan
		return
	}
	config, ok := s.object(ctx, req.Config.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	observed, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	summary := s.name + " cannot be planned"
	exists := !observed.IsNull()
	e, err := s.engine.forPlan(ctx, exists)
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	plan, err := s.t.Plan(ctx, e, contract.Request{
		Config: config, Observed: observed, Applied: lastApplied(ctx, req.Private), APIVersion: apiVersion(e), Lacks: contract.LacksOf(e),
	})
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	raw, err := rawOf(ctx, plan.Planned)
	if err != nil {
		addBug(&resp.Diagnostics, s.name, err)
		return
	}
	resp.Plan.Raw = raw
	if exists {
		s.explain(ctx, plan.Changes, resp)
	}
}

// explain tells Terraform which changes replace, and people why. Terraform shows the values of a change and that it
// replaces; a warning says only what neither tells. The cause goes to the log: a warning on every plan is noise.
func (s *shell) explain(ctx context.Context, changes contract.Changes, resp *resource.ModifyPlanResponse) {
	for _, c := range changes {
		at := path.Root(c.Path)
		if c.Effect == contract.Replace {
			resp.RequiresReplace.Append(at)
		}
		tflog.Info(ctx, "planned change", map[string]any{
			"attribute": c.Path, "effect": c.Effect.String(), "cause": string(c.Cause), "reason": c.Reason,
		})
		if c.Reason == "" {
			continue
		}
		will := "will be updated"
		if c.Effect == contract.Replace {
			will = "will be replaced"
		}
		resp.Diagnostics.AddAttributeWarning(at, fmt.Sprintf("%s %s", s.name, will), fmt.Sprintf("%s: %s", c.Path, c.Reason))
	}
}
