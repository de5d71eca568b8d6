package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/view"
)

const graphHelp = `Draws what is declared and what needs what, as text of the DOT language, as Mermaid
(which GitHub and GitLab show in Markdown), or as a finished SVG picture. An arrow
goes from an object to what it needs. Reaches no engine.

Examples:
  cleat graph -format=svg > graph.svg
  cleat graph | dot -Tpng > graph.png`

func (a *app) graphCommand() *cobra.Command {
	var f projectFlags
	var format string
	cmd := &cobra.Command{
		Use: "graph [flags]", Short: "Draw what needs what", Long: graphHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(view.GraphFormats(), view.GraphFormat(format)) {
				return fmt.Errorf("-format=%s: want %s", format, formats())
			}
			return a.graph(cmd, &f, view.GraphFormat(format))
		},
	}
	cmd.Flags().StringVar(&format, "format", string(view.DOT), "`FORMAT` of the drawing: "+formats())
	completeWords(cmd, "format", strings.Split(formats(), ", ")...)
	return cmd
}

func formats() string {
	var names []string
	for _, f := range view.GraphFormats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func (a *app) graph(cmd *cobra.Command, f *projectFlags, format view.GraphFormat) (err error) {
	s, err := a.open(cmd, f, 0, view.NewShow(a.options(false, false)))
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	return view.WriteGraph(a.terminal.Out, format, s.project.Graph())
}
