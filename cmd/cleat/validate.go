package main

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/view"
)

const validateHelp = `Checks everything that can be checked without an engine: syntax, references, types,
values of attributes, conflicts between attributes, cycles. Variables need no values.

Examples:
  cleat validate
  cleat validate -json                   in the form of terraform validate -json`

func (a *app) validateCommand() *cobra.Command {
	var f projectFlags
	cmd := &cobra.Command{
		Use: "validate [flags]", Short: "Check the configuration without an engine", Long: validateHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.validate(cmd, &f) },
	}
	f.add(cmd)
	hide(cmd.Flags(), "input")
	return cmd
}

// gathering keeps diagnostics until there are all of them: the result is one text.
type gathering struct{ all hcl.Diagnostics }

func (g *gathering) Diagnostics(diags hcl.Diagnostics, _ map[string]*hcl.File) {
	g.all = append(g.all, diags...)
}

func (a *app) validate(cmd *cobra.Command, f *projectFlags) (err error) {
	f.input = false
	g := &gathering{}
	s, err := a.open(cmd, f, 0, g)
	defer func() { err = s.close(err) }()
	if err != nil && len(g.all) == 0 {
		return err
	}
	if err == nil {
		err = s.check(s.project.Validate(s.ctx))
	}
	view.NewValidate(a.options(f.json, f.compactWarnings)).Result(g.all, s.project.Files())
	return err
}
