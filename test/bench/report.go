//go:build linux

package main

import (
	"fmt"
	"io"
)

// report collects figures in the order they are measured.
type report struct {
	lines  []string
	broken int
}

func (r *report) heading(format string, args ...any) {
	r.lines = append(r.lines, "", fmt.Sprintf(format, args...))
}

func (r *report) note(text string) { r.lines = append(r.lines, text) }

// hard is a figure whose bound must hold: nothing but our code moves it.
func (r *report) hard(name string, value, bound float64, unit string) {
	if value > bound {
		r.broken++
	}
	r.figure(name, value, bound, unit)
}

// soft is a figure with a bound that a busy machine can break.
func (r *report) soft(name string, value, bound float64, unit string) {
	r.figure(name, value, bound, unit)
}

func (r *report) figure(name string, value, bound float64, unit string) {
	verdict := "ok"
	if value > bound {
		verdict = "OVER"
	}
	r.lines = append(r.lines, fmt.Sprintf("  %-36s %10s %-3s  bound %8s  %s", name, number(value), unit, number(bound), verdict))
}

// say is a figure without a bound.
func (r *report) say(name string, value float64, unit string) {
	r.lines = append(r.lines, fmt.Sprintf("  %-36s %10s %s", name, number(value), unit))
}

func number(value float64) string {
	if value == float64(int64(value)) {
		return fmt.Sprintf("%d", int64(value))
	}
	return fmt.Sprintf("%.2f", value)
}

// print writes everything and returns how many hard bounds are broken.
func (r *report) print(w io.Writer) int {
	for _, line := range r.lines {
		fmt.Fprintln(w, line)
	}
	if r.broken > 0 {
		fmt.Fprintf(w, "\n%d bounds on requests or sizes are broken\n", r.broken)
	}
	return r.broken
}
