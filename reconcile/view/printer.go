package view

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	maskedText  = "(sensitive value)"
	unknownText = "(known after apply)"
)

// printer writes values and their differences in the form of HCL, each line with a symbol before it.
type printer struct {
	b     strings.Builder
	paint paint
}

// line writes one line: depth 0 is the block of the resource itself.
func (p *printer) line(depth int, symbol, text string) {
	p.b.WriteString(strings.Repeat(" ", 4*depth))
	p.b.WriteString(p.paint.symbol(symbol))
	p.b.WriteByte(' ')
	p.b.WriteString(text)
	p.b.WriteByte('\n')
}

// comment writes a line that is a remark about what is around it.
func (p *printer) comment(depth int, format string, args ...any) {
	p.line(depth, "", p.paint.faint("# "+fmt.Sprintf(format, args...)))
}

// note is a remark at the end of a line; empty for none.
func (p *printer) note(s string) string {
	if s == "" {
		return ""
	}
	return "  " + p.paint.faint("# ") + s
}

// whole prints a value all of which is new, gone or unchanged. prefix is "name = "; end follows the value ("," in a
// list), note the end of its first line.
func (p *printer) whole(depth int, symbol, prefix string, v value, end, note string) {
	if v.single() {
		p.line(depth, symbol, prefix+inline(v)+end+note)
		return
	}
	switch v.kind {
	case text:
		p.line(depth, symbol, prefix+"<<-EOT"+note)
		for _, l := range textLines(v.text) {
			p.line(depth+1, "", l)
		}
		p.line(depth, "", "EOT"+end)
	case mapping, object:
		p.line(depth, symbol, prefix+"{"+note)
		names := names(v)
		for i, e := range v.elems {
			if v.kind == object && e.kind == null {
				continue
			}
			p.whole(depth+1, symbol, names[i]+" = ", e, "", "")
		}
		p.line(depth, "", "}"+end)
	default:
		p.line(depth, symbol, prefix+"["+note)
		for _, e := range v.elems {
			p.whole(depth+1, symbol, "", e, ",", "")
		}
		p.line(depth, "", "]"+end)
	}
}

// change prints the difference of two values; equal ones are printed without a symbol.
func (p *printer) change(depth int, prefix string, before, after value, note string) {
	switch {
	case before.sensitive || after.sensitive:
		p.line(depth, changeSymbol(before, after), prefix+maskedText+note)
	case before.equal(after):
		p.whole(depth, "", prefix, after, "", note)
	case before.kind == null:
		p.whole(depth, "+", prefix, after, "", note)
	case after.kind == null:
		p.gone(depth, prefix, before, note)
	case before.kind == text && after.kind == text && !(before.single() && after.single()):
		p.texts(depth, prefix, before.text, after.text, note)
	case before.kind != after.kind || before.kind < list:
		p.exchange(depth, prefix, before, after, note)
	case before.kind == mapping || before.kind == object:
		p.line(depth, "~", prefix+"{"+note)
		p.keyed(depth+1, before, after)
		p.line(depth, "", "}")
	default:
		p.line(depth, "~", prefix+"["+note)
		p.elements(depth+1, before, after)
		p.line(depth, "", "]")
	}
}

func changeSymbol(before, after value) string {
	switch {
	case before.equal(after):
		return ""
	case before.kind == null:
		return "+"
	case after.kind == null:
		return "-"
	default:
		return "~"
	}
}

func (p *printer) gone(depth int, prefix string, before value, note string) {
	if before.single() {
		p.line(depth, "-", prefix+inline(before)+" -> null"+note)
		return
	}
	p.whole(depth, "-", prefix, before, " -> null", note)
}

// exchange prints a value that another kind of value, or another single one, takes the place of.
func (p *printer) exchange(depth int, prefix string, before, after value, note string) {
	switch {
	case before.single() && after.single():
		p.line(depth, "~", prefix+inline(before)+" -> "+inline(after)+note)
	case after.single():
		p.whole(depth, "-", prefix, before, " -> "+inline(after), note)
	default:
		p.whole(depth, "-", prefix, before, "", note)
		p.whole(depth, "+", prefix, after, "", "")
	}
}

// keyed prints the entries of two mappings or objects that differ.
func (p *printer) keyed(depth int, before, after value) {
	all := union(before, after)
	shown := names(all)
	same := 0
	for i, key := range all.keys {
		old, new := before.get(key), after.get(key)
		if old.equal(new) {
			if new.kind != null || all.kind == mapping {
				same++
			}
			continue
		}
		p.change(depth, shown[i]+" = ", old, new, "")
	}
	p.hidden(depth, same, "unchanged entry", "unchanged entries")
}

