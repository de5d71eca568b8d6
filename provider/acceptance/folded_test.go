package acceptance

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// Only a step that does nothing but look is left out, and what it looks for is looked for by the step before.
func TestFolded(t *testing.T) {
	t.Parallel()
	type step = resource.TestStep
	made := step{Config: "a"}
	for name, c := range map[string]struct {
		steps []step
		want  []int // checks that each step makes after its apply
	}{
		"the same":          {[]step{made, {Config: "a", ConfigPlanChecks: empty()}}, []int{1}},
		"twice":             {[]step{made, {Config: "a", ConfigPlanChecks: empty()}, {Config: "a", ConfigPlanChecks: empty()}}, []int{2}},
		"another":           {[]step{made, {Config: "b", ConfigPlanChecks: empty()}}, []int{0, 0}},
		"something between": {[]step{made, {ImportState: true, ResourceName: "x"}, {Config: "a", ConfigPlanChecks: empty()}}, []int{0, 0, 0}},
		"something done":    {[]step{made, {PreConfig: func() {}, Config: "a", ConfigPlanChecks: empty()}}, []int{0, 0}},
		"a check":           {[]step{made, {Config: "a", ConfigPlanChecks: empty(), Check: resource.TestCheckResourceAttr("a", "b", "c")}}, []int{0, 0}},
		"after a failure":   {[]step{{Config: "a", ExpectError: regexp.MustCompile("x")}, {Config: "a", ConfigPlanChecks: empty()}}, []int{0, 0}},
		"after a plan":      {[]step{{Config: "a", PlanOnly: true}, {Config: "a", ConfigPlanChecks: empty()}}, []int{0, 0}},
		"an import":         {[]step{made, {Config: "a", ImportState: true, ResourceName: "x"}}, []int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, s := range folded(c.steps) {
				got = append(got, len(s.ConfigPlanChecks.PostApplyPostRefresh))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("checks after the apply of each step (-want +got):\n%s", diff)
			}
		})
	}
}
