package apply

import (
	"time"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// EventKind is what an [Event] reports. Its text is part of the JSON output.
type EventKind string

const (
	// Started: the operation on the object began.
	Started EventKind = "started"
	// Progress: news from a running operation (layers pulled, a build step).
	Progress EventKind = "progress"
	// Completed: the operation succeeded.
	Completed EventKind = "completed"
	// Errored: the operation failed; Err says why.
	Errored EventKind = "errored"
	// Skipped: not tried, because something it needs failed or the apply was interrupted.
	Skipped EventKind = "skipped"
)

// Event is one thing that happened during an apply or a plan.
type Event struct {
	Kind    EventKind
	Address graph.Instance
	Host    string
	Action  plan.Action
	// Phase is what is being done within the action where it has parts: "stopping the old one", "waiting until
	// healthy", "removing the old one".
	Phase string
	// Message, Current and Total (bytes or steps, 0 when not known) come with Progress.
	Message        string
	Current, Total int64
	// Elapsed is how long the operation took, or takes so far.
	Elapsed time.Duration
	ID      string
	Err     error
}

// Observer receives events, also from several goroutines at once.
type Observer interface{ Observe(Event) }

// Report is how an apply ended.
type Report struct {
	// Done counts what was carried out, as [plan.Plan.Summary] counts it.
	Done plan.Summary
	// Failed and NotTried are the steps that did not succeed and those skipped because of them.
	Failed, NotTried []graph.Instance
	Outputs          []plan.Output
	Elapsed          time.Duration
}

// Complete reports whether everything planned was done.
func (r *Report) Complete() bool { return len(r.Failed) == 0 && len(r.NotTried) == 0 }
