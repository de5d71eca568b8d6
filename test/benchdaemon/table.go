//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// metric is one line of the table.
type metric struct {
	name, unit string
	// bound is what cleatd's value is to be, as a multiple of the peer's: at most, or at least where more is better.
	// Zero with limit set is a bound in the metric's own unit.
	bound, limit float64
	more         bool
	take         func(ctx context.Context, s *subject) (float64, error)
}

// metrics are taken in this order. The bounds are the project's own.
var metrics = []metric{
	{name: "cold start", unit: "ms", bound: 1. / 3, take: coldStart},
	{name: "idle PSS", unit: "MiB", bound: 1. / 4, take: idlePSS},
	{name: "cycle, network none", unit: "ms", bound: 1. / 4, take: cycle("none")},
	{name: "cycle, bridge", unit: "ms", bound: 1. / 4, take: cycle("bridge")},
	{name: "parallel, 8 at once, each", unit: "ms", bound: 1. / 5, take: parallel},
	{name: "exec", unit: "ms", bound: 1. / 3, take: execs},
	{name: "memory per running container", unit: "MiB", limit: 0.8, take: perContainer},
	{name: "list of 100 containers", unit: "ms", bound: 1. / 4, take: list},
	{name: "pull", unit: "MB/s", bound: 1.5, more: true, take: pull},
	{name: "log write", unit: "MB/s", bound: 8, more: true, take: logWrite},
	{name: "log read", unit: "MB/s", bound: 20, more: true, take: logRead},
	{name: "build of five RUN true", unit: "ms", bound: 1. / 4, take: build},
}

// printTable writes a line for each metric: the engines' values, the ratio to the peer and the bound.
func printTable(w io.Writer, kinds []string, figures map[string]map[string]float64) {
	fmt.Fprintf(w, "\n%-30s", "what")
	for _, kind := range kinds {
		fmt.Fprintf(w, " %16s", kind)
	}
	fmt.Fprintf(w, " %8s  %s\n", "ratio", "bound")
	for _, m := range metrics {
		if _, taken := figures[kinds[0]][m.name]; !taken {
			continue
		}
		fmt.Fprintf(w, "%-30s", m.name)
		for _, kind := range kinds {
			fmt.Fprintf(w, " %16s", fmt.Sprintf("%.2f %s", figures[kind][m.name], m.unit))
		}
		fmt.Fprintf(w, " %8s  %s\n", m.ratio(kinds[0], figures), m.verdict(kinds[0], figures))
	}
}

func (m metric) ratio(kind string, figures map[string]map[string]float64) string {
	if figures[peer][m.name] == 0 || kind == peer {
		return ""
	}
	return fmt.Sprintf("%.2f", figures[kind][m.name]/figures[peer][m.name])
}

func (m metric) verdict(kind string, figures map[string]map[string]float64) string {
	value, bound, sign := figures[kind][m.name], m.limit, "≤"
	if m.bound > 0 {
		if figures[peer][m.name] == 0 || kind == peer {
			return ""
		}
		value, bound = value/figures[peer][m.name], m.bound
	}
	holds := value <= bound
	if m.more {
		sign, holds = "≥", value >= bound
	}
	verdict := "over"
	if holds {
		verdict = "ok"
	}
	return fmt.Sprintf("%s %.2f %s", sign, bound, verdict)
}

// printSizes writes how big the programs are, which nothing on the machine can move.
func printSizes(w io.Writer) error {
	dir := cmp.Or(os.Getenv("CLEAT_BIN"), "bin")
	for _, program := range []struct {
		name  string
		limit float64 // MB
	}{{"cleatd", 35}, {"cleat-creator", 0}, {"cleat-monitor", 2}} {
		info, err := os.Stat(filepath.Join(dir, program.name))
		if err != nil {
			return err
		}
		size, verdict := float64(info.Size())/1e6, ""
		if program.limit > 0 {
			verdict = fmt.Sprintf("≤ %.0f ", program.limit)
			if size <= program.limit {
				verdict += "ok"
			} else {
				verdict += "over"
			}
		}
		fmt.Fprintf(w, "%-30s %16s %25s  %s\n", "size of "+program.name, fmt.Sprintf("%.2f MB", size), "", verdict)
	}
	return nil
}
