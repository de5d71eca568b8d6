package view

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// jsonRun writes a plan and an apply as JSON lines.
type jsonRun struct {
	*jsonBase

	state    sync.Mutex
	applying bool
	destroy  bool
	last     map[graph.Instance]time.Time
}

func newJSONRun(o Options) *jsonRun {
	j := &jsonRun{jsonBase: newJSONBase(o), last: map[graph.Instance]time.Time{}}
	j.line("info", "version", "cleat "+o.Version, fields{"cleat": o.Version, "ui": uiVersion})
	return j
}

// Settle has nothing to end.
func (j *jsonRun) Settle() {}

// Applying starts over for the operations of an apply.
func (j *jsonRun) Applying(p *plan.Plan) {
	j.state.Lock()
	defer j.state.Unlock()
	j.applying, j.destroy = true, p.Destroy
}

// jsonKinds are the types of lines of events.
var jsonKinds = map[apply.EventKind]struct{ level, apply, refresh string }{
	apply.Started:   {"info", "apply_start", "refresh_start"},
	apply.Progress:  {"info", "apply_progress", "refresh_progress"},
	apply.Completed: {"info", "apply_complete", "refresh_complete"},
	apply.Errored:   {"error", "apply_errored", "refresh_errored"},
	apply.Skipped:   {"warn", "apply_skipped", "refresh_skipped"},
}

// Observe writes an event; progress at most every second for one object and phase.
func (j *jsonRun) Observe(e apply.Event) {
	j.state.Lock()
	applying := j.applying
	now := j.now()
	last, seen := j.last[e.Address]
	dropped := e.Kind == apply.Progress && seen && now.Sub(last) < time.Second
	if !dropped {
		j.last[e.Address] = now
	}
	if e.Kind != apply.Progress {
		delete(j.last, e.Address)
	}
	j.state.Unlock()
	k, ok := jsonKinds[e.Kind]
	if dropped || !ok {
		return
	}
	kind := k.refresh
	if applying {
		kind = k.apply
	}
	j.line(k.level, kind, told(false, e), fields{"hook": jsonEvent(e)})
}

func jsonEvent(e apply.Event) fields {
	f := fields{"resource": jsonAddress(e.Address), "action": string(e.Action)}
	if e.Kind != apply.Started {
		f["elapsed_seconds"] = e.Elapsed.Seconds()
	}
	for name, text := range map[string]string{"host": e.Host, "phase": e.Phase, "message": e.Message, "id_value": e.ID} {
		if text != "" {
			f[name] = text
		}
	}
	if e.ID != "" {
		f["id_key"] = "id"
	}
	if e.Total > 0 {
		f["current"], f["total"] = e.Current, e.Total
	}
	if e.Err != nil {
		f["error"] = e.Err.Error()
	}
	return f
}

// Planned writes a line for each object something happens to, then the summary and the outputs.
func (j *jsonRun) Planned(p *plan.Plan) {
	kind := "planned_change"
	if p.RefreshOnly {
		kind = "resource_drift"
	}
	for _, s := range p.Steps {
		if s.Changing() || s.Action == plan.Read {
			j.line("info", kind, s.Address.String()+" "+fate(s, p.RefreshOnly), fields{"change": jsonStep(s)})
		}
	}
	summary := p.Summary()
	j.line("info", "change_summary", planned(summary), fields{"changes": jsonSummary(summary, "plan")})
	outputs := fields{}
	for _, o := range p.Outputs {
		outputs[o.Name] = jsonPlannedOutput(o)
	}
	if len(outputs) > 0 {
		j.line("info", "outputs", fmt.Sprintf("Outputs: %d", len(outputs)), fields{"outputs": outputs})
	}
}

func jsonSummary(s plan.Summary, operation string) fields {
	return fields{
		"add": s.Add, "change": s.Change, "replace": s.Replace, "remove": s.Destroy, "import": s.Adopt, "forget": s.Forget,
		"operation": operation,
	}
}

func jsonPlannedOutput(o plan.Output) fields {
	action := "no-op"
	switch {
	case !o.Changed():
	case o.Before == cty.NilVal:
		action = "create"
	case o.After == cty.NilVal:
		action = "delete"
	default:
		action = "update"
	}
	f := fields{"sensitive": o.Sensitive, "action": action}
	if after := fromCty(o.After); after.kind != null && !after.hasUnknown() {
		after.sensitive = o.Sensitive
		f["value"] = after.plain()
	}
	return f
}

