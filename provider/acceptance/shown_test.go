package acceptance

import (
	"cmp"
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// watcher notes what the plans and imports of a test show, for the matrix of design/provider-conformance.md.
type watcher struct {
	shown *acctest.Shown
	// objects are all that were ever settled, by address; living those after the step before.
	objects map[string]map[string]any
	living  map[string]bool
	imports []func()
}

// watch adds a watcher to steps. It looks at the first plan, and at those that are read anyway.
func (b bench) watch(steps []resource.TestStep) *watcher {
	w := &watcher{shown: b.shown, objects: map[string]map[string]any{}}
	last := ""
	for i := range steps {
		switch s := &steps[i]; {
		case s.ExpectError != nil:
			last = "" // it may have done a part
		case s.ImportState:
			w.imports = append(w.imports, func() {
				if object := w.objects[s.ResourceName]; object != nil {
					id, _ := object["id"].(string)
					kind, _, _ := strings.Cut(s.ResourceName, ".")
					w.shown.Import(kind, cmp.Or(s.ImportStateId, id), object)
				}
			})
		case s.Config != "" && !s.PlanOnly:
			if len(s.ConfigPlanChecks.PreApply) > 0 || i == 0 {
				s.ConfigPlanChecks.PreApply = append(s.ConfigPlanChecks.PreApply, watched{w, s.Config == last})
			}
			s.ConfigPlanChecks.PostApplyPostRefresh = append(s.ConfigPlanChecks.PostApplyPostRefresh, settled{w})
			last = s.Config
		}
	}
	return w
}

// passed is called when the steps passed.
func (w *watcher) passed() {
	for _, note := range w.imports {
		note()
	}
}

// watched looks at the plan of one step; again says that the declaration is that of the step before.
type watched struct {
	*watcher
	again bool
}

func (w watched) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, _ *plancheck.CheckPlanResponse) {
	for _, r := range req.Plan.ResourceChanges {
		if r.Mode != tfjson.ManagedResourceMode || r.DeposedKey != "" {
			continue
		}
		before, _ := r.Change.Before.(map[string]any)
		after, _ := r.Change.After.(map[string]any)
		unknown, _ := r.Change.AfterUnknown.(map[string]any)
		switch {
		case r.Change.Importing != nil && r.Change.Importing.ID != "":
			w.shown.Import(r.Type, r.Change.Importing.ID, before)
		case r.Change.Actions.NoOp():
			w.shown.Add(r.Type, acctest.Settles)
		case before == nil && w.living[r.Address]:
			w.shown.Add(r.Type, acctest.Drifts, acctest.Gone)
		default:
			w.shown.Change(r.Type, before, after, unknown, w.again)
		}
	}
}

// settled looks at the plan after an apply, which has to be empty.
type settled struct{ *watcher }

func (w settled) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, _ *plancheck.CheckPlanResponse) {
	w.living = map[string]bool{}
	for _, r := range req.Plan.ResourceChanges {
		if r.Mode == tfjson.ManagedResourceMode && r.Change.Actions.NoOp() {
			w.living[r.Address] = true
			w.shown.Add(r.Type, acctest.Settles)
			w.objects[r.Address], _ = r.Change.Before.(map[string]any)
		}
	}
}
