//go:build linux

package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/daemon"
	"github.com/cleat-dev/cleat/daemon/server"
)

var update = flag.Bool("update", false, "write design/api-conformance.md")

// TestConformance keeps design/api-conformance.md what the tables of routes say.
func TestConformance(t *testing.T) {
	t.Parallel()
	got, _, err := server.Conformance(daemon.Routes(daemon.Backends{}))
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
