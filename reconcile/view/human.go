package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/generate"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// humanBase prints for people. It is the view of the commands that only print.
type humanBase struct{ o Options }

func (h humanBase) printf(format string, args ...any) {
	fmt.Fprintf(h.o.Terminal.Out, format, args...)
}

func (h humanBase) paint() paint { return h.o.Terminal.paint() }

// Diagnostics goes to Err: what a command is asked for stays alone on Out.
func (h humanBase) Diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File) {
	columns, _ := h.o.Terminal.size()
	diagnosticPrinter{h.o.Terminal.Err, h.paint(), columns, h.o.CompactWarnings}.print(diags, files)
}

// Objects prints what is owned as it is now.
func (h humanBase) Objects(steps []*plan.Step) {
	if len(steps) == 0 {
		h.printf("Nothing here is owned by this project.\n")
		return
	}
	for _, s := range steps {
		p := &printer{paint: h.paint()}
		host := ""
		if s.Host != "" {
			host = fmt.Sprintf(" on %q", s.Host)
		}
		p.heading(p.paint.bold("# "+clean(s.Address.String())+host) + declared(s.Declared))
		p.line(0, "", fmt.Sprintf("%s %q %q {", blockKeyword(s.Address), s.Address.Type, s.Address.Name))
		if !s.Before.IsNull() {
			p.object(1, "", s, s.Before)
		}
		p.line(0, "", "}")
		h.printf("%s\n", p.b.String())
	}
}

// All prints every output.
func (h humanBase) All(outputs []plan.Output) {
	if len(outputs) == 0 {
		h.printf("No outputs are recorded. Outputs are recorded by cleat apply.\n")
		return
	}
	h.outputs(outputs)
}

func (h humanBase) outputs(outputs []plan.Output) {
	shown := make([]string, len(outputs))
	for i, o := range outputs {
		shown[i] = o.Name
	}
	p := &printer{paint: h.paint()}
	for i, name := range padded(shown) {
		v := recorded(outputs[i])
		v.sensitive = outputs[i].Sensitive
		p.whole(0, "", name+" = ", v, "", "")
	}
	io.WriteString(h.o.Terminal.Out, outdent(p.b.String())) //nolint:errcheck // as every print
}

// One prints one output in full.
func (h humanBase) One(output plan.Output) {
	p := &printer{paint: h.paint()}
	p.whole(0, "", "", recorded(output), "", "")
	io.WriteString(h.o.Terminal.Out, outdent(p.b.String())) //nolint:errcheck // as every print
}

// outdent takes away the four columns of symbols, where there are none.
func outdent(s string) string {
	lines := strings.SplitAfter(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "    ")
	}
	return strings.Join(lines, "")
}

// recorded is the value of an output read from the ledger or made by an apply.
func recorded(o plan.Output) value { return fromCty(recordedCty(o)) }

// Result prints the end of a validation.
func (h humanBase) Result(diags hcl.Diagnostics, files map[string]*hcl.File) {
	h.Diagnostics(diags, files)
	switch {
	case diags.HasErrors():
	case len(diags) > 0:
		h.printf("%s The configuration is valid, with warnings.\n", h.paint().green("Success!"))
	default:
		h.printf("%s The configuration is valid.\n", h.paint().green("Success!"))
	}
}

// Explained prints what is known of one object.
func (h humanBase) Explained(e Explanation) {
	s := e.Step
	h.printf("%s%s\n\n", h.paint().bold(clean(s.Address.String())), declared(s.Declared))
	facts := [][2]string{{"id", e.ID}, {"engine", e.Engine}}
	if e.ID == "" {
		facts[0][1] = "none: there is no object"
	}
	if s.Host != "" {
		facts = append(facts, [2]string{"provider", s.Provider.String()})
	}
	facts = append(facts,
		[2]string{"made from", addresses(e.Needs)}, [2]string{"needed by", addresses(e.NeededBy)},
		[2]string{"recorded", strings.Join(slices.Sorted(maps.Keys(e.Recorded)), ", ")})
	if e.Existed {
		facts = append(facts, [2]string{"existed", "it was there before and stays when it is no longer declared"})
	}
	facts = append(facts, [2]string{"an apply", verdict(s)})
	for _, f := range facts {
		if f[1] != "" {
			h.printf("  %-10s %s\n", f[0], clean(f[1]))
		}
	}
	h.printf("\n")
	if s.Changing() || s.Action == plan.Read {
		p := &printer{paint: h.paint()}
		p.step(s, false)
		h.printf("%s", p.b.String())
	}
}

// Adopted tells that an object is ours.
func (h humanBase) Adopted(s *plan.Step) {
	h.printf("%s is adopted: %s. The next apply %s.\n", h.paint().bold(clean(s.Address.String())), clean(shortID(s.ID)), verdict(s))
	if s.Changing() {
		p := &printer{paint: h.paint()}
		p.step(s, false)
		h.printf("\n%s", p.b.String())
	}
}

// Written tells what is in the file, what is not and why, and how to go on.
func (h humanBase) Written(r *generate.Result, file string) {
	if file == "-" {
		return
	}
	count := map[string]int{}
	for _, o := range r.Objects {
		count[strings.TrimPrefix(o.Address.Type, "docker_")]++
	}
	var parts []string
	for _, typ := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, plural(count[typ], typ))
	}
	if len(parts) == 0 {
		h.printf("Nothing to adopt: every container, network and volume is a project's already, or the engine's own.\n")
		return
	}
	h.printf("%s: %s.\n", h.paint().bold(clean(file)), strings.Join(parts, ", "))
	for _, o := range r.Objects {
		for _, differs := range o.Differs {
			h.printf("  %s would change: %s\n", clean(o.Address.String()), clean(differs))
		}
	}
	for _, s := range r.Skipped {
		h.printf("  not written: %s %s: %s\n", clean(strings.TrimPrefix(s.Type, "docker_")), clean(shortID(s.Name)), clean(s.Reason))
	}
	h.printf("\nNothing was changed. cleat plan shows that nothing will be; cleat apply takes the objects over.\n")
}

// verdict is what an apply would do to an object, in words.
func verdict(s *plan.Step) string {
	switch s.Action {
	case plan.Create:
		return "would create it"
	case plan.Update:
		return "would update it in place"
	case plan.Replace:
		return "would replace it"
	case plan.Delete:
		return "would destroy it"
	case plan.Forget:
		return "would forget it: the object stays"
	case plan.Read:
		return "would read it"
	default:
		return "would do nothing: it is as declared"
	}
}

func addresses(all []graph.Resource) string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}
