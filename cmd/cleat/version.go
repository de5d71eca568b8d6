package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/internal/version"
	"github.com/cleat-dev/cleat/reconcile/config"
)

const versionHelp = `Prints the version of cleat, and of Terraform whose language it speaks.

Examples:
  cleat version
  cleat version -json`

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version [flags]", Short: "Print the version", Long: versionHelp, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "_" + runtime.GOARCH
			if !asJSON {
				_, err := fmt.Fprintf(a.terminal.Out, "cleat %s\non %s, language of Terraform %s\n", a.version, platform, config.LanguageVersion)
				return err
			}
			e := json.NewEncoder(a.terminal.Out)
			e.SetIndent("", "  ")
			return e.Encode(map[string]string{
				"cleat_version": a.version, "commit": version.Commit(), "platform": platform, "language_version": config.LanguageVersion,
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON for programs")
	return cmd
}
