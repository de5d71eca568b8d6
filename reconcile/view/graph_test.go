package view

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// stack is a graph with an edge over two layers and one that follows from others.
func stack() *graph.Graph[config.Node] {
	image := config.Node{Type: "docker_image", Name: "base"}
	network := config.Node{Type: "docker_network", Name: "lan"}
	db := config.Node{Type: "docker_container", Name: "db"}
	web := config.Node{Module: graph.Module{}.Child("app"), Type: "docker_container", Name: "web"}
	info := config.Node{Kind: config.DataNode, Type: "docker_info", Name: "here"}
	port := config.Node{Kind: config.VariableNode, Name: "port"}
	url := config.Node{Kind: config.OutputNode, Name: "url"}
	g := graph.New[config.Node]()
	g.Connect(db, image)
	g.Connect(web, db)
	g.Connect(web, image) // follows: web needs db, db needs image
	g.Connect(web, network)
	g.Connect(web, port)
	g.Connect(url, web)
	g.Connect(url, info)
	return g
}

func TestWriteGraph(t *testing.T) {
	t.Parallel()
	for _, format := range GraphFormats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := WriteGraph(&b, format, stack()); err != nil {
				t.Fatal(err)
			}
			golden(t, "graph_"+string(format), b.String())
		})
	}
}

func TestWriteGraphErrors(t *testing.T) {
	t.Parallel()
	if err := WriteGraph(io.Discard, "png", stack()); err == nil || !strings.Contains(err.Error(), "dot, mermaid or svg") {
		t.Errorf("format png: %v", err)
	}
	g := stack()
	g.Connect(config.Node{Type: "docker_image", Name: "base"}, config.Node{Type: "docker_container", Name: "db"})
	if err := WriteGraph(io.Discard, SVG, g); err == nil || !strings.Contains(err.Error(), "cycle") {
		t.Errorf("cycle: %v", err)
	}
}

// Boxes of a drawing do not overlap, all lie inside it, and it is well-formed.
func TestSVGIsSound(t *testing.T) {
	t.Parallel()
	g := graph.New[config.Node]()
	node := func(i, k int) config.Node {
		return config.Node{Type: "docker_container", Name: strings.Repeat("n", i+1) + strings.Repeat("<", 1) + strings.Repeat("k", k)}
	}
	for i := range 6 {
		for k := range 5 {
			g.Add(node(i, k))
			for n := range i {
				if (i+k+n)%3 == 0 {
					g.Connect(node(i, k), node(n, (k*n)%5))
				}
			}
		}
	}
	d, err := newDrawing(g)
	if err != nil {
		t.Fatal(err)
	}
	l := d.layout()
	for i, a := range l.nodes {
		if a.x < 0 || a.y < 0 || a.x+a.width > l.width || a.y+boxHeight > l.height {
			t.Errorf("%s is outside", d.names[i])
		}
		for k, b := range l.nodes[:i] {
			if a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+boxHeight && b.y < a.y+boxHeight {
				t.Errorf("%s lies on %s", d.names[i], d.names[k])
			}
		}
		for _, n := range d.needs[i] {
			if l.nodes[n].x >= a.x {
				t.Errorf("%s is not left of %s, which needs it", d.names[n], d.names[i])
			}
		}
	}
	decoder := xml.NewDecoder(strings.NewReader(d.svg()))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEmptyGraph(t *testing.T) {
	t.Parallel()
	for _, format := range GraphFormats() {
		if err := WriteGraph(io.Discard, format, graph.New[config.Node]()); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}
