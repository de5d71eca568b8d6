package apply

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/plan"
)

// sweep removes what in-place updates left behind, now that nothing uses it any more. It is called once everything
// has succeeded; what it cannot remove is a warning.
func (r *run) sweep() {
	for _, s := range r.Plan.Steps {
		if s.Action != plan.Update || !r.ended[s] {
			continue
		}
		if err := r.Types.Resources[s.Address.Type].Sweep(r.work, r.Hosts[s.Provider].Engine, s.Before); err != nil {
			r.report(hcl.Diagnostics{{
				Severity: hcl.DiagWarning, Summary: "Something is left behind",
				Detail: fmt.Sprintf("%s was updated; what it was before was not removed: %s.", s.Address, err),
			}})
		}
	}
}
