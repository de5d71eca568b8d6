package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const adoptHelp = `Takes over an object that exists on the engine and is not ours: from now on it is the
object declared at ADDRESS. The object itself is not changed; what the next apply would
change of it is shown. An import block in the configuration does the same as part of
an apply.

Examples:
  cleat adopt docker_container.web web
  cleat adopt 'docker_volume.data["eu"]' data-eu`

func (a *app) adoptCommand() *cobra.Command {
	var f projectFlags
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "adopt [flags] ADDRESS ID|NAME", Short: "Take over an object that exists", Long: adoptHelp, Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := graph.ParseInstance(args[0])
			if err != nil {
				return err
			}
			return a.adopt(cmd, &f, timeout, address, args[1])
		},
		ValidArgsFunction: a.addressArgument,
	}
	f.add(cmd)
	cmd.Flags().DurationVar(&timeout, "lock-timeout", 0, "wait up to `DURATION` (10s, 5m) for another cleat to finish with the project")
	return cmd
}

func (a *app) adopt(cmd *cobra.Command, f *projectFlags, timeout time.Duration, address graph.Instance, id string) (err error) {
	v := view.NewAdopt(a.options(f.json, f.compactWarnings))
	s, err := a.open(cmd, f, 0, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	if address.Mode == graph.Data {
		return fmt.Errorf("%s is a data source: it owns nothing", address)
	}
	if err := s.do(func(ctx context.Context) hcl.Diagnostics { return s.project.Lock(ctx, timeout, cmd.Name()) }); err != nil {
		return err
	}
	s.writes = true
	var step *plan.Step
	if err := s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		step, diags = s.project.Adopt(ctx, address, id)
		return diags
	}); err != nil {
		return err
	}
	v.Adopted(step)
	return nil
}
