//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/oasdiff/yaml"

	"github.com/cleat-dev/cleat/daemon"
	"github.com/cleat-dev/cleat/daemon/server"
)

var update = flag.Bool("update", false, "write design/api-conformance.md")

// TestConformance keeps design/api-conformance.md what the tables of routes say, and no call of a document away.
func TestConformance(t *testing.T) {
	t.Parallel()
	got, missing, err := server.Conformance(daemon.Routes(daemon.Backends{}), append(server.Documents(), newest(t)))
	if err != nil {
		t.Fatal(err)
	}
	if missing > 0 {
		t.Errorf("%d documented calls are not served:\n%s", missing, got)
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
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the routes say: run this test with -update (-file +routes):\n%s", file, diff)
	}
}

// lone are the parts of the newest document that are about swarms, plugins and BuildKit's sessions.
var lone = []string{"/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs", "/plugins", "/session"}

// newest is the document of the version the daemon announces, from the module it comes with.
func newest(t *testing.T) server.Document {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/moby/api").Output()
	if err != nil {
		t.Fatalf("the module with the documents: %v", err)
	}
	raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "docs", "v"+server.Newest().String()+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = yaml.YAMLToJSON(raw); err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	out := server.Document{Name: "Engine API v" + server.Newest().String(), At: server.Newest()}
	for path, operations := range document.Paths {
		for method, operation := range operations {
			var o struct{ Summary string }
			if err := json.Unmarshal(operation, &o); err != nil || method == "parameters" {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			call := server.DocumentedCall{Method: strings.ToUpper(method), Path: path, Heading: strings.Trim(strings.TrimSpace(o.Summary), `"`)}
			call.Lone = slices.ContainsFunc(lone, func(part string) bool { return path == part || strings.HasPrefix(path, part+"/") }) ||
				call.Method == "PUT" && path == "/volumes/{name}" // of a cluster
			out.Calls = append(out.Calls, call)
		}
	}
	if len(out.Calls) < 100 {
		t.Fatalf("the document has %d calls only", len(out.Calls))
	}
	slices.SortFunc(out.Calls, func(a, b server.DocumentedCall) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return out
}
