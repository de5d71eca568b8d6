package catalog

import "testing"

// Every ephemeral resource fits its model, is documented, and has a name of its own.
func TestEphemerals(t *testing.T) {
	t.Parallel()
	all, err := Ephemerals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.Name()] || p.Node().Description == "" {
			t.Errorf("%s: twice, or without a description", p.Name())
		}
		seen[p.Name()] = true
		undocumented(t, p.Name(), p.Node())
		if diags := p.Schema.ValidateImplementation(t.Context()); diags.HasError() {
			t.Errorf("%s: %v", p.Name(), diags)
		}
	}
	if len(seen) == 0 {
		t.Error("none")
	}
}
