package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/resources/contract"
)

// checks are the columns of the matrix.
var checks = []acctest.Check{
	acctest.Creates, acctest.Settles, acctest.Changes, acctest.Drifts, acctest.ImportsID, acctest.ImportsName, acctest.TakesOver,
}

// perAttribute are the checks that every attribute has to pass.
func perAttribute(c acctest.Check) bool { return c == acctest.Changes || c == acctest.Drifts }

// declared is a resource type and what each engine refuses of it.
type declared struct {
	contract.Resource
	refused map[string]refusals
}

// name is that of the type in a configuration.
func (d declared) name() string { return "docker_" + d.Name() }

// note is a reason as the document lists it.
type note struct {
	kind, why  string
	checks     []acctest.Check // one, where attributes are named
	engines    map[string]bool
	attributes map[string]bool
}

// matrix is the table while it is being made.
type matrix struct {
	found   evidence
	reasons []reason
	used    map[int]bool
	notes   []*note
	wrong   []string
}

// newMatrix returns the rows of the table, the reasons for its holes, and what is wrong with it.
func newMatrix(all []declared, found evidence, reasons []reason) (string, []string) {
	m := matrix{found: found, reasons: reasons, used: map[int]bool{}}
	var out strings.Builder
	out.WriteString("| resource | engine |")
	for _, c := range checks {
		fmt.Fprintf(&out, " %s |", strings.ReplaceAll(string(c), "-", " "))
	}
	out.WriteString("\n|---|---|" + strings.Repeat("---|", len(checks)) + "\n")
	for _, d := range all {
		for _, e := range engines[:3] { // the oldest API is that of cleatd
			fmt.Fprintf(&out, "| `%s` | %s |", d.name(), e.name)
			if why, ok := d.refused[e.name][""]; ok {
				fmt.Fprintf(&out, " refused: %s |%s\n", why, strings.Repeat(" |", len(checks)-1))
				if m.found[cell{d.name(), e.name, acctest.Refuses}] == nil {
					m.wrong = append(m.wrong, fmt.Sprintf("%s on %s: the declarations refuse it (%s), no test shows that", d.name(), e.name, why))
				}
				continue
			}
			for _, c := range checks {
				fmt.Fprintf(&out, " %s |", m.cell(d, e, c))
			}
			out.WriteString("\n")
		}
	}
	for i, r := range m.reasons {
		if !m.used[i] {
			m.wrong = append(m.wrong, fmt.Sprintf("the reason %+v is for nothing", r))
		}
	}
	out.WriteString("\n" + m.listed())
	return out.String(), m.wrong
}

// cell is the text of one place.
func (m *matrix) cell(d declared, e engine, c acctest.Check) string {
	at := cell{d.name(), e.name, c}
	if !perAttribute(c) {
		if m.found[at] != nil {
			m.excuse(at, "", true)
			return "yes"
		}
		return m.mark(m.why(d, at, "", false))
	}
	var have, all int
	var marks []string
	for _, path := range append([]string{acctest.Gone}, declarable(d.Node(), "")...) {
		if _, refused := d.refused[e.name][path]; refused || path == acctest.Gone && c == acctest.Changes {
			continue
		}
		all++
		if m.found[at][path] {
			have++
			m.excuse(at, path, true)
			continue
		}
		if mark := m.mark(m.why(d, at, path, true)); !slices.Contains(marks, mark) {
			marks = append(marks, mark)
		}
	}
	if have == all {
		return "yes"
	}
	return strings.TrimSpace(fmt.Sprintf("%d of %d %s", have, all, strings.Join(marks, " ")))
}

// why returns the note of a hole, nil where there is no reason.
func (m *matrix) why(d declared, at cell, path string, attribute bool) *note {
	why := ""
	if attribute {
		why = derived(d, at.check, path)
	}
	if why = cmp.Or(m.excuse(at, path, false), why); why == "" {
		m.wrong = append(m.wrong, fmt.Sprintf("%s on %s: no test shows %s, and there is no reason", at.kind, at.engine, named(at, path)))
		return nil
	}
	i := slices.IndexFunc(m.notes, func(n *note) bool {
		return n.kind == at.kind && n.why == why && len(n.attributes) > 0 == attribute && (!attribute || n.checks[0] == at.check)
	})
	if i < 0 {
		i = len(m.notes)
		m.notes = append(m.notes, &note{kind: at.kind, why: why, engines: map[string]bool{}, attributes: map[string]bool{}})
	}
	n := m.notes[i]
	n.engines[at.engine] = true
	if !slices.Contains(n.checks, at.check) {
		n.checks = append(n.checks, at.check)
	}
	if attribute {
		n.attributes[path] = true
	}
	return n
}

// mark refers to a note.
func (m *matrix) mark(n *note) string {
	if n == nil {
		return "?"
	}
	return fmt.Sprintf("[%d]", slices.Index(m.notes, n)+1)
}

// excuse returns the stated reason for a hole, and demands that there is none for what is shown.
func (m *matrix) excuse(at cell, path string, shown bool) string {
	for i, r := range m.reasons {
		if !r.covers(at, path) {
			continue
		}
		m.used[i] = true
		switch {
		case shown:
			m.wrong = append(m.wrong, fmt.Sprintf("%s on %s: a test shows %s, and there is a reason why none does: %s", at.kind, at.engine, named(at, path), r.why))
		case r.by != "" && !m.found[at][r.by]:
			m.wrong = append(m.wrong, fmt.Sprintf("%s on %s: no test shows %s, nor that of %s", at.kind, at.engine, named(at, path), r.by))
		}
		if !shown {
			return r.why
		}
	}
	return ""
}

// named is what a complaint calls a place.
func named(at cell, path string) string { return strings.TrimSpace(string(at.check) + " " + path) }

// derived is a reason that follows from the declarations.
func derived(d declared, c acctest.Check, path string) string {
	if node, name := inside(d.Node(), path); node != nil {
		if a, ok := node.Attribute(name); ok && a.WriteOnly {
			return "write-only: in no plan, no answer and no state"
		}
	}
	if c != acctest.Drifts || path == acctest.Gone {
		return ""
	}
	for ; path != ""; path = path[:max(0, strings.LastIndex(path, "."))] {
		switch rule := d.Rules()[path]; {
		case rule.ConfigOnly:
			return "steers what is done, and no engine has it"
		case rule.Unreported:
			return "no engine tells it"
		}
	}
	return ""
}

// inside is the block an attribute is in, and its name there.
func inside(n *contract.Node, path string) (*contract.Node, string) {
	for {
		outer, rest, nested := strings.Cut(path, ".")
		if !nested {
			return n, path
		}
		b, ok := n.Block(outer)
		if !ok {
			return nil, ""
		}
		n, path = b.Node, rest
	}
}

// listed is the list of notes.
func (m *matrix) listed() string {
	var out strings.Builder
	for i, n := range m.notes {
		var of []string
		for _, c := range n.checks {
			of = append(of, strings.ReplaceAll(string(c), "-", " "))
		}
		fmt.Fprintf(&out, "%d. `%s`, %s, on %s: %s", i+1, n.kind, strings.Join(of, ", "), strings.Join(slices.Sorted(maps.Keys(n.engines)), ", "), n.why)
		if len(n.attributes) > 0 {
			names := slices.Sorted(maps.Keys(n.attributes))
			fmt.Fprintf(&out, " (`%s`)", strings.Join(names, "`, `"))
		}
		out.WriteString("\n")
	}
	return strings.ReplaceAll(out.String(), "`*`", "an object that is gone")
}
