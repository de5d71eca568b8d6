package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/generate"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Show reports the objects that are ours as they are now.
func (p *Project) Show(ctx context.Context) ([]*plan.Step, hcl.Diagnostics) {
	in, diags := p.input(ctx, PlanOptions{})
	if diags.HasErrors() {
		return nil, diags
	}
	steps, more := plan.Observe(ctx, in)
	return steps, append(diags, more...)
}

// Outputs are the outputs as of the last apply.
func (p *Project) Outputs(ctx context.Context) (map[string]plan.Output, hcl.Diagnostics) {
	in, diags := p.input(ctx, PlanOptions{})
	if diags.HasErrors() {
		return nil, diags
	}
	outputs := map[string]plan.Output{}
	for name, value := range in.Recorded {
		outputs[name] = plan.Output{Name: name, Before: value, After: value}
	}
	return outputs, diags
}

// Adopt takes over an object that exists. The step shows what the next plan would change of it.
func (p *Project) Adopt(ctx context.Context, address graph.Instance, id string) (*plan.Step, hcl.Diagnostics) {
	in, diags := p.input(ctx, PlanOptions{Targets: []graph.Target{graph.Target(address)}})
	if diags.HasErrors() {
		return nil, diags
	}
	step, more := plan.Adopt(ctx, in, address, id)
	if diags = append(diags, more...); diags.HasErrors() {
		return nil, diags
	}
	host := in.Hosts[step.Provider]
	next := host.Inventory.Ledger.Clone()
	record := plan.RecordOf(p.types.Resources[address.Type], step, step.Before)
	record.ID, record.Applied = step.ID, nil // nothing of the declaration was applied yet
	next.Records[address.String()] = record
	delete(next.Forgotten, step.ID)
	if _, err := host.Inventory.Ledger.Write(ctx, p.hosts[step.Provider].wrapped, p.name, next); err != nil {
		return nil, append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Not recorded", Detail: err.Error()})
	}
	return step, diags
}

// Generate writes the configuration of what is on the engines and of no project: of the types named, or of all that
// engines list. It changes nothing.
func (p *Project) Generate(ctx context.Context, only []string) (*generate.Result, hcl.Diagnostics) {
	in, diags := p.input(ctx, PlanOptions{})
	if diags.HasErrors() {
		return nil, diags
	}
	seen := map[*endpoint]bool{}
	hosts := map[config.ProviderKey]*plan.Host{}
	for _, key := range p.config.Providers() {
		if at := p.hosts[key]; at != nil && key.Module.IsRoot() && !seen[at.endpoint] {
			hosts[key], seen[at.endpoint] = in.Hosts[key], true
		}
	}
	if len(hosts) == 0 {
		hosts = in.Hosts
	}
	result, err := generate.Write(ctx, generate.Input{
		Types: p.types, Hosts: hosts, Only: only,
		Declared: func(r graph.Resource) bool { _, ok := p.config.Resource(r); return ok },
	})
	if err != nil {
		return nil, append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Engine not readable", Detail: err.Error()})
	}
	return result, diags
}

// Explanation is all that is known of one object.
type Explanation struct {
	Step     *plan.Step
	Resource *config.Resource
	Record   ownership.Record
	ID       string
	// Engine is the address of the engine the object is on.
	Engine          string
	Needs, NeededBy []graph.Resource
}

// Explain says what is known of an object: where it is declared, what it is, what a plan would do with it and why.
func (p *Project) Explain(ctx context.Context, address graph.Instance) (*Explanation, hcl.Diagnostics) {
	made, diags := p.Plan(ctx, PlanOptions{Targets: []graph.Target{graph.Target(address)}})
	if diags.HasErrors() {
		return nil, diags
	}
	step, ok := made.Step(address)
	if !ok {
		return nil, append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "No such object", Detail: fmt.Sprintf("%s is neither declared nor on the engine. cleat show lists what there is.", address),
		})
	}
	e := &Explanation{Step: step, ID: step.ID, Record: step.Record, Needs: step.Needs}
	if at, ok := p.hosts[step.Provider]; ok {
		e.Engine = at.endpoint.address
	}
	e.Resource, _ = p.config.Resource(address.Resource())
	for _, n := range p.config.Graph().Dependants(config.NodeOf(address.Resource())) {
		if n.HasInstances() {
			e.NeededBy = append(e.NeededBy, n.Resource())
		}
	}
	return e, diags
}

// History are the last applies, newest last.
func (p *Project) History(ctx context.Context) ([]ownership.Applied, hcl.Diagnostics) {
	_, diags := p.input(ctx, PlanOptions{})
	if diags.HasErrors() {
		return nil, diags
	}
	var all []ownership.Applied
	for _, e := range p.ordered() {
		all = append(all, e.inventory.Ledger.History...)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.Before(all[j].Time) })
	return all, diags
}

