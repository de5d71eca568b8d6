package main

import (
	"testing"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

func TestExitCodeOfApply(t *testing.T) {
	t.Parallel()
	some, one := plan.Summary{Add: 1}, []graph.Instance{{Type: "docker_volume", Name: "a"}}
	tests := map[string]struct {
		report              apply.Report
		failed, interrupted bool
		want                error
	}{
		"done":                             {report: apply.Report{Done: some}},
		"nothing":                          {},
		"failed after something":           {report: apply.Report{Done: some, Failed: one}, failed: true, want: exit(exitPartly)},
		"failed at once":                   {report: apply.Report{Failed: one, NotTried: one}, failed: true, want: exit(exitError)},
		"all done, outputs failed":         {report: apply.Report{Done: some}, failed: true, want: exit(exitPartly)},
		"interrupted":                      {report: apply.Report{Done: some, NotTried: one}, interrupted: true, want: exit(exitInterrupted)},
		"interrupted too late to matter":   {report: apply.Report{Done: some}, interrupted: true},
		"interrupted and something failed": {report: apply.Report{Failed: one}, failed: true, interrupted: true, want: exit(exitInterrupted)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ended(&test.report, test.failed, test.interrupted); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
