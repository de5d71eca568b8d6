package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// tidy orders diagnostics (errors first, then by place) and leaves out those that say the same about the same place.
func tidy(diags hcl.Diagnostics) hcl.Diagnostics {
	type said struct {
		severity        hcl.DiagnosticSeverity
		summary, detail string
		subject         hcl.Range
	}
	seen := map[said]bool{}
	var all hcl.Diagnostics
	for _, d := range diags {
		key := said{severity: d.Severity, summary: d.Summary, detail: d.Detail}
		if d.Subject != nil {
			key.subject = *d.Subject
		}
		if !seen[key] {
			seen[key] = true
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b *hcl.Diagnostic) int {
		if c := cmp.Compare(a.Severity, b.Severity); c != 0 {
			return c
		}
		if a.Subject == nil || b.Subject == nil {
			return cmp.Compare(boolInt(a.Subject == nil), boolInt(b.Subject == nil)) // what has no place comes last
		}
		return cmp.Or(cmp.Compare(a.Subject.Filename, b.Subject.Filename), cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte))
	})
	return all
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// diagnosticPrinter prints diagnostics for people.
type diagnosticPrinter struct {
	w       io.Writer
	paint   paint
	columns int
	// compact prints of warnings only the summaries, each once.
	compact bool
}

func (p diagnosticPrinter) print(diags hcl.Diagnostics, files map[string]*hcl.File) {
	var brief hcl.Diagnostics
	for _, d := range tidy(diags) {
		if p.compact && d.Severity == hcl.DiagWarning {
			brief = append(brief, d)
			continue
		}
		p.one(d, files)
	}
	p.warnings(brief)
}

func (p diagnosticPrinter) one(d *hcl.Diagnostic, files map[string]*hcl.File) {
	title := p.paint.red(p.paint.bold("Error:"))
	if d.Severity == hcl.DiagWarning {
		title = p.paint.yellow(p.paint.bold("Warning:"))
	}
	fmt.Fprintf(p.w, "%s %s\n", title, p.paint.bold(printable(d.Summary)))
	if d.Subject != nil {
		p.source(d, files)
	}
	if d.Detail != "" {
		fmt.Fprintln(p.w)
		for _, l := range wrap(printable(d.Detail), min(p.columns-2, 110)) {
			fmt.Fprintln(p.w, strings.TrimRight("  "+l, " "))
		}
	}
	fmt.Fprintln(p.w)
}

// printable is text of several lines without anything a terminal would act on: details quote what engines answer.
func printable(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n ")
}

// source prints where the diagnostic is, with the line and what is meant on it underlined.
func (p diagnosticPrinter) source(d *hcl.Diagnostic, files map[string]*hcl.File) {
	s, ok := snippetOf(d, files)
	if !ok {
		fmt.Fprintf(p.w, "\n  on %s line %d\n", d.Subject.Filename, d.Subject.Start.Line)
		return
	}
	in := ""
	if s.context != "" {
		in = ", in " + s.context
	}
	fmt.Fprintf(p.w, "\n  on %s line %d%s:\n", d.Subject.Filename, d.Subject.Start.Line, in)
	number := fmt.Sprintf("%4d: ", d.Subject.Start.Line)
	fmt.Fprintf(p.w, "%s%s\n", p.paint.faint(number), s.before+p.paint.bold(s.subject)+s.after)
	fmt.Fprintf(p.w, "%s%s%s\n", strings.Repeat(" ", len(number)), blank(s.before), p.paint.red(strings.Repeat("^", max(1, columns(s.subject)))))
}

// blank is white space as wide as the text, tabs where it has them.
func blank(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\t' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Repeat(" ", runeColumns(r)))
	}
	return b.String()
}

// warnings prints the summaries of warnings, each with the first place it is about.
func (p diagnosticPrinter) warnings(diags hcl.Diagnostics) {
	if len(diags) == 0 {
		return
	}
	fmt.Fprintf(p.w, "%s\n\n", p.paint.yellow(p.paint.bold("Warnings:")))
	var order []string
	bySummary := map[string]hcl.Diagnostics{}
	for _, d := range diags {
		if bySummary[d.Summary] == nil {
			order = append(order, d.Summary)
		}
		bySummary[d.Summary] = append(bySummary[d.Summary], d)
	}
	for _, summary := range order {
		same := bySummary[summary]
		fmt.Fprintf(p.w, "- %s\n", printable(summary))
		if at := same[0].Subject; at != nil {
			more := ""
			if len(same) > 1 {
				more = fmt.Sprintf(" (and %d more)", len(same)-1)
			}
			fmt.Fprintf(p.w, "  on %s line %d%s\n", at.Filename, at.Start.Line, more)
		}
	}
	fmt.Fprintln(p.w)
}

// snippet is the first line a diagnostic is about, split around its subject.
type snippet struct {
	before, subject, after string
	// context is the block the line is in: resource "docker_container" "web".
	context string
}

func snippetOf(d *hcl.Diagnostic, files map[string]*hcl.File) (snippet, bool) {
	file := files[d.Subject.Filename]
	if file == nil || d.Subject.Start.Byte > len(file.Bytes) || d.Subject.Start.Byte < 0 {
		return snippet{}, false
	}
	src, at := file.Bytes, d.Subject.Start.Byte
	begin := strings.LastIndexByte(string(src[:at]), '\n') + 1
	end := len(src)
	if i := strings.IndexByte(string(src[at:]), '\n'); i >= 0 {
		end = at + i
	}
	stop := max(at, min(d.Subject.End.Byte, end))
	var s snippet
	s.before, s.subject = string(src[begin:at]), string(src[at:stop])
	s.after = strings.TrimSuffix(string(src[stop:end]), "\r")
	if nav, ok := file.Nav.(interface{ ContextString(offset int) string }); ok {
		s.context = nav.ContextString(at)
	}
	return s, true
}
