package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const unlockHelp = `Removes the lock of a project whose holder is certainly gone: a computer that was turned
off, a pipeline that was killed. The lock of a process of this computer that is gone is
removed without it. ID is in the message that says who holds the lock; with it nothing
is asked.

Examples:
  cleat unlock 3f1c2d4e5a6b
  cleat unlock -force`

func (a *app) unlockCommand() *cobra.Command {
	var f projectFlags
	var force bool
	cmd := &cobra.Command{
		Use: "unlock [flags] [ID]", Short: "Remove a lock whose holder is gone", Long: unlockHelp, Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			return a.unlock(cmd, &f, force, id)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "do not ask")
	hide(cmd.Flags(), "json")
	return cmd
}

func (a *app) unlock(cmd *cobra.Command, f *projectFlags, force bool, id string) (err error) {
	if !force && id == "" && (!f.input || !a.terminal.Interactive) {
		return advise("Give the lock's ID, or -force.", "there is no terminal to ask")
	}
	s, err := a.open(cmd, f, 0, view.NewShow(a.options(false, f.compactWarnings)))
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	if !force && id == "" {
		answer, err := s.answer(fmt.Sprintf("Remove the lock of project %q, whoever holds it? Only \"yes\" is taken for an answer: ", s.project.Name()), false)
		if err != nil {
			return err
		}
		if answer != "yes" {
			fmt.Fprintln(a.terminal.Out, "The lock stays.")
			return exit(exitError)
		}
	}
	s.writes = true
	var holders []ownership.Holder
	if err := s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		holders, diags = s.project.Unlock(ctx, id)
		return diags
	}); err != nil {
		return err
	}
	for _, h := range holders {
		fmt.Fprintf(a.terminal.Out, "Unlocked. It was held by %s.\n", h)
	}
	return nil
}
