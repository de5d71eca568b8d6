//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// report collects figures in the order they are measured.
type report struct {
	rows   []row
	broken int
}

// row is one line of the table; a row with a name alone is a heading or a note.
type row struct{ name, measured, bound, verdict string }

func (r *report) heading(format string, args ...any) {
	r.rows = append(r.rows, row{}, row{name: fmt.Sprintf(format, args...)})
}

func (r *report) note(text string) { r.rows = append(r.rows, row{name: text}) }

// hard is a figure whose bound must hold: nothing but our code moves it.
func (r *report) hard(name string, value, bound float64, unit string) {
	verdict := "ok"
	if value > bound {
		r.broken++
		verdict = "BROKEN"
	}
	r.figure(name, value, bound, unit, verdict)
}

// soft is a figure with a bound that a busy machine can break: it is reported only.
func (r *report) soft(name string, value, bound float64, unit string) {
	verdict := "ok"
	if value > bound {
		verdict = "over"
	}
	r.figure(name, value, bound, unit, verdict)
}

func (r *report) figure(name string, value, bound float64, unit, verdict string) {
	r.rows = append(r.rows, row{"  " + name, number(value) + " " + unit, "≤ " + number(bound) + " " + unit, verdict})
}

// say is a figure without a bound.
func (r *report) say(name string, value float64, unit string) {
	r.rows = append(r.rows, row{name: "  " + name, measured: number(value) + " " + unit})
}

func number(value float64) string {
	if value == math.Trunc(value) {
		return fmt.Sprintf("%.0f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

// print writes the table and returns how many hard bounds are broken.
func (r *report) print(w io.Writer) int {
	fmt.Fprintf(w, "%-42s %14s  %14s  %s\n", "what", "measured", "bound", "ok")
	for _, line := range r.rows {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-42s %14s  %14s  %s", line.name, line.measured, line.bound, line.verdict), " "))
	}
	if r.broken > 0 {
		fmt.Fprintf(w, "\n%d bounds on requests or sizes are broken\n", r.broken)
	}
	return r.broken
}
