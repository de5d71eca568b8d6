package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// GraphFormat is a language a graph is drawn in.
type GraphFormat string

// The formats of cleat graph.
const (
	DOT     GraphFormat = "dot"
	Mermaid GraphFormat = "mermaid"
	SVG     GraphFormat = "svg"
)

// GraphFormats returns all formats, the default first.
func GraphFormats() []GraphFormat { return []GraphFormat{DOT, Mermaid, SVG} }

// WriteGraph draws what needs what. An arrow goes from a node to what it needs; needs that follow from others are
// left out.
func WriteGraph(w io.Writer, format GraphFormat, g *graph.Graph[config.Node]) error {
	d, err := newDrawing(g)
	if err != nil {
		return err
	}
	var text string
	switch format {
	case DOT:
		text = d.dot()
	case Mermaid:
		text = d.mermaid()
	case SVG:
		text = d.svg()
	default:
		return fmt.Errorf("graph format %q: want dot, mermaid or svg", format)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	return nil
}

// drawing is a graph reduced to what is drawn, in topological order: a node comes after all it needs.
type drawing struct {
	names []string
	kinds []config.NodeKind
	needs [][]int
}

func newDrawing(g *graph.Graph[config.Node]) (*drawing, error) {
	nodes, err := g.Sort()
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	d := &drawing{needs: make([][]int, len(nodes))}
	index := make(map[config.Node]int, len(nodes))
	for i, n := range nodes {
		index[n] = i
		d.names = append(d.names, n.String())
		d.kinds = append(d.kinds, n.Kind)
	}
	// reached[i] has a bit for every node i needs, directly or not.
	words := (len(nodes) + 63) / 64
	reached := make([][]uint64, len(nodes))
	for i, n := range nodes {
		reached[i] = make([]uint64, words)
		var direct []int
		for _, need := range g.Needs(n) {
			direct = append(direct, index[need])
			for w, bits := range reached[index[need]] {
				reached[i][w] |= bits
			}
		}
		slices.Sort(direct)
		for _, need := range direct {
			if reached[i][need/64]&(1<<(need%64)) == 0 {
				d.needs[i] = append(d.needs[i], need)
			}
		}
		for _, need := range direct {
			reached[i][need/64] |= 1 << (need % 64)
		}
	}
	return d, nil
}

func (d *drawing) dot() string {
	var b strings.Builder
	b.WriteString("digraph G {\n  rankdir = \"RL\";\n  node [shape = rect, fontname = \"sans-serif\"];\n")
	for _, name := range d.names {
		fmt.Fprintf(&b, "  %s;\n", dotQuoted(name))
	}
	for i, needs := range d.needs {
		for _, n := range needs {
			fmt.Fprintf(&b, "  %s -> %s;\n", dotQuoted(d.names[i]), dotQuoted(d.names[n]))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func dotQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func (d *drawing) mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart RL\n")
	for i, name := range d.names {
		open, end := "[", "]"
		switch d.kinds[i] {
		case config.DataNode, config.EphemeralNode:
			open, end = "[(", ")]"
		case config.OutputNode:
			open, end = "([", "])"
		case config.VariableNode, config.CheckNode:
			open, end = "{{", "}}"
		}
		fmt.Fprintf(&b, "  n%d%s\"%s\"%s\n", i, open, strings.ReplaceAll(name, `"`, "#quot;"), end)
	}
	for i, needs := range d.needs {
		for _, n := range needs {
			fmt.Fprintf(&b, "  n%d --> n%d\n", i, n)
		}
	}
	return b.String()
}
