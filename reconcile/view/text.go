package view

import (
	"strconv"
	"strings"
	"unicode"
)

// context is how many unchanged lines of a text are shown around a changed one.
const context = 2

// texts prints two texts line by line.
func (p *printer) texts(depth int, prefix, before, after, note string) {
	old, new := textLines(before), textLines(after)
	p.line(depth, "~", prefix+"<<-EOT"+note)
	steps := edits(old, new, func(a, b string) bool { return a == b })
	near := make([]bool, len(steps))
	for i, s := range steps {
		for k := max(0, i-context); s.op != kept && k <= min(len(steps)-1, i+context); k++ {
			near[k] = true
		}
	}
	hidden := 0
	for i, s := range steps {
		if !near[i] {
			hidden++
			continue
		}
		p.hidden(depth+1, hidden, "unchanged line", "unchanged lines")
		hidden = 0
		switch s.op {
		case removed:
			p.line(depth+1, "-", old[s.old])
		case added:
			p.line(depth+1, "+", new[s.new])
		default:
			p.line(depth+1, "", old[s.old])
		}
	}
	p.hidden(depth+1, hidden, "unchanged line", "unchanged lines")
	p.line(depth, "", "EOT")
}

func isMultiline(s string) bool {
	return strings.Contains(strings.TrimSuffix(s, "\n"), "\n")
}

// textLines are the lines of a multi-line text, with what a terminal would act on made visible.
func textLines(s string) []string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i, l := range lines {
		if strings.ContainsFunc(l, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
			q := strconv.Quote(l)
			lines[i] = q[1 : len(q)-1]
		}
	}
	return lines
}
