package api

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestHeldBack: an engine held back to the document's version answers paths without a version as that says. The cases
// that ask at another version as well are left out; all others are those of TestCases.
func TestHeldBack(t *testing.T) {
	cases := map[string]group{}
	readArchives(t, cases, "testdata/*.txtar", "", "", "")
	asked := 0
	kind{"cleatd", func(tb testing.TB) *acctest.Engine { return acctest.HeldCleatd(tb, "1.18") }}.run(t, func(t *testing.T, e *engine) {
		for noun, group := range cases {
			for _, c := range group.cases {
				if noun == "versions" || slices.ContainsFunc(c.Lines, func(line string) bool { return strings.Contains(line, " ^") }) {
					continue
				}
				asked++
				t.Run(noun+"/"+path.Base(c.At), func(t *testing.T) {
					t.Parallel()
					runCase(t, e, c, nil)
				})
			}
		}
	})
	if asked < 150 {
		t.Errorf("only %d cases were asked", asked)
	}
}
