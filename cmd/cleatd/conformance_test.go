//go:build linux

package main

import (
	"flag"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/daemon/routes/builds"
	"github.com/cleat-dev/cleat/daemon/routes/containers"
	"github.com/cleat-dev/cleat/daemon/routes/system"
	"github.com/cleat-dev/cleat/daemon/routes/volumes"
	"github.com/cleat-dev/cleat/daemon/server"
)

var update = flag.Bool("update", false, "write design/api-conformance.md")

// served are the nouns whose routes the daemon has, by what it imports.
func served(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "daemon", "routes.go"), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var nouns []string
	for _, spec := range file.Imports {
		if _, noun, ok := strings.Cut(strings.Trim(spec.Path.Value, `"`), "/daemon/routes/"); ok {
			nouns = append(nouns, noun)
		}
	}
	slices.Sort(nouns)
	return nouns
}

// TestConformance keeps design/api-conformance.md what the tables of routes say.
func TestConformance(t *testing.T) {
	t.Parallel()
	// The nouns daemon/routes.go serves, not all there are: the file must not claim what the daemon does not do.
	tables := map[string][]server.Route{
		"builds": builds.Routes(nil), "containers": containers.Routes(nil), "system": system.Routes(nil), "volumes": volumes.Routes(nil),
	}
	if diff := cmp.Diff(served(t), slices.Sorted(maps.Keys(tables))); diff != "" {
		t.Fatalf("nouns (-daemon/routes.go +this test):\n%s", diff)
	}
	got, _, err := server.Conformance(slices.Concat(slices.Collect(maps.Values(tables))...))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "design", "api-conformance.md")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the routes say: run this test with -update (-file +routes):\n%s", file, diff)
	}
}
