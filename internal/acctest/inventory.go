package acctest

import (
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

// Inventory is all the engine holds, one line each, sorted: containers, volumes and networks by name, images by each of
// their tags, or by id when they have none.
func (e *Engine) Inventory(tb testing.TB) []string {
	tb.Helper()
	ctx, c := tb.Context(), e.Client(tb)
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	var all []string
	containers, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	must(err)
	for _, i := range containers.Items {
		all = append(all, "container "+strings.Join(i.Names, ","))
	}
	volumes, err := c.VolumeList(ctx, client.VolumeListOptions{})
	must(err)
	for _, i := range volumes.Items {
		all = append(all, "volume "+i.Name)
	}
	networks, err := c.NetworkList(ctx, client.NetworkListOptions{})
	must(err)
	for _, i := range networks.Items {
		all = append(all, "network "+i.Name)
	}
	images, err := c.ImageList(ctx, client.ImageListOptions{})
	must(err)
	for _, i := range images.Items {
		tags := slices.DeleteFunc(slices.Clone(i.RepoTags), func(tag string) bool { return strings.Contains(tag, "<none>") })
		if len(tags) == 0 {
			tags = []string{i.ID}
		}
		for _, tag := range tags {
			all = append(all, "image "+tag)
		}
	}
	slices.Sort(all)
	return all
}
