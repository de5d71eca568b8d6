package view

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// paint colours text for a terminal; without colour it returns the text as it is.
type paint bool

func (p paint) code(code, s string) string {
	if !bool(p) || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string   { return p.code("1", s) }
func (p paint) faint(s string) string  { return p.code("2", s) }
func (p paint) red(s string) string    { return p.code("31", s) }
func (p paint) green(s string) string  { return p.code("32", s) }
func (p paint) yellow(s string) string { return p.code("33", s) }
func (p paint) cyan(s string) string   { return p.code("36", s) }

// symbol colours a plan symbol by what it means, padded to the three columns every symbol has.
func (p paint) symbol(s string) string {
	pad := strings.Repeat(" ", max(0, 3-len(s)))
	switch s {
	case "+":
		return pad + p.green(s)
	case "-":
		return pad + p.red(s)
	case "~":
		return pad + p.yellow(s)
	case "-/+":
		return p.red("-") + "/" + p.green("+")
	case "+/-":
		return p.green("+") + "/" + p.red("-")
	case "<=":
		return pad + p.cyan(s)
	default:
		return pad + s
	}
}

// columns is how many columns of a terminal a string without escape sequences takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) || unicode.Is(unicode.Cf, r):
		return 0
	case r < 0x1100:
		return 1
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// cut shortens a string without escape sequences to a number of columns, with an ellipsis where something is lost.
func cut(s string, to int) string {
	if columns(s) <= to {
		return s
	}
	if to <= 0 {
		return ""
	}
	n := 0
	for i, r := range s {
		if n += runeColumns(r); n > to-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// wrap breaks text at spaces so that no line has more than limit columns where that is possible. Lines that begin
// with a space are left alone: they are laid out already.
func wrap(s string, limit int) []string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if limit <= 0 || strings.HasPrefix(line, " ") || columns(line) <= limit {
			lines = append(lines, line)
			continue
		}
		current := ""
		for word := range strings.FieldsSeq(line) {
			switch {
			case current == "":
				current = word
			case columns(current)+1+columns(word) > limit:
				lines = append(lines, current)
				current = word
			default:
				current += " " + word
			}
		}
		lines = append(lines, current)
	}
	return lines
}

// clean makes text of outside (names, messages of engines) harmless for a terminal: escape sequences and control
// characters go.
func clean(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], "\x1b[") {
			i += 2
			for i < len(s) && (s[i] < 0x40 || s[i] > 0x7e) { // parameters, up to the letter that ends the sequence
				i++
			}
			i = min(i+1, len(s))
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
