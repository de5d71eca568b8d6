package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTree is the test this package is for.
func TestTree(t *testing.T) {
	t.Parallel()
	problems, err := check(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

// TestRules shows that each rule can fail.
func TestRules(t *testing.T) {
	t.Parallel()
	got, err := check(filepath.Join("testdata", "bad"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"api/api.go:3: api must not import client: it may import api/...",
		"api: no package comment: say what the package is for, in doc.go",
		"daemon/images/images.go:5: daemon/images must not import the service daemon/containers: declare the interface it needs",
		"helpers/helpers.go:10: context.Background: take the context as first argument; only a main has its own",
		"helpers/helpers.go:11: time.Sleep: wait for the event, a channel, or use testing/synctest",
		"helpers/helpers.go:2: package helpers: name a package after what it provides",
		"helpers/helpers.go:9: init(): wire it by hand where it is used",
		"helpers/helpers_test.go:10: time.Sleep: wait for the event, a channel, or use testing/synctest",
		"helpers/helpers_test.go:1: package helpers: name a package after what it provides",
		"reconcile/graph/graph.go:4: reconcile/graph must not import reconcile/plan: it may import internal/...",
		"unknown/unknown.go:4: unknown has no row in the table of imports (internal/archtest/layers.go)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	long := "// Package long is long.\npackage long\n" + strings.Repeat("// more\n", maxLines)
	for _, name := range []string{"long.go", "schema.go", "long_test.go"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(long), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := check(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"long.go:2: 502 lines, the cap is 500: split it by subject"}, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