// saved is the form of a plan file. It holds no values: what is declared is read again, must be what was declared
// then, and the plan made again must not be more than the one saved.
type saved struct {
	Format      int         `json:"format"`
	Project     string      `json:"project"`
	Destroy     bool        `json:"destroy,omitempty"`
	RefreshOnly bool        `json:"refresh_only,omitempty"`
	Targets     []string    `json:"targets,omitempty"`
	Replace     []string    `json:"replace,omitempty"`
	Steps       []savedStep `json:"steps"`
}

type savedStep struct {
	Address  string      `json:"address"`
	Provider string      `json:"provider"`
	Deposed  string      `json:"deposed,omitempty"`
	Action   plan.Action `json:"action"`
	ID       string      `json:"id,omitempty"`
	Changes  []string    `json:"changes,omitempty"`
	// Declared are fingerprints of the declaration, of what is to be created or changed.
	Declared contract.Applied `json:"declared,omitempty"`
}

const savedFormat = 1

// SavePlan writes a plan to be applied later. Variables are not saved: they are given again.
func (p *Project) SavePlan(w io.Writer, made *plan.Plan, o PlanOptions) error {
	file := saved{Format: savedFormat, Project: p.name, Destroy: o.Destroy, RefreshOnly: o.RefreshOnly}
	for _, t := range o.Targets {
		file.Targets = append(file.Targets, t.String())
	}
	for _, t := range o.Replace {
		file.Replace = append(file.Replace, t.String())
	}
	for _, s := range made.Steps {
		step := savedStep{Address: s.Address.String(), Provider: s.Provider.String(), Deposed: s.Deposed, Action: s.Action, ID: s.ID}
		for _, c := range s.Changes {
			step.Changes = append(step.Changes, c.Path)
		}
		if s.Changing() && !s.Config.IsNull() {
			step.Declared = contract.AppliedOf(s.Node, s.Config, s.Sensitive)
		}
		file.Steps = append(file.Steps, step)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(file)
}

// LoadPlan reads a saved plan and makes it again from what is declared and what the engines hold now. It is refused
// when it would do more than what was saved.
func (p *Project) LoadPlan(ctx context.Context, r io.Reader) (*plan.Plan, hcl.Diagnostics) {
	var file saved
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil || file.Format != savedFormat {
		return nil, planFile("It is not a plan file of this cleat. Make it again: cleat plan -out=FILE.")
	}
	if file.Project != p.name {
		return nil, planFile(fmt.Sprintf("It is of project %q, this directory is project %q.", file.Project, p.name))
	}
	o := PlanOptions{Destroy: file.Destroy, RefreshOnly: file.RefreshOnly}
	for _, list := range []struct {
		texts []string
		into  *[]graph.Target
	}{{file.Targets, &o.Targets}, {file.Replace, &o.Replace}} {
		for _, text := range list.texts {
			t, err := graph.ParseTarget(text)
			if err != nil {
				return nil, planFile(err.Error())
			}
			*list.into = append(*list.into, t)
		}
	}
	o.replaced = map[string]string{} // applied twice, a plan replaces once
	for _, s := range file.Steps {
		if s.Deposed == "" {
			o.replaced[s.Address] = s.ID
		}
	}
	made, diags := p.Plan(ctx, o)
	if diags.HasErrors() {
		return made, diags
	}
	return made, append(diags, file.within(made)...)
}

func planFile(detail string) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Plan file", Detail: detail}}
}

// within refuses a plan that does more than the saved one.
func (f saved) within(made *plan.Plan) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, now := range made.Steps {
		i := slices.IndexFunc(f.Steps, func(s savedStep) bool {
			return s.Address == now.Address.String() && s.Provider == now.Provider.String() && s.Deposed == now.Deposed
		})
		var planned *plan.Step
		if i >= 0 {
			planned = f.Steps[i].step(now)
		}
		err := plan.Within(planned, now)
		if err == nil && i >= 0 && now.Action == plan.Delete && f.Steps[i].ID != now.ID {
			err = fmt.Errorf("%s: another object has its place now (%.12s, planned was %.12s); plan again", now.Address, now.ID, f.Steps[i].ID)
		}
		if err == nil && i >= 0 && now.Changing() && f.Steps[i].Declared != nil {
			if names := f.Steps[i].Declared.Differs(now.Node, now.Config); len(names) > 0 {
				err = fmt.Errorf("%s: declared otherwise than when it was planned: %s; give the same variables, or plan again", now.Address, strings.Join(names, ", "))
			}
		}
		if err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "The plan is out of date", Detail: err.Error() + ".", Subject: now.Declared})
		}
	}
	return diags
}

// step is a saved step in the form the bound is computed with.
func (s savedStep) step(now *plan.Step) *plan.Step {
	step := &plan.Step{Address: now.Address, Action: s.Action}
	for _, path := range s.Changes {
		step.Changes = append(step.Changes, plan.Named(path))
	}
	return step
}
