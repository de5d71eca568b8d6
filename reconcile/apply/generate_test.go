package apply_test

import (
	"bytes"
	"os"
	"testing"
)

//go:generate sh -c "for f in types engine world; do { echo '// Code generated from ../plan; DO NOT EDIT.'; echo; sed 's/^package plan_test/package apply_test/' ../plan/${DOLLAR}{f}_test.go; } > ${DOLLAR}{f}_test.go; done"

// The fake world is that of reconcile/plan.
func TestWorldIsThatOfPlan(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"types_test.go", "engine_test.go", "world_test.go"} {
		theirs, err := os.ReadFile("../plan/" + name)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		expected := append([]byte("// Code generated from ../plan; DO NOT EDIT.\n\n"), bytes.Replace(theirs, []byte("package plan_test"), []byte("package apply_test"), 1)...)
		if !bytes.Equal(ours, expected) {
			t.Errorf("%s differs: go generate ./reconcile/apply", name)
		}
	}
}
