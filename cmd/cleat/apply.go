package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const applyHelp = `Shows what would be changed, asks, and carries it out. With PLANFILE, what "cleat plan
-out=PLANFILE" showed is carried out without asking; it is refused when it would do
more than that by now.

All pulls and builds succeed before anything is removed. A container that is replaced
is kept aside until the new one is up, and comes back when that fails. When something
fails, what does not depend on it goes on; running the command again goes on from there.

Examples:
  cleat apply
  cleat apply -auto-approve -lock-timeout=5m        in a pipeline
  cleat apply -replace=docker_container.web
  cleat apply next                                  a saved plan`

const destroyHelp = `Removes everything the project owns, declared or not, after asking. Images that were
there before, or are used by others, stay.

Examples:
  cleat destroy
  cleat destroy -target=module.monitoring`

func (a *app) applyCommand() *cobra.Command {
	var f planFlags
	var approved bool
	cmd := &cobra.Command{
		Use: "apply [flags] [PLANFILE]", Short: "Show what would be changed and carry it out", Long: applyHelp, Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := ""
			if len(args) > 0 {
				file = args[0]
			}
			return a.apply(cmd, &f, approved, file)
		},
	}
	f.add(cmd, false)
	cmd.Flags().BoolVar(&approved, "auto-approve", false, "carry out the plan without asking")
	a.completeAddresses(cmd)
	return cmd
}

func (a *app) destroyCommand() *cobra.Command {
	var f planFlags
	var approved bool
	cmd := &cobra.Command{
		Use: "destroy [flags]", Short: "Remove everything the project owns", Long: destroyHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.plan.Destroy = true
			return a.apply(cmd, &f, approved, "")
		},
	}
	f.add(cmd, true)
	cmd.Flags().BoolVar(&approved, "auto-approve", false, "carry out the plan without asking")
	a.completeAddresses(cmd)
	return cmd
}

// apply is cleat apply and cleat destroy.
func (a *app) apply(cmd *cobra.Command, f *planFlags, approved bool, file string) (err error) {
	if err := a.applicable(f, approved || file != "", file); err != nil {
		return err
	}
	v := view.NewApply(a.options(f.json, f.compactWarnings))
	defer v.Settle()
	f.plan.Observer = v
	s, err := a.open(cmd, &f.projectFlags, f.parallelism, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	if err := s.do(func(ctx context.Context) hcl.Diagnostics {
		return s.project.Lock(ctx, f.lockTimeout, cmd.Name())
	}); err != nil {
		return err
	}
	made, err := s.planned(f, file)
	if err != nil {
		return err
	}
	v.Planned(made)
	if made.RefreshOnly || !made.Changes() {
		return nil
	}
	if !approved && file == "" {
		agreed, err := s.agreed(made)
		if err != nil {
			return err
		}
		if !agreed {
			v.Cancelled()
			return exit(exitError)
		}
	}
	return s.apply(v, made)
}

// applicable refuses what cannot end well before anything is read.
func (a *app) applicable(f *planFlags, approved bool, file string) error {
	if err := f.check(); err != nil {
		return err
	}
	if file != "" && (len(f.plan.Targets) > 0 || len(f.plan.Replace) > 0 || f.plan.Destroy || f.plan.RefreshOnly) {
		return fmt.Errorf("-target, -replace, -destroy and -refresh-only are those of the plan in %s: give them to cleat plan", file)
	}
	if approved || f.plan.RefreshOnly {
		return nil
	}
	next := "To go on without asking: -auto-approve. To look first: cleat plan -out=FILE, then cleat apply FILE."
	switch {
	case f.json:
		return advise(next, "nobody can be asked with -json")
	case !f.input:
		return advise(next, "nobody can be asked with -input=false")
	case !a.terminal.Interactive:
		return advise(next, "there is no terminal to ask for approval")
	}
	return nil
}

// planned is the plan to carry out: made now, or read from a file.
func (s *session) planned(f *planFlags, name string) (*plan.Plan, error) {
	var made *plan.Plan
	err := s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		if name == "" {
			made, diags = s.project.Plan(ctx, f.plan)
			return diags
		}
		file, err := os.Open(name)
		if err != nil {
			return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Plan file", Detail: err.Error()}}
		}
		defer file.Close()
		made, diags = s.project.LoadPlan(ctx, file)
		return diags
	})
	return made, err
}

// agreed asks whether the plan is to be carried out.
func (s *session) agreed(made *plan.Plan) (bool, error) {
	question := "\nCarry out these changes? Only \"yes\" is taken for an answer: "
	if made.Destroy {
		question = fmt.Sprintf("\nDestroy all of this, which is what project %q owns? Only \"yes\" is taken for an answer: ", made.Project)
	}
	answer, err := s.answer(question, false)
	return answer == "yes", err
}

// apply carries out a plan and says how it ended.
func (s *session) apply(v view.Apply, made *plan.Plan) error {
	v.Applying(made)
	s.onInterrupt(v.Interrupted)
	report, diags := s.project.Apply(s.ctx, made, v)
	s.onInterrupt(nil)
	v.Settle()
	if len(diags) > 0 {
		v.Diagnostics(diags, s.project.Files())
	}
	v.Applied(report)
	return ended(report, diags.HasErrors(), s.ctx.Err() != nil)
}

// ended is the exit code of an apply.
func ended(r *apply.Report, failed, interrupted bool) error {
	switch {
	case interrupted && !r.Complete():
		return exit(exitInterrupted)
	case r.Complete() && !failed:
		return nil
	case r.Done == plan.Summary{}:
		return exit(exitError)
	default:
		return exit(exitPartly)
	}
}
