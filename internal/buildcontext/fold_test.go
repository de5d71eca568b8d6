package buildcontext_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/buildcontext"
)

func TestFold(t *testing.T) {
	t.Parallel()
	files := map[string]string{"Dockerfile": "F", "top/x": "", "top/y": "", "top/deep/few/1": "1"}
	for i := range 20 {
		files[fmt.Sprintf("top/deep/many/%02d", i)] = fmt.Sprint(i)
	}
	dir := tree(t, files)
	_, m := read(t, dir, "")
	for limit, want := range map[int][]string{
		10: {"Dockerfile", "top/deep/few/1", "top/deep/many/", "top/x", "top/y"},
		4:  {"Dockerfile", "top/deep/", "top/x", "top/y"},
		3:  {"Dockerfile", "top/"},
		1:  {"./"},
	} {
		before := m.Fold(limit)
		if diff := cmp.Diff(want, names(before)); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
		if !cmp.Equal(before, m.Fold(limit)) {
			t.Errorf("limit %d: folds differently the second time", limit)
		}
	}

	put(t, dir, "top/deep/many/07", "changed")
	_, after := read(t, dir, "")
	for limit, want := range map[int]string{
		30: "top/deep/many/07 changed", 10: "top/deep/many/ changed", 4: "top/deep/ changed", 3: "top/ changed", 1: "./ changed",
	} {
		if got := buildcontext.Explain(m.Fold(limit), after.Fold(limit)); got != want {
			t.Errorf("limit %d: explained as %q, want %q", limit, got, want)
		}
	}
	// One side folds what the other spells out: the directory is named, its files are not.
	for _, pair := range [][2]map[string]string{{m.Fold(30), after.Fold(10)}, {after.Fold(10), m.Fold(30)}} {
		if got, want := buildcontext.Explain(pair[0], pair[1]), "top/deep/many/ changed"; got != want {
			t.Errorf("across limits: explained as %q, want %q", got, want)
		}
	}
	if got := buildcontext.Explain(m.Fold(10), m.Fold(10)); got != "" {
		t.Errorf("no difference is explained as %q", got)
	}
}

func BenchmarkManifest(b *testing.B) {
	dir := b.TempDir()
	for i := range 2000 {
		at := filepath.Join(dir, fmt.Sprint("d", i%50), fmt.Sprint("f", i))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(at, make([]byte, 8<<10), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	c, err := buildcontext.Open(dir, "")
	if err != nil {
		b.Fatal(err)
	}
	h := new(buildcontext.Hasher)
	for b.Loop() {
		m, err := c.Manifest(b.Context(), h)
		if err != nil {
			b.Fatal(err)
		}
		m.Fold(512)
	}
}
