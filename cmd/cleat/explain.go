package main

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const explainHelp = `Says all that is known of one object: where it is declared, what it is on which engine,
what it is made from, what needs it, what is recorded with it, and what an apply would
do with it and why.

Example:
  cleat explain docker_container.web`

func (a *app) explainCommand() *cobra.Command {
	var f projectFlags
	cmd := &cobra.Command{
		Use: "explain [flags] ADDRESS", Short: "Say all that is known of one object", Long: explainHelp, Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := graph.ParseInstance(args[0])
			if err != nil {
				return err
			}
			return a.explain(cmd, &f, address)
		},
		ValidArgsFunction: a.addressArgument,
	}
	f.add(cmd)
	return cmd
}

func (a *app) explain(cmd *cobra.Command, f *projectFlags, address graph.Instance) (err error) {
	v := view.NewExplain(a.options(f.json, f.compactWarnings))
	s, err := a.open(cmd, f, 0, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	var e *reconcile.Explanation
	if err := s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		e, diags = s.project.Explain(ctx, address)
		return diags
	}); err != nil {
		return err
	}
	v.Explained(view.Explanation{
		Step: e.Step, ID: e.ID, Engine: e.Engine, Needs: e.Needs, NeededBy: e.NeededBy,
		Recorded: e.Record.Applied, Existed: e.Record.Existed,
	})
	return nil
}