// jsonStep is what happens to one object, with the attributes and the cause of each change.
func jsonStep(s *plan.Step) fields {
	f := fields{"resource": jsonAddress(s.Address), "action": string(s.Action)}
	if s.Reason != "" {
		f["reason"] = s.Reason
	}
	if s.Moved() {
		f["previous_resource"] = jsonAddress(s.PreviousAddress)
	}
	if s.Adopting != "" {
		f["importing"] = fields{"id": s.Adopting}
	}
	if s.Deposed != "" {
		f["deposed"] = s.Deposed
	}
	if s.Existed {
		f["existed"] = true
	}
	if s.Action == plan.Replace {
		f["create_before_destroy"] = s.CreateBeforeDestroy
	}
	if making := s.Action == plan.Create; making || s.Action == plan.Update || s.Action == plan.Replace {
		known, later := jsonObject(s, s.After)
		if making {
			f["after"] = known // of a change, changes has what there is to tell
		}
		if making || len(later) > 0 {
			f["after_unknown"] = later
		}
	}
	var changes []fields
	for _, c := range s.Changes {
		before, after := converted(s, c.Path, c.Before), converted(s, c.Path, c.After)
		change := fields{
			"path": c.Path, "effect": c.Effect.String(), "cause": cmp.Or(string(c.Cause), string(contract.Configuration)),
			"before": before.plain(), "after": after.plain(),
		}
		if c.Reason != "" {
			change["reason"] = c.Reason
		}
		if after.hasUnknown() {
			change["after_unknown"] = true
		}
		if before.sensitive || after.sensitive {
			change["sensitive"] = true
		}
		changes = append(changes, change)
	}
	if changes != nil {
		f["changes"] = changes
	}
	return withPlace(f, s)
}

// withPlace adds where the object is declared and what host it is on.
func withPlace(f fields, s *plan.Step) fields {
	if s.Host != "" {
		f["host"] = s.Host
	}
	if s.Declared != nil {
		f["declared"] = fields{"filename": s.Declared.Filename, "line": s.Declared.Start.Line}
	}
	return f
}

// jsonObject are the attributes and blocks of an object that have a value, and the names of those that are known
// after apply.
func jsonObject(s *plan.Step, o types.Object) (fields, []string) {
	known := fields{}
	later := []string{}
	values := o.Attributes()
	add := func(name string) {
		v := converted(s, name, values[name])
		switch {
		case v.kind == unknown:
			later = append(later, name)
		case v.kind != null:
			known[name] = v.plain()
		}
	}
	for _, a := range s.Node.Attributes {
		add(a.Name)
	}
	for _, b := range s.Node.Blocks {
		add(b.Name)
	}
	return known, later
}

// Saved tells where a plan was written.
func (j *jsonRun) Saved(file string) {
	j.line("info", "plan_saved", "The plan is saved in "+file, fields{"file": file})
}

// Interrupted tells what an interrupt does.
func (j *jsonRun) Interrupted(again bool) {
	text := "Interrupted: nothing new is started, what runs is finished"
	if again {
		text = "Interrupted again: ending at once"
	}
	j.line("warn", "interrupted", text, fields{"again": again})
}

// Cancelled tells that nothing was done.
func (j *jsonRun) Cancelled() { j.line("info", "cancelled", "Cancelled. Nothing was changed", nil) }

// Applied writes the summary and the outputs.
func (j *jsonRun) Applied(r *apply.Report) {
	operation := "apply"
	if j.destroy {
		operation = "destroy"
	}
	changes := jsonSummary(r.Done, operation)
	level, message := "info", "Complete: "+done(r.Done)
	if !r.Complete() {
		level, message = "error", fmt.Sprintf("Incomplete: %d done, %d failed, %d not tried", count(r.Done), len(r.Failed), len(r.NotTried))
		changes["failed"], changes["not_tried"] = jsonAddresses(r.Failed), jsonAddresses(r.NotTried)
	}
	changes["elapsed_seconds"] = r.Elapsed.Seconds()
	j.line(level, "change_summary", message, fields{"changes": changes})
	if j.destroy || len(r.Outputs) == 0 {
		return
	}
	outputs := fields{}
	for _, o := range r.Outputs {
		f := fields{"sensitive": o.Sensitive}
		v := recordedCty(o)
		if t, ok := ctyType(v); ok {
			f["type"] = t
		}
		converted := fromCty(v)
		converted.sensitive = o.Sensitive
		f["value"] = converted.plain()
		outputs[o.Name] = f
	}
	j.line("info", "outputs", fmt.Sprintf("Outputs: %d", len(outputs)), fields{"outputs": outputs})
}
