//go:build linux

package images

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/registry"
)

// TestParents: what was built on what is kept over save and load, when both are in the archive.
func TestParents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	base := w.made("one", "1", "a")
	child := w.built(base, "two", "b")
	w.built(child, "three", "c")
	for _, c := range []struct {
		names []string
		want  map[string]string
	}{
		{[]string{"three", "two", "one:1"}, map[string]string{"two": base, "three": child}},
		{[]string{"three", "one:1"}, map[string]string{"three": ""}},
	} {
		var saved bytes.Buffer
		must(t, w.Save(t.Context(), c.names, &saved))
		fresh := newWorld(t, registry.Config{})
		must(t, fresh.Load(t.Context(), &saved, true, ignore))
		for name, want := range c.want {
			got, err := fresh.Resolve(t.Context(), name)
			must(t, err)
			if got.Parent != want {
				t.Errorf("%v: parent of %s is %q, want %q", c.names, name, got.Parent, want)
			}
		}
	}
}

// TestParentsFirst: a table may say anything.
func TestParentsFirst(t *testing.T) {
	t.Parallel()
	const a, b = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef", "sha256:dbff656352ca524956c565cc6ea72f5541031c6b43498fb7135c3124070277ff"
	image := func(id, parent string, layers ...string) tabled {
		raw := []byte(`{"rootfs":{"diff_ids":[`)
		for i, layer := range layers {
			raw = fmt.Appendf(raw, "%s%q", map[bool]string{true: ","}[i > 0], layer)
		}
		return tabled{manifestItem{Parent: parent, Layers: layers}, id, append(raw, "]}}"...)}
	}
	for name, c := range map[string]struct {
		all  []tabled
		want []string
	}{
		"turned round":    {[]tabled{image("2", "1", a, b), image("1", "", a)}, []string{"1<", "2<1"}},
		"in a circle":     {[]tabled{image("2", "1", a), image("1", "2", a)}, []string{"1<", "2<1"}},
		"of itself":       {[]tabled{image("1", "1", a)}, []string{"1<"}},
		"of nobody":       {[]tabled{image("1", "9", a)}, []string{"1<"}},
		"of other layers": {[]tabled{image("1", "", b), image("2", "1", a, b)}, []string{"1<", "2<"}},
		"of more layers":  {[]tabled{image("1", "", a, b), image("2", "1", a)}, []string{"1<", "2<"}},
		"twice":           {[]tabled{image("1", "", a), image("1", "", a)}, []string{"1<"}},
	} {
		var got []string
		for _, image := range parentsFirst(c.all) {
			got = append(got, image.id+"<"+image.Parent)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
