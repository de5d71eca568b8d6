//go:build linux

package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSpans: only unchanged, unwritable parts of the program itself are dropped.
func TestSpans(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		head, anonymous string
		clean           bool
	}{
		"text":             {"00400000-01a00000 r-xp 00000000 fe:00 42       /usr/bin/cleatd", "0 kB", true},
		"constants":        {"00400000-01a00000 r--p 00000000 fe:00 42       /usr/bin/cleatd", "0 kB", true},
		"relocated":        {"00400000-01a00000 r--p 00000000 fe:00 42       /usr/bin/cleatd", "12 kB", false},
		"data":             {"00400000-01a00000 rw-p 00000000 fe:00 42       /usr/bin/cleatd", "0 kB", false},
		"another file":     {"00400000-01a00000 r--s 00000000 fe:00 42       /var/lib/cleat/records.db", "0 kB", false},
		"another cleatd":   {"00400000-01a00000 r-xp 00000000 fe:00 42       /old/usr/bin/cleatd", "0 kB", false},
		"memory":           {"c000000000-c000400000 rw-p 00000000 00:00 0", "900 kB", false},
		"not readable":     {"00400000-01a00000 ---p 00000000 fe:00 42       /usr/bin/cleatd", "0 kB", false},
		"anonymous, empty": {"c000000000-c000400000 r--p 00000000 00:00 0", "0 kB", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []span
			for _, line := range []string{test.head, "Size:   22528 kB", "Anonymous:   " + test.anonymous, "VmFlags: rd ex mr"} {
				all = addSpan(all, line, "/usr/bin/cleatd")
			}
			if len(all) != 1 || all[0].clean != test.clean || all[0].end <= all[0].start {
				t.Errorf("%+v, want one, clean %v", all, test.clean)
			}
		})
	}
}

// TestTrim: the program goes on, its constants and functions are there.
func TestTrim(t *testing.T) {
	t.Parallel()
	for range 3 {
		all, err := spans()
		if err != nil || len(all) == 0 {
			t.Fatalf("%v, %v", all, err)
		}
		if e := drop(all); e != 0 {
			t.Fatal(e)
		}
		words := []string{"c", "a", "b"}
		slices.Sort(words)
		if diff := cmp.Diff([]string{"a", "b", "c"}, words); diff != "" {
			t.Error(diff)
		}
	}
}
