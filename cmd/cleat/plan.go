package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const planHelp = `Shows what an apply would change, and why: each change with its cause, which is the
configuration, drift (somebody changed the object), or a new image. Changes nothing
and needs no lock.

Examples:
  cleat plan
  cleat plan -detailed-exitcode          in a pipeline: exit code 2 when there are changes
  cleat plan -out=next                   apply exactly this later: cleat apply next
  cleat plan -refresh-only               only what is not as declared
  cleat plan -json | jq 'select(.type == "planned_change") | .change'

A saved plan holds no values and no secrets. It is made again when it is applied, with
the same variables, and refused when it would do more than what was shown.`

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	var out string
	var detailed bool
	cmd := &cobra.Command{
		Use: "plan [flags]", Short: "Show what would be changed, and why", Long: planHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.plan(cmd, &f, out, detailed)
		},
	}
	f.add(cmd, false)
	cmd.Flags().StringVar(&out, "out", "", "save the plan in `FILE`, for cleat apply FILE")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	a.completeAddresses(cmd)
	return cmd
}

func (a *app) plan(cmd *cobra.Command, f *planFlags, out string, detailed bool) (err error) {
	v := view.NewPlan(a.options(f.json, f.compactWarnings))
	defer v.Settle()
	f.plan.Observer = v
	s, err := a.open(cmd, &f.projectFlags, f.parallelism, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	var made *plan.Plan
	err = s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		made, diags = s.project.Plan(ctx, f.plan)
		return diags
	})
	if err != nil {
		return err
	}
	v.Planned(made)
	if out != "" {
		if err := s.save(made, f, out); err != nil {
			return err
		}
		v.Saved(out)
	}
	if detailed && made.Changes() {
		return exit(exitPending)
	}
	return nil
}

// save writes a plan to a file, whole or not at all.
func (s *session) save(made *plan.Plan, f *planFlags, name string) (err error) {
	return replaceFile(name, 0o600, func(file *os.File) error {
		if err := s.project.SavePlan(file, made, f.plan); err != nil {
			return fmt.Errorf("plan file %s: %w", name, err)
		}
		return nil
	})
}
