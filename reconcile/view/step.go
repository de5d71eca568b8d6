package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/attr"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// symbols are those of Terraform; a forgotten object gets a dot.
func symbol(s *plan.Step) string {
	switch s.Action {
	case plan.Create:
		return "+"
	case plan.Update:
		return "~"
	case plan.Replace:
		if s.CreateBeforeDestroy {
			return "+/-"
		}
		return "-/+"
	case plan.Delete:
		return "-"
	case plan.Read:
		return "<="
	case plan.Forget:
		return "."
	default:
		return ""
	}
}

// step prints what happens to one object.
func (p *printer) step(s *plan.Step, refreshOnly bool) {
	where := ""
	if s.Host != "" {
		where = fmt.Sprintf(" on %q", s.Host)
	}
	p.heading(p.paint.bold("# "+clean(s.Address.String())+where+" "+fate(s, refreshOnly)) + declared(s.Declared))
	for _, remark := range remarks(s) {
		p.heading(p.paint.faint("# (" + remark + ")"))
	}
	if s.Action == plan.Forget || s.Action == plan.NoOp || s.Action == plan.Delete && s.Before.IsNull() {
		p.b.WriteByte('\n')
		return
	}
	p.line(0, symbol(s), fmt.Sprintf("%s %q %q {", blockKeyword(s.Address), s.Address.Type, s.Address.Name))
	switch s.Action {
	case plan.Create, plan.Read:
		p.object(1, "+", s, s.After)
	case plan.Delete:
		p.object(1, "-", s, s.Before)
	default:
		p.changes(1, s)
	}
	p.line(0, "", "}")
	p.b.WriteByte('\n')
}

// heading writes a line above a block.
func (p *printer) heading(text string) { p.b.WriteString("  " + text + "\n") }

func blockKeyword(i graph.Instance) string {
	if i.Mode == graph.Data {
		return "data"
	}
	return "resource"
}

func declared(r *hcl.Range) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("  %s:%d", r.Filename, r.Start.Line)
}

// fate is what becomes of the object, in words.
func fate(s *plan.Step, refreshOnly bool) string {
	if refreshOnly {
		return found(s)
	}
	switch s.Action {
	case plan.Create:
		return "will be created"
	case plan.Update:
		return "will be updated in place"
	case plan.Replace:
		return "will be replaced"
	case plan.Delete:
		return "will be destroyed"
	case plan.Forget:
		return "will be forgotten: the object stays, cleat no longer owns it"
	case plan.Read:
		return "will be read during apply"
	case plan.NoOp:
		switch {
		case s.Adopting != "":
			return "will be adopted"
		case s.Moved():
			return "has moved"
		}
	}
	return "is as declared"
}

// found is what a refresh finds of the object.
func found(s *plan.Step) string {
	switch s.Action {
	case plan.Create:
		return "does not exist"
	case plan.Update, plan.Replace:
		return "differs from its declaration"
	case plan.Delete, plan.Forget:
		return "is no longer declared"
	default:
		return "is as declared"
	}
}

func remarks(s *plan.Step) []string {
	var all []string
	if s.Moved() {
		all = append(all, "moved from "+s.PreviousAddress.String())
	}
	if s.Adopting != "" {
		all = append(all, "adopts the existing "+clean(s.Adopting))
	}
	if s.Deposed != "" {
		all = append(all, "of an interrupted replacement: "+clean(shortID(s.Deposed)))
	}
	if s.Existed {
		all = append(all, "it was there before and stays when it is no longer declared")
	}
	if s.Reason != "" && s.Reason != "does not exist" {
		all = append(all, clean(s.Reason))
	}
	if s.Action == plan.Replace && s.CreateBeforeDestroy {
		all = append(all, "the new one is made before the old one is removed")
	}
	return all
}

// converted is the value of an attribute or block of a step, masked where it has to be.
func converted(s *plan.Step, name string, v attr.Value) value {
	var c value
	hidden := s.Sensitive[name]
	if b, ok := s.Node.Block(name); ok {
		c = fromBlock(b, v)
	} else {
		c = fromAttr(v)
		if a, ok := s.Node.Attribute(name); ok {
			hidden = hidden || a.Sensitive
		}
	}
	c.sensitive = hidden && !c.isNothing()
	return c
}

// object prints an object that is new or goes away. Of computed attributes and of defaults only the number or the
// names are told: they are not what the reader wrote.
func (p *printer) object(depth int, sign string, s *plan.Step, o interface {
	Attributes() map[string]attr.Value
}) {
	values := o.Attributes()
	var shown []string
	var later []string
	defaults := 0
	for _, a := range s.Node.Attributes {
		v := values[a.Name]
		switch {
		case v == nil || v.IsNull():
		case v.IsUnknown() && a.Computed && !s.Sensitive[a.Name]:
			later = append(later, a.Name)
		case a.Default != nil && a.Default.Equal(v):
			defaults++
		default:
			shown = append(shown, a.Name)
		}
	}
	for i, name := range padded(slices.Clone(shown)) {
		p.whole(depth, sign, name+" = ", converted(s, shown[i], values[shown[i]]), "", "")
	}
	p.hidden(depth, defaults, "attribute with its default", "attributes with their defaults")
	p.later(depth, later)
	for _, b := range s.Node.Blocks {
		p.wholeBlocks(depth, sign, b, converted(s, b.Name, values[b.Name]))
	}
}

func (p *printer) later(depth int, names []string) {
	if len(names) == 0 {
		return
	}
	for _, l := range wrap("known after apply: "+strings.Join(names, ", "), 100) {
		p.comment(depth, "%s", l)
	}
}

// changes prints the attributes and blocks that differ, each with its cause, and tells what else there is.
func (p *printer) changes(depth int, s *plan.Step) {
	before, after := s.Before.Attributes(), s.After.Attributes()
	changed := map[string]contract.Change{}
	for _, c := range s.Changes {
		changed[c.Path] = c
	}
	var shown, later []string
	same := 0
	for _, a := range s.Node.Attributes {
		old, new := before[a.Name], after[a.Name]
		_, ok := changed[a.Name]
		switch {
		case ok:
			shown = append(shown, a.Name)
		case new != nil && new.IsUnknown():
			later = append(later, a.Name)
		case old != nil && !old.IsNull():
			same++
		}
	}
	for i, name := range padded(slices.Clone(shown)) {
		c := changed[shown[i]]
		p.change(depth, name+" = ", converted(s, c.Path, c.Before), converted(s, c.Path, c.After), p.note(p.why(c)))
	}
	p.later(depth, later)
	p.hidden(depth, same, "unchanged attribute", "unchanged attributes")
	same = 0
	for _, b := range s.Node.Blocks {
		c, ok := changed[b.Name]
		if !ok {
			same += len(fromBlock(b, before[b.Name]).elems)
			continue
		}
		p.blocks(depth, b, converted(s, c.Path, c.Before), converted(s, c.Path, c.After), p.note(p.why(c)))
	}
	p.hidden(depth, same, "unchanged block", "unchanged blocks")
}

// why is the remark beside a change: what it does and where it comes from.
func (p *printer) why(c contract.Change) string {
	cause := "(" + causeText(c.Cause) + ")"
	if c.Effect == contract.Replace {
		cause = p.paint.red("forces replacement") + " " + cause
	}
	if c.Reason != "" {
		cause += ": " + clean(c.Reason)
	}
	return cause
}

func causeText(c contract.Cause) string {
	switch c {
	case contract.Image:
		return "new image"
	case "":
		return string(contract.Configuration)
	default:
		return string(c)
	}
}
