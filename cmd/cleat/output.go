package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const outputHelp = `Prints the outputs of the root module as of the last apply: all, or the one called
NAME. Sensitive outputs are not recorded anywhere, so they cannot be printed.

Examples:
  cleat output
  cleat output -json | jq -r .url.value
  curl "$(cleat output -raw url)"`

func (a *app) outputCommand() *cobra.Command {
	var f projectFlags
	var raw bool
	cmd := &cobra.Command{
		Use: "output [flags] [NAME]", Short: "Print the outputs of the last apply", Long: outputHelp, Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case raw && f.json:
				return fmt.Errorf("-raw and -json exclude each other")
			case raw && len(args) == 0:
				return fmt.Errorf("-raw prints one output: give its name")
			}
			return a.output(cmd, &f, raw, args)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&raw, "raw", false, "print a string, number or bool as it is, without quotes and newline")
	return cmd
}

func (a *app) output(cmd *cobra.Command, f *projectFlags, raw bool, args []string) (err error) {
	v := view.NewOutput(a.options(f.json, f.compactWarnings))
	s, err := a.open(cmd, f, 0, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	var outputs map[string]plan.Output
	if err := s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		outputs, diags = s.project.Outputs(ctx)
		return diags
	}); err != nil {
		return err
	}
	if len(args) == 0 {
		var all []plan.Output
		for _, name := range slices.Sorted(maps.Keys(outputs)) {
			all = append(all, outputs[name])
		}
		v.All(all)
		return nil
	}
	output, ok := outputs[args[0]]
	if !ok {
		return s.noOutput(args[0])
	}
	if !raw {
		v.One(output)
		return nil
	}
	text, err := convert.Convert(output.After, cty.String)
	if err != nil || text.IsNull() || !output.After.Type().IsPrimitiveType() {
		return advise("Use -json instead of -raw.", "output %q is not a string, number or bool", args[0])
	}
	_, err = fmt.Fprint(a.terminal.Out, text.AsString())
	return err
}

func (s *session) noOutput(name string) error {
	if slices.Contains(s.project.Config().Outputs(), name) {
		return advise("Either it is sensitive, or nothing was applied since it was declared.", "output %q is not recorded", name)
	}
	return advise("\"cleat output\" lists those there are.", "there is no output %q", name)
}