// elements prints the elements of two lists or sets that differ.
func (p *printer) elements(depth int, before, after value) {
	if before.kind == set {
		p.members(depth, before, after)
		return
	}
	same := 0
	steps := edits(before.elems, after.elems, value.equal)
	for i := 0; i < len(steps); i++ {
		if steps[i].op == kept {
			same++
			continue
		}
		var olds, news []value
		for ; i < len(steps) && steps[i].op != kept; i++ {
			if steps[i].op == removed {
				olds = append(olds, before.elems[steps[i].old])
			} else {
				news = append(news, after.elems[steps[i].new])
			}
		}
		i--
		p.exchanged(depth, olds, news)
	}
	p.hidden(depth, same, "unchanged element", "unchanged elements")
}

// exchanged prints a run of elements of a list and those in their place. Objects are compared by their attributes.
func (p *printer) exchanged(depth int, olds, news []value) {
	for i, old := range olds {
		if i < len(news) && old.kind == news[i].kind && (old.kind == object || old.kind == mapping) {
			p.line(depth, "~", "{")
			p.keyed(depth+1, old, news[i])
			p.line(depth, "", "},")
			continue
		}
		p.whole(depth, "-", "", old, ",", "")
	}
	for i, added := range news {
		if i < len(olds) && added.kind == olds[i].kind && (added.kind == object || added.kind == mapping) {
			continue
		}
		p.whole(depth, "+", "", added, ",", "")
	}
}

// members prints the elements only one of two sets has. Both are in order.
func (p *printer) members(depth int, before, after value) {
	same := 0
	for i, j := 0, 0; i < len(before.elems) || j < len(after.elems); {
		order := -1
		switch {
		case i == len(before.elems):
			order = 1
		case j < len(after.elems):
			order = compare(before.elems[i], after.elems[j])
		}
		switch {
		case order < 0:
			p.whole(depth, "-", "", before.elems[i], ",", "")
			i++
		case order > 0:
			p.whole(depth, "+", "", after.elems[j], ",", "")
			j++
		default:
			same++
			i, j = i+1, j+1
		}
	}
	p.hidden(depth, same, "unchanged element", "unchanged elements")
}

func (p *printer) hidden(depth, n int, one, many string) {
	switch {
	case n == 1:
		p.comment(depth, "(1 %s hidden)", one)
	case n > 1:
		p.comment(depth, "(%d %s hidden)", n, many)
	}
}

// inline is a value on one line.
func inline(v value) string {
	switch {
	case v.sensitive:
		return maskedText
	case v.kind == null:
		return "null"
	case v.kind == unknown:
		return unknownText
	case v.kind == text:
		return quoted(v.text)
	case v.kind == literal:
		return v.text
	case v.kind == mapping || v.kind == object:
		return "{}"
	default:
		return "[]"
	}
}

// quoted is a string as HCL writes it. What cannot be printed is escaped.
func quoted(s string) string {
	q := strconv.Quote(s)
	q = strings.ReplaceAll(q, "${", "$${")
	return strings.ReplaceAll(q, "%{", "%%{")
}

// union has the keys of both values.
func union(a, b value) value {
	all := value{kind: b.kind}
	i, j := 0, 0
	for i < len(a.keys) || j < len(b.keys) {
		switch {
		case j == len(b.keys) || i < len(a.keys) && a.keys[i] < b.keys[j]:
			all.keys = append(all.keys, a.keys[i])
			i++
		case i == len(a.keys) || b.keys[j] < a.keys[i]:
			all.keys = append(all.keys, b.keys[j])
			j++
		default:
			all.keys = append(all.keys, a.keys[i])
			i, j = i+1, j+1
		}
	}
	all.elems = make([]value, len(all.keys))
	return all
}

// names are the keys of a mapping or object as they stand before the equals sign, padded to one width.
func names(v value) []string {
	shown := make([]string, len(v.keys))
	for i, key := range v.keys {
		shown[i] = key
		if v.kind == mapping {
			shown[i] = quoted(key)
		}
	}
	return padded(shown)
}

func padded(names []string) []string {
	longest := 0
	for _, n := range names {
		longest = max(longest, columns(n))
	}
	for i, n := range names {
		names[i] = n + strings.Repeat(" ", longest-columns(n))
	}
	return names
}
