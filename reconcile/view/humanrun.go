package view

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// humanRun prints a plan and an apply for people. Work under way is drawn live on a terminal and told in plain lines
// elsewhere.
type humanRun struct {
	humanBase
	running Running
	destroy bool
	// applying: the plan is carried out. told: diagnostics were printed since, with an empty line at their end.
	applying, told bool
}

func newHumanRun(o Options) *humanRun {
	h := &humanRun{humanBase: humanBase{o}}
	h.running = newWork(o, false)
	return h
}

// newWork returns what shows work under way. While planning finished work leaves no trace.
func newWork(o Options, applying bool) Running {
	if o.Terminal.Live {
		return startLive(o, applying)
	}
	return newPlain(o, applying)
}

// Diagnostics go below what was done.
func (h *humanRun) Diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File) {
	if h.applying && len(diags) > 0 {
		h.Settle()
		h.told = true
		fmt.Fprintln(h.o.Terminal.Err)
	}
	h.humanBase.Diagnostics(diags, files)
}

// Observe shows one event.
func (h *humanRun) Observe(e apply.Event) { h.running.Observe(e) }

// Settle ends the drawing.
func (h *humanRun) Settle() { h.running.Settle() }

// Planned prints a plan.
func (h *humanRun) Planned(p *plan.Plan) {
	h.Settle()
	if !p.Changes() && !reads(p) {
		h.printf("%s\n", nothing(p))
		return
	}
	out := &printer{paint: h.paint()}
	shown := 0
	for _, s := range p.Steps {
		if s.Changing() || s.Action == plan.Read {
			shown++
			out.step(s, p.RefreshOnly)
		}
	}
	h.printf("%s", legend(h.paint(), p))
	h.printf("%s", out.b.String())
	if !p.RefreshOnly && shown > 0 {
		h.printf("%s\n", h.paint().bold(planned(p.Summary())))
	}
	if text := h.changedOutputs(p); text != "" {
		if shown > 0 {
			h.printf("\n")
		}
		h.printf("%s", text)
	}
	if p.RefreshOnly && shown > 0 {
		h.printf("%s cleat apply brings back what is declared.\n",
			h.paint().bold("Drift: "+plural(shown, "object")+" not as declared."))
	}
}

func reads(p *plan.Plan) bool {
	for _, s := range p.Steps {
		if s.Action == plan.Read {
			return true
		}
	}
	return false
}

// nothing is the one line of a plan without changes.
func nothing(p *plan.Plan) string {
	switch {
	case p.Destroy:
		return "No changes. The project owns nothing: there is nothing to destroy."
	case p.RefreshOnly:
		return "No drift. Everything is as declared."
	default:
		return "No changes. Everything is as declared."
	}
}

// legend explains the symbols a plan uses.
func legend(p paint, pl *plan.Plan) string {
	if pl.RefreshOnly {
		return ""
	}
	texts := []struct{ symbol, text string }{
		{"+", "create"}, {"~", "update in place"}, {"-/+", "replace: the old one is removed"}, {"+/-", "replace: the new one is made first"},
		{"-", "destroy"}, {".", "forget"}, {"<=", "read during apply"},
	}
	used := map[string]bool{}
	for _, s := range pl.Steps {
		used[symbol(s)] = true
	}
	var b strings.Builder
	for _, t := range texts {
		if used[t.symbol] {
			fmt.Fprintf(&b, "%s %s\n", p.symbol(t.symbol), t.text)
		}
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

func (h *humanRun) changedOutputs(p *plan.Plan) string {
	var changed []plan.Output
	var shown []string
	for _, o := range p.Outputs {
		if o.Changed() {
			changed = append(changed, o)
			shown = append(shown, o.Name)
		}
	}
	if len(changed) == 0 {
		return ""
	}
	out := &printer{paint: h.paint()}
	for i, name := range padded(shown) {
		before, after := fromCty(changed[i].Before), fromCty(changed[i].After)
		before.sensitive, after.sensitive = changed[i].Sensitive, changed[i].Sensitive
		out.change(0, name+" = ", before, after, "")
	}
	return "Changes to outputs:\n" + out.b.String()
}

// Saved tells where a plan was written.
func (h *humanRun) Saved(file string) {
	h.printf("\nThe plan is saved in %s. Apply it with:\n  cleat apply %q\n", file, file)
}

// Applying starts over for the operations of an apply.
func (h *humanRun) Applying(p *plan.Plan) {
	h.Settle()
	h.destroy = p.Destroy
	h.applying = true
	h.printf("\n")
	h.running = newWork(h.o, true)
}

// Interrupted tells what an interrupt does.
func (h *humanRun) Interrupted(again bool) {
	text := "Interrupted: nothing new is started, what runs is finished. Interrupt again to end at once."
	if again {
		text = "Interrupted again: ending at once. The next apply finds what was under way."
	}
	if n, ok := h.running.(interface{ note(text string) }); ok {
		n.note(text)
		return
	}
	fmt.Fprintln(h.o.Terminal.Err, text)
}

// Cancelled tells that nothing was done.
func (h *humanRun) Cancelled() {
	what := "Apply"
	if h.destroy {
		what = "Destroy"
	}
	h.printf("\n%s cancelled. Nothing was changed.\n", what)
}

// Applied prints how an apply ended.
func (h *humanRun) Applied(r *apply.Report) {
	h.Settle()
	what := "Apply"
	if h.destroy {
		what = "Destroy"
	}
	if !h.told {
		h.printf("\n")
	}
	if r.Complete() {
		h.printf("%s %s in %s.\n", h.paint().green(h.paint().bold(what+" complete:")), done(r.Done), seconds(r.Elapsed))
	} else {
		h.printf("%s %d done, %d failed, %d not tried, in %s.\n", h.paint().red(h.paint().bold(what+" incomplete:")),
			count(r.Done), len(r.Failed), len(r.NotTried), seconds(r.Elapsed))
		h.listed("failed", r.Failed)
		h.listed("not tried", r.NotTried)
		h.printf("Nothing is lost: remove the cause and run the same command again, it goes on from here.\n")
	}
	if len(r.Outputs) > 0 && !h.destroy {
		h.printf("\nOutputs:\n\n")
		h.outputs(r.Outputs)
	}
}

// maxListed bounds how many addresses are told one by one.
const maxListed = 20

func (h *humanRun) listed(what string, all []graph.Instance) {
	for i, a := range all {
		if i == maxListed {
			h.printf("  and %d more\n", len(all)-i)
			return
		}
		h.printf("  %-9s %s\n", what, clean(a.String()))
	}
}
