package images

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/image"
)

// The drawing of the document's images, remote-api-v1.2, "List Images".
func TestDrawing(t *testing.T) {
	t.Parallel()
	list := []image.Summary{}
	for _, i := range []struct{ id, parent, tag string }{
		{"27cf78414709", "", ""}, {"b750fe79269d", "27cf78414709", "ubuntu:latest"}, {"1496068ca813", "b750fe79269d", ""},
		{"08306dc45919", "1496068ca813", ""}, {"e9aa60c60128", "", "centos:latest"}, {"9a33b36209ed", "f71189fff3de", "fedora:latest"},
		{"f71189fff3de", "074be284591f", ""}, {"074be284591f", "", "team/web:2"},
	} {
		summary := image.Summary{ID: whole(i.id)}
		if i.parent != "" {
			summary.ParentID = whole(i.parent)
		}
		if i.tag != "" {
			summary.RepoTags = []string{i.tag}
		}
		list = append(list, summary)
	}
	list[1].RepoTags = append(list[1].RepoTags, "ubuntu:12.04")
	want := `digraph docker {
"074be284591f" -> "f71189fff3de"
"1496068ca813" -> "08306dc45919"
"27cf78414709" -> "b750fe79269d"
"b750fe79269d" -> "1496068ca813"
"f71189fff3de" -> "9a33b36209ed"
base -> "074be284591f" [style=invis]
base -> "27cf78414709" [style=invis]
base -> "e9aa60c60128" [style=invis]
"074be284591f" [label="074be284591f\nteam/web:2",shape=box,fillcolor="paleturquoise",style="filled,rounded"];
"9a33b36209ed" [label="9a33b36209ed\nfedora",shape=box,fillcolor="paleturquoise",style="filled,rounded"];
"b750fe79269d" [label="b750fe79269d\nubuntu\nubuntu:12.04",shape=box,fillcolor="paleturquoise",style="filled,rounded"];
"e9aa60c60128" [label="e9aa60c60128\ncentos",shape=box,fillcolor="paleturquoise",style="filled,rounded"];
base [style=invisible]
}
`
	if diff := cmp.Diff(want, drawing(list)); diff != "" {
		t.Errorf("drawing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("digraph docker {\nbase [style=invisible]\n}\n", drawing(nil)); diff != "" {
		t.Errorf("no images (-want +got):\n%s", diff)
	}
	// A parent that is not here is as none.
	orphan := drawing([]image.Summary{{ID: whole("27cf78414709"), ParentID: whole("b750fe79269d")}})
	if !strings.Contains(orphan, `base -> "27cf78414709"`) {
		t.Error(orphan)
	}
}

func whole(short string) string { return "sha256:" + short + strings.Repeat("0", 52) }
