package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every action and list has a page with its example, its description and each of its attributes: docs/ is not older than they are.
func TestPages(t *testing.T) {
	t.Parallel()
	all, err := schemas(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, folder, example string }{
		{"action_schemas", "actions", "action.tf"}, {"list_resource_schemas", "list-resources", "list-resource.tfquery.hcl"},
	} {
		if len(all[c.kind]) == 0 {
			t.Errorf("the provider has no %s", c.folder)
		}
		pages, err := filepath.Glob(filepath.Join("../../docs", c.folder, "*.md"))
		if err != nil || len(pages) != len(all[c.kind]) {
			t.Errorf("docs/%s has %d pages (%v), want %d: make generate", c.folder, len(pages), err, len(all[c.kind]))
		}
		for name, schema := range all[c.kind] {
			text, err := json.Marshal(schema)
			if err != nil {
				t.Fatal(err)
			}
			var declared struct {
				Block struct {
					Description string                         `json:"description"`
					Attributes  map[string]struct{ Type any }  `json:"attributes"`
					Blocks      map[string]struct{ Block any } `json:"block_types"`
				} `json:"block"`
			}
			if err := json.Unmarshal(text, &declared); err != nil {
				t.Fatal(err)
			}
			page, err := os.ReadFile(filepath.Join("../../docs", c.folder, strings.TrimPrefix(name, "docker_")+".md"))
			if err != nil {
				t.Error(err)
				continue
			}
			example, err := os.ReadFile(filepath.Join("../../examples", c.folder, name, c.example))
			if err != nil {
				t.Error(err)
			}
			want := []string{declared.Block.Description, strings.TrimSpace(string(example))}
			for attribute, a := range declared.Block.Attributes {
				if a.Type == nil {
					t.Errorf("%s: %s has no type", name, attribute)
				}
				want = append(want, "- `"+attribute+"`")
			}
			for block, b := range declared.Block.Blocks {
				if b.Block == nil {
					t.Errorf("%s: %s is empty", name, block)
				}
				want = append(want, "- `"+block+"` (Block")
			}
			for _, w := range want {
				if w == "" || !strings.Contains(string(page), w) {
					t.Errorf("docs/%s: the page of %s does not say %q: make generate", c.folder, name, w)
				}
			}
		}
	}
}
