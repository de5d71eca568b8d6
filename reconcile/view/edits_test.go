package view

import (
	"strings"
	"testing"
)

// FuzzEdits checks that the steps rebuild both lists in order, whatever they are.
func FuzzEdits(f *testing.F) {
	f.Add("a b c", "a c d")
	f.Add("", "x")
	f.Add("x x x", "x")
	f.Fuzz(func(t *testing.T, before, after string) {
		a, b := strings.Split(before, " "), strings.Split(after, " ")
		if len(a)*len(b) > 1<<16 {
			t.Skip("too long to be quick")
		}
		var old, new []string
		for _, e := range edits(a, b, func(x, y string) bool { return x == y }) {
			if e.op != added {
				old = append(old, a[e.old])
			}
			if e.op != removed {
				new = append(new, b[e.new])
			}
			if e.op == kept && a[e.old] != b[e.new] {
				t.Errorf("kept %q as %q", a[e.old], b[e.new])
			}
		}
		if strings.Join(old, " ") != before || strings.Join(new, " ") != after {
			t.Errorf("got %q and %q from %q and %q", old, new, before, after)
		}
	})
}

// Lists too long for the table are still told apart whole.
func TestEditsOfLongLists(t *testing.T) {
	t.Parallel()
	a, b := make([]int, 2000), make([]int, 2000)
	for i := range a {
		a[i], b[i] = i, -i-1
	}
	a[0], b[0], a[1999], b[1999] = 7, 7, 8, 8
	counts := map[op]int{}
	for _, e := range edits(a, b, func(x, y int) bool { return x == y }) {
		counts[e.op]++
	}
	if counts[kept] != 2 || counts[removed] != 1998 || counts[added] != 1998 {
		t.Errorf("got %v", counts)
	}
}
