package apply_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// shape is what there is on an engine, whatever the ids.
func (e *engine) shape() string {
	var lines []string
	for _, o := range e.copied().objects {
		if !strings.HasPrefix(o.thing.Name.ValueString(), "cleat-ledger") {
			lines = append(lines, fmt.Sprintf("%s %s %s %s\n", o.typ, o.thing.Name.ValueString(), o.thing.Color.ValueString(), o.thing.Size))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// An apply that is cut off at any of its calls is made good by the next one, whether it goes on or goes back.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	tag := func(name string) string { return "resource \"docker_tag\" \"t\" {\n name = \"" + name + "\"\n}\n" }
	for name, c := range map[string]struct{ from, to, foreign string }{
		"first apply":              {"", image("base") + tag("t") + net("front", "") + web(onImage+"\n"+onNet), ""},
		"replaced in its place":    {web(""), web("color = \"red\""), ""},
		"network":                  {net("front", "") + web(onNet), net("front", "color = \"red\"") + web(onNet), ""},
		"network before":           {net("a", "lifecycle { create_before_destroy = true }") + web(onNet), net("b", "lifecycle { create_before_destroy = true }") + web(onNet), ""},
		"image":                    {image("base") + web(onImage), image("base2") + web(onImage), ""},
		"image without user":       {image("base"), image("base2"), ""},
		"tag":                      {tag("a"), tag("b"), ""},
		"tag in its place":         {tag("a"), strings.Replace(tag("a"), "\n}", "\n color = \"red\"\n}", 1), ""},
		"in place":                 {web("size = 1"), web("size = 2"), ""},
		"moved":                    {vol("old"), vol("new") + "moved {\n from = docker_volume.old\n to = docker_volume.new\n}\n", ""},
		"last apply":               {image("base") + net("front", "") + web(onImage+"\n"+onNet), "locals {}", ""},
		"image onto a foreign one": {image("base") + web(onImage), image("base2") + web(onImage), "base2"},
		"image from a foreign one": {image("base") + web(onImage), image("base2") + web(onImage), "base"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, done, snapshots := crashes(t, c.from, c.to, c.foreign)
			for _, s := range snapshots {
				for _, goal := range []struct{ text, shape string }{{c.to, done}, {c.from, old}} {
					if goal.text == "" || name == "moved" && goal.text == c.from {
						continue
					}
					w := newWorld(t)
					w.engines[""] = s.engine.copied()
					p := w.plan(goal.text, options{})
					end := p.apply(t.Context())
					got := problems(p.diags) + end.errs + w.engine("").shape()
					if got != goal.shape {
						t.Errorf("cut off before %q, then %s%s\ngot %s\nwant %s\nledger %s", s.call, p.text(), strings.Join(end.calls, "\n"), got, goal.shape, w.ledger())
						continue
					}
					if text := w.plan(goal.text, options{}).text(); text != "" {
						t.Errorf("cut off before %q: the plan after the repair is %s", s.call, text)
					}
					w.run("locals {}", options{destroy: true})
					if left := w.engine("").shape() + w.ledger(); left != standing(c.foreign) {
						t.Errorf("cut off before %q: left after destroy: %s", s.call, left)
					}
				}
			}
		})
	}
}

// standing is the shape of a mould that is not ours.
func standing(name string) string {
	if name == "" {
		return ""
	}
	return "mould " + name + " plain <null>\n"
}

func vol(address string) string {
	return "resource \"docker_volume\" \"" + address + "\" {\n name = \"data\"\n}\n"
}

// snapshot is an engine right before a call.
type snapshot struct {
	call   string
	engine *engine
}

// crashes applies two configurations, one after the other, and returns what there is after each and the engine before
// every call of the second.
func crashes(t *testing.T, from, to, foreign string) (before, after string, all []snapshot) {
	t.Helper()
	w := newWorld(t)
	w.slots = 1
	if foreign != "" {
		w.engine("").foreign("mould", thing{Name: types.StringValue(foreign)})
	}
	if from != "" {
		w.run(from, options{})
	}
	e := w.engine("")
	before = e.shape()
	p := w.plan(to, options{})
	var mu sync.Mutex
	e.watch = func(call string) {
		s := snapshot{call, e.copied()}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, s)
	}
	end := p.apply(t.Context())
	e.watch = nil
	if end.errs != "" || len(all) == 0 {
		t.Fatalf("%s %d snapshots", end.errs, len(all))
	}
	return before, e.shape(), all
}
