package images

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/image"

	"github.com/cleat-dev/cleat/daemon/server"
)

// graph draws the images and what they were built on for graphviz (remote-api-v1.2, "List Images", format viz).
func (h handlers) graph(w http.ResponseWriter, r *server.Request) error {
	list, err := h.backend.List(r.Context(), ListOptions{All: true})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := fmt.Fprint(w, drawing(list)); err != nil {
		return fmt.Errorf("images: %w", err)
	}
	return nil
}

// drawing is a digraph with an edge from each image's parent, "base" for those without, and a box for each image with
// names. An image of the tag latest is called by its repository alone.
func drawing(list []image.Summary) string {
	var edges, boxes []string
	here := make(map[string]bool, len(list))
	for _, i := range list {
		here[i.ID] = true
	}
	for _, i := range list {
		id := short(i.ID)
		if here[i.ParentID] {
			edges = append(edges, fmt.Sprintf("\"%s\" -> \"%s\"\n", short(i.ParentID), id))
		} else {
			edges = append(edges, fmt.Sprintf("base -> \"%s\" [style=invis]\n", id))
		}
		names := []string{}
		for _, tag := range i.RepoTags {
			names = append(names, strings.TrimSuffix(tag, ":latest"))
		}
		if len(names) > 0 {
			slices.Sort(names)
			label := id + `\n` + strings.Join(names, `\n`)
			boxes = append(boxes, fmt.Sprintf("\"%s\" [label=\"%s\",shape=box,fillcolor=\"paleturquoise\",style=\"filled,rounded\"];\n", id, label))
		}
	}
	slices.Sort(edges)
	slices.Sort(boxes)
	return "digraph docker {\n" + strings.Join(edges, "") + strings.Join(boxes, "") + "base [style=invisible]\n}\n"
}

// short is an id as people see it: 12 digits.
func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}
