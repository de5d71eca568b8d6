package main

import (
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const showHelp = `Shows the objects the project owns as they are on the engine now: all, those at ADDRESS
(an object, a resource with all its instances, or a module), or what a saved plan
would do.

Examples:
  cleat show
  cleat show docker_container.web
  cleat show next                        a file of cleat plan -out=next
  cleat show -json module.app`

func (a *app) showCommand() *cobra.Command {
	var f projectFlags
	cmd := &cobra.Command{
		Use: "show [flags] [ADDRESS|PLANFILE]", Short: "Show what is owned, or a saved plan", Long: showHelp, Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && exists(args[0]) {
				return a.showPlan(cmd, &f, args[0])
			}
			return a.show(cmd, &f, args)
		},
		ValidArgsFunction: a.addressArgument,
	}
	f.add(cmd)
	return cmd
}

func (a *app) show(cmd *cobra.Command, f *projectFlags, args []string) (err error) {
	var only *graph.Target
	if len(args) > 0 {
		target, err := graph.ParseTarget(args[0])
		if err != nil {
			return advise("It is not a file either.", "%w", err)
		}
		only = &target
	}
	v := view.NewShow(a.options(f.json, f.compactWarnings))
	s, err := a.open(cmd, f, 0, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	var steps []*plan.Step
	if err := s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		steps, diags = s.project.Show(ctx)
		return diags
	}); err != nil {
		return err
	}
	if only != nil {
		steps = slices.DeleteFunc(steps, func(s *plan.Step) bool { return !only.Matches(s.Address) })
		if len(steps) == 0 {
			return advise("\"cleat show\" lists what there is.", "nothing is owned at %s", only)
		}
	}
	v.Objects(steps)
	return nil
}

func (a *app) showPlan(cmd *cobra.Command, f *projectFlags, name string) (err error) {
	v := view.NewPlan(a.options(f.json, f.compactWarnings))
	defer v.Settle()
	s, err := a.open(cmd, f, 0, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	made, err := s.planned(nil, name)
	if err != nil {
		return err
	}
	v.Planned(made)
	return nil
}
