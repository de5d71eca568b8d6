package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
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

// TestStacksOld: an engine of the oldest API takes a stack of all it has, by both programs, through its life; what the
// examples need beyond that is refused at plan, where nothing was made yet.
func TestStacksOld(t *testing.T) {
	t.Parallel()
	e := acctest.HeldCleatd(t, "1.18")
	for _, d := range drivers(t) {
		for stack, needs := range map[string]string{"quickstart": "1.21", "monitoring": "1.21", "sites": "1.21", "two-hosts": "1.21"} {
			t.Run(d.name+"/"+stack, func(t *testing.T) {
				before := inventory(t, e)
				p := newProject(t, d, e, stack)
				out := strings.Join(strings.Fields(strings.ReplaceAll(p.must(t, 1, p.with("plan", "-no-color")...), "│", "")), " ")
				for _, want := range []string{"needs engine API " + needs + " or newer, this engine speaks 1.18", "on main.tf line"} {
					if stack == "sites" && want == "on main.tf line" {
						want = "on site/main.tf line"
					}
					if !strings.Contains(out, want) {
						t.Errorf("the plan does not say %q:\n%s", want, out)
					}
				}
				if diff := cmp.Diff(before, inventory(t, e)); diff != "" {
					t.Errorf("the engine before and after (-before +after):\n%s", diff)
				}
			})
		}
		t.Run(d.name+"/old", func(t *testing.T) { liveOld(t, newStack(t, d, e, filepath.Join("testdata", "old"))) })
	}
}

// liveOld takes the stack through its life: made, nothing to do, changed, repaired, gone.
func liveOld(t *testing.T, p *project) {
	t.Helper()
	before := inventory(t, p.engine)
	settled := func() {
		t.Helper()
		p.must(t, 0, p.with("apply", "-auto-approve", "-no-color")...)
		p.must(t, 0, p.with("plan", "-detailed-exitcode", "-no-color")...)
	}
	settled()
	if diff := cmp.Diff(before, inventory(t, p.engine)); diff == "" {
		t.Error("apply made nothing")
	}
	ctx, c := t.Context(), reach(t, p.engine)
	made, err := c.ContainerInspect(ctx, "cleat-old-web", client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.vars = append(p.vars, "-var", "memory=48")
	plan := strings.Join(strings.Fields(p.must(t, 2, p.with("plan", "-detailed-exitcode", "-no-color")...)), " ")
	if !strings.Contains(plan, "in place only from 1.22 on") {
		t.Errorf("the plan of another limit does not say why it replaces:\n%s", plan)
	}
	settled()
	now, err := c.ContainerInspect(ctx, "cleat-old-web", client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if now.Container.ID == made.Container.ID || now.Container.HostConfig.Memory != 48<<20 {
		t.Errorf("%s with %d bytes, before %s", now.Container.ID, now.Container.HostConfig.Memory, made.Container.ID)
	}
	if _, err := c.ContainerKill(ctx, "cleat-old-web", client.ContainerKillOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ContainerRemove(ctx, "cleat-old-job", client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ImageRemove(ctx, "cleat-old/app:stable", client.ImageRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	p.must(t, 2, p.with("plan", "-detailed-exitcode", "-no-color")...)
	settled()
	p.must(t, 0, p.with("destroy", "-auto-approve", "-no-color")...)
	if diff := cmp.Diff(before, inventory(t, p.engine)); diff != "" {
		t.Errorf("the engine before and after (-before +after):\n%s", diff)
	}
}

// inventory names everything on an engine, sorted.
func inventory(t *testing.T, e *acctest.Engine) []string {
	t.Helper()
	ctx, c := t.Context(), reach(t, e)
	var all []string
	containers, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range containers.Items {
		all = append(all, "container "+item.Names[0])
	}
	if !e.IsOld() {
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
