package view

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/reconcile/config"
)

// Measures of the drawing in pixels. The font is monospaced, so that the width of a name is known without one.
const (
	charWidth  = 7.3
	boxPadding = 12.0
	boxHeight  = 28.0
	rowGap     = 14.0
	layerGap   = 70.0
	margin     = 16.0
)

// spot is a place in a layer: a node, or a bend of an edge that passes through the layer.
type spot struct {
	node        int // -1 for a bend
	layer       int
	x, y, width float64
	// left are the spots in the layer before this one it is connected to, right those in the layer after it.
	left, right []*spot
	order       float64
}

// layout places nodes in layers from left to right: each right of all it needs.
type layout struct {
	layers        [][]*spot
	nodes         []*spot
	width, height float64
}

func (d *drawing) layout() *layout {
	l := &layout{nodes: make([]*spot, len(d.names))}
	for i, needs := range d.needs { // in topological order
		s := &spot{node: i, width: float64(columns(d.names[i]))*charWidth + 2*boxPadding}
		for _, n := range needs {
			s.layer = max(s.layer, l.nodes[n].layer+1)
		}
		l.nodes[i] = s
		l.put(s)
	}
	for i, needs := range d.needs {
		for _, n := range needs {
			l.connect(l.nodes[n], l.nodes[i])
		}
	}
	l.untangle()
	l.place()
	return l
}

func (l *layout) put(s *spot) {
	for len(l.layers) <= s.layer {
		l.layers = append(l.layers, nil)
	}
	s.order = float64(len(l.layers[s.layer]))
	l.layers[s.layer] = append(l.layers[s.layer], s)
}

// connect joins a needed node with one that needs it, with a bend in every layer between.
func (l *layout) connect(from, to *spot) {
	for from.layer+1 < to.layer {
		bend := &spot{node: -1, layer: from.layer + 1}
		l.put(bend)
		from.right, bend.left = append(from.right, bend), append(bend.left, from)
		from = bend
	}
	from.right, to.left = append(from.right, to), append(to.left, from)
}

// sweeps is how often the layers are ordered by their neighbours, in both directions; more changes little.
const sweeps = 4

// untangle orders the spots of each layer by the mean place of what they are connected to.
func (l *layout) untangle() {
	for range sweeps {
		for _, layer := range l.layers {
			reorder(layer, func(s *spot) []*spot { return s.left })
		}
		for _, layer := range slices.Backward(l.layers) {
			reorder(layer, func(s *spot) []*spot { return s.right })
		}
	}
}

func reorder(layer []*spot, neighbours func(*spot) []*spot) {
	for _, s := range layer {
		near := neighbours(s)
		if len(near) == 0 {
			continue
		}
		sum := 0.0
		for _, n := range near {
			sum += n.order
		}
		s.order = sum / float64(len(near))
	}
	slices.SortStableFunc(layer, func(a, b *spot) int { return cmp.Compare(a.order, b.order) })
	for i, s := range layer {
		s.order = float64(i)
	}
}

func (l *layout) place() {
	x := margin
	for _, layer := range l.layers {
		widest, y := 0.0, margin
		for _, s := range layer {
			widest = max(widest, s.width)
		}
		for _, s := range layer {
			s.x, s.y = x, y
			s.width = widest // one width a layer: arrows begin and end in line
			y += boxHeight + rowGap
		}
		x += widest + layerGap
		l.height = max(l.height, y-rowGap+margin)
	}
	l.width = x - layerGap + margin
	for _, layer := range l.layers { // low layers stand in the middle
		shift := (l.height - margin*2 - float64(len(layer))*(boxHeight+rowGap) + rowGap) / 2
		for _, s := range layer {
			s.y += shift
		}
	}
}

func (d *drawing) svg() string {
	l := d.layout()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">`+"\n",
		max(l.width, 2*margin), max(l.height, 2*margin), max(l.width, 2*margin), max(l.height, 2*margin))
	b.WriteString(`  <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" fill="#667085"/></marker></defs>` + "\n")
	b.WriteString(`  <rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	for _, s := range l.nodes {
		for _, need := range s.left {
			d.edge(&b, s, need)
		}
	}
	for i, s := range l.nodes {
		fill, stroke := colours(d.kinds[i])
		name := html.EscapeString(d.names[i])
		fmt.Fprintf(&b, `  <g><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="5" fill="%s" stroke="%s"/>`, name, s.x, s.y, s.width, boxHeight, fill, stroke)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="#101828">%s</text></g>`+"\n", s.x+boxPadding, s.y+boxHeight/2+4, name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// edge draws an arrow from a node back to what it needs, through the bends between.
func (d *drawing) edge(b *strings.Builder, from, to *spot) {
	x, y := from.x, from.y+boxHeight/2
	fmt.Fprintf(b, `  <path d="M%.1f %.1f`, x, y)
	for {
		right, middle := to.x+to.width, to.y+boxHeight/2
		half := (x - right) / 2
		fmt.Fprintf(b, " C%.1f %.1f %.1f %.1f %.1f %.1f", x-half, y, right+half, middle, right, middle)
		if to.node >= 0 {
			break
		}
		fmt.Fprintf(b, " L%.1f %.1f", to.x, middle)
		x, y, to = to.x, middle, to.left[0]
	}
	b.WriteString(`" fill="none" stroke="#667085" marker-end="url(#arrow)"/>` + "\n")
}

func colours(k config.NodeKind) (fill, stroke string) {
	switch k {
	case config.DataNode, config.EphemeralNode:
		return "#ecfdf3", "#12b76a"
	case config.OutputNode:
		return "#f2f4f7", "#98a2b3"
	case config.VariableNode:
		return "#fffaeb", "#f79009"
	case config.CheckNode:
		return "#fef3f2", "#f04438"
	default:
		return "#eff8ff", "#2e90fa"
	}
}
