package parity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCompare: the suite sees every kind of difference, and an allowance covers no more than it says.
func TestCompare(t *testing.T) {
	t.Parallel()
	base := func(change func(*object)) planned {
		o := object{
			action: "replace", because: "attributes", changed: []string{"command"}, replaces: []string{"command"}, unknown: []string{"id"},
			values: map[string]any{"command": []any{"sleep"}},
		}
		if change != nil {
			change(&o)
		}
		return planned{objects: map[string]object{"docker_container.a": o}, outputs: map[string]output{"o": {action: "create", value: "x"}}}
	}
	for name, c := range map[string]struct {
		cleat planned
		want  []string
	}{
		"same":     {base(nil), nil},
		"action":   {base(func(o *object) { o.action = "update" }), []string{"docker_container.a action"}},
		"order":    {base(func(o *object) { o.createFirst = true }), []string{"docker_container.a create first"}},
		"changed":  {base(func(o *object) { o.changed = append(o.changed, "env") }), []string{"docker_container.a changes env"}},
		"replaces": {base(func(o *object) { o.replaces = nil }), []string{"docker_container.a replaces for command"}},
		"unknown":  {base(func(o *object) { o.unknown = []string{"ip"} }), []string{"docker_container.a unknown id", "docker_container.a unknown ip"}},
		"value":    {base(func(o *object) { o.values = map[string]any{"command": []any{"sleep", nil}} }), []string{"docker_container.a value of command"}},
		"missing":  {planned{}, []string{"docker_container.a action", "output.o action"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range compare(1, base(nil), c.cleat) {
				got = append(got, d.subject+" "+d.field)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	d := difference{2, "docker_container.a", "action", "update", "no-op"}
	for i, a := range []struct {
		allowance
		want bool
	}{
		{allowance{"f", 2, "docker_container.*", "action", nil, "no-op", ""}, true},
		{allowance{"f", 0, "*", "act*", nil, nil, ""}, true},
		{allowance{"g", 0, "*", "*", nil, nil, ""}, false},
		{allowance{"f", 1, "*", "*", nil, nil, ""}, false},
		{allowance{"f", 0, "*", "*", "create", nil, ""}, false},
		{allowance{"f", 0, "docker_volume.*", "*", nil, nil, ""}, false},
	} {
		if got := a.covers("f", d); got != a.want {
			t.Errorf("%d: covers: %t", i, got)
		}
	}
}

// TestMask: what is a world's own compares equal, and nothing else does.
func TestMask(t *testing.T) {
	t.Parallel()
	a := &world{dir: "/a/conf", prefix: "t1-f", net: "10.208.129", port: 21010}
	b := &world{dir: "/b/conf", prefix: "c2-f", net: "10.208.130", port: 21020}
	value := func(w *world, id string) any {
		return w.mask([]any{w.prefix + "-web", w.net + ".9", float64(w.port + 1), fmt.Sprintf("http://127.0.0.1:%d/", w.port), w.dir + "/x", id, map[string]any{w.prefix: true}})
	}
	id := func(digit string) string {
		text := "sha256:"
		for range 64 {
			text += digit
		}
		return text
	}
	if diff := cmp.Diff(a.mask(strings.Replace(id("a"), "aaaaa", "21015", 1)), b.mask(id("b"))); diff != "" {
		t.Errorf("a port within an id:\n%s", diff)
	}
	if diff := cmp.Diff(value(a, id("a")), value(b, id("b"))); diff != "" {
		t.Errorf("the worlds differ:\n%s", diff)
	}
	if cmp.Equal(a.mask("t1-f-web"), b.mask("c2-f-db")) || cmp.Equal(a.mask(float64(21010)), b.mask(float64(21021))) {
		t.Error("different values are masked alike")
	}
}

// TestFixturesAreComplete: every step says what is planned or how it fails.
func TestFixturesAreComplete(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		for n, s := range f.steps {
			if _, ok := s.wants(""); !ok && s.refused == nil && len(f.engines) != 1 {
				t.Errorf("%s: step %d says neither", f.name, n+1)
			}
		}
	}
}
