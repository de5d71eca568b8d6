package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestStacks applies every stack under examples/stacks, plans again, destroys, and finds the engine as it was.
func TestStacks(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(filepath.Join("..", "..", "examples", "stacks"))
	if err != nil {
		t.Fatal(err)
	}
	programs := drivers(t)
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel() // the engines; on one engine the stacks come one after the other, so that leftovers have an owner
		for _, d := range programs {
			for _, entry := range entries {
				t.Run(d.name+"/"+entry.Name(), func(t *testing.T) {
					before := inventory(t, e)
					p := newProject(t, d, e, entry.Name())
					p.must(t, 0, p.with("apply", "-auto-approve", "-no-color")...)
					if diff := cmp.Diff(before, inventory(t, e)); diff == "" {
						t.Error("apply made nothing")
					}
					p.must(t, 0, p.with("plan", "-detailed-exitcode", "-no-color")...)
					p.must(t, 0, p.with("destroy", "-auto-approve", "-no-color")...)
					if diff := cmp.Diff(before, inventory(t, e)); diff != "" {
						t.Errorf("the engine before and after (-before +after):\n%s", diff)
					}
				})
			}
		}
	})
}

// inventory names everything on an engine, sorted.
func inventory(t *testing.T, e *acctest.Engine) []string {
	t.Helper()
	ctx, c := t.Context(), e.Client(t)
	var all []string
	containers, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range containers.Items {
		all = append(all, "container "+item.Names[0])
	}
	networks, err := c.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range networks.Items {
		all = append(all, "network "+item.Name)
	}
	volumes, err := c.VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range volumes.Items {
		all = append(all, "volume "+item.Name)
	}
	images, err := c.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range images.Items {
		for _, name := range item.RepoTags {
			all = append(all, "image "+name)
		}
	}
	slices.Sort(all)
	return all
}
