package view

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/generate"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// Options say how a view prints.
type Options struct {
	Terminal *Terminal
	// JSON prints one JSON object a line to Out instead of text for people.
	JSON bool
	// CompactWarnings prints of warnings only the summaries.
	CompactWarnings bool
	// Version is cleat's, for the first JSON line.
	Version string
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

func (o Options) now() func() time.Time {
	if o.Now == nil {
		return time.Now
	}
	return o.Now
}

// Common is what the view of every command can print.
type Common interface {
	// Diagnostics prints errors, then warnings, sorted and each once. files are the sources for snippets.
	Diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File)
}

// Running is a view of work under way. Settle ends the drawing; nothing is observed after it. It may be called
// twice.
type Running interface {
	apply.Observer
	Settle()
}

// Plan is the view of cleat plan and of what is planned before an apply.
type Plan interface {
	Common
	Running
	// Planned prints a plan; destroy and refresh-only plans in their own words.
	Planned(p *plan.Plan)
	// Saved tells where a plan was written.
	Saved(file string)
}

// Apply is the view of cleat apply and cleat destroy once the plan is agreed to.
type Apply interface {
	Plan
	// Applying tells that the plan is carried out from now on: events are those of operations.
	Applying(p *plan.Plan)
	// Interrupted tells what an interrupt does. The second one ends the program at once.
	Interrupted(again bool)
	// Applied prints how it ended, and the outputs.
	Applied(r *apply.Report)
	// Cancelled tells that the plan was not agreed to.
	Cancelled()
}

// Show is the view of cleat show.
type Show interface {
	Common
	Objects(steps []*plan.Step)
}

// Output is the view of cleat output.
type Output interface {
	Common
	// All prints every output; sensitive ones are masked for people, and told in full with -json.
	All(outputs []plan.Output)
	// One prints a single one in full.
	One(output plan.Output)
}

// Validate is the view of cleat validate.
type Validate interface {
	// Result prints the diagnostics, or that there are none.
	Result(diags hcl.Diagnostics, files map[string]*hcl.File)
}

// Explain is the view of cleat explain.
type Explain interface {
	Common
	Explained(e Explanation)
}

// Adopt is the view of cleat adopt.
type Adopt interface {
	Common
	// Adopted tells that the object of a step is ours, and what the next apply changes of it.
	Adopted(s *plan.Step)
	// Written tells what was written to a file; "-" is standard output, which is the configuration's then.
	Written(r *generate.Result, file string)
}

// Explanation is all that is known of one object.
type Explanation struct {
	Step *plan.Step
	// ID is the object's on its engine, empty when there is none; Engine is where that is.
	ID, Engine string
	// Recorded are the attributes whose declaration was recorded at the last apply, with fingerprints.
	Recorded map[string]string
	// Existed: it was there before and stays when it is no longer declared.
	Existed bool
	// Needs are the objects it is made from, NeededBy those made from it.
	Needs, NeededBy []graph.Resource
}

// NewPlan returns the view of cleat plan.
func NewPlan(o Options) Plan { return NewApply(o) }

// NewApply returns the view of cleat apply and destroy.
func NewApply(o Options) Apply {
	if o.JSON {
		return newJSONRun(o)
	}
	return newHumanRun(o)
}

// NewShow returns the view of cleat show.
func NewShow(o Options) Show {
	if o.JSON {
		return newJSONBase(o)
	}
	return humanBase{o}
}

// NewOutput returns the view of cleat output.
func NewOutput(o Options) Output {
	if o.JSON {
		return newJSONBase(o)
	}
	return humanBase{o}
}

// NewValidate returns the view of cleat validate.
func NewValidate(o Options) Validate {
	if o.JSON {
		return newJSONBase(o)
	}
	return humanBase{o}
}

// NewAdopt returns the view of cleat adopt.
func NewAdopt(o Options) Adopt {
	if o.JSON {
		return newJSONBase(o)
	}
	return humanBase{o}
}

// NewExplain returns the view of cleat explain.
func NewExplain(o Options) Explain {
	if o.JSON {
		return newJSONBase(o)
	}
	return humanBase{o}
}
