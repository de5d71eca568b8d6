package catalog

import "testing"

// Every list is one of a resource type there is, fits its model and is documented.
func TestLists(t *testing.T) {
	t.Parallel()
	all, err := Lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	types, err := Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range types {
		known[r.Name()] = true
	}
	for _, l := range all {
		if !known[l.Name()] || l.Node().Description == "" {
			t.Errorf("%s: no type, listed twice, or without a description", l.Name())
		}
		known[l.Name()] = false
		undocumented(t, "list "+l.Name(), l.Node())
		if diags := l.Schema.ValidateImplementation(t.Context()); diags.HasError() {
			t.Errorf("%s: %v", l.Name(), diags)
		}
	}
	if len(all) == 0 {
		t.Error("none")
	}
}
