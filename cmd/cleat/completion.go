package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile"
)

const completionHelp = `Prints a script that makes the shell complete commands, flags and the addresses of what
is declared in the working directory. Flags are completed when written with two dashes.

Examples:
  source <(cleat completion bash)
  cleat completion zsh > "${fpath[1]}/_cleat"
  cleat completion fish > ~/.config/fish/completions/cleat.fish
  cleat completion powershell | Out-String | Invoke-Expression`

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print a script for the shell's completion", Long: completionHelp,
		Args: exactly(1), ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), a.terminal.Out
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return fmt.Errorf("shell %q: want %s", args[0], strings.Join(shells, ", "))
		},
	}
}

// completeAddresses completes the flags that take addresses.
func (a *app) completeAddresses(cmd *cobra.Command) {
	for _, name := range []string{"target", "replace"} {
		if cmd.Flags().Lookup(name) != nil {
			register(cmd, name, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return a.addresses(cmd.Context(), typed), cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
}

func completeWords(cmd *cobra.Command, flag string, words ...string) {
	register(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// register cannot fail: the flag exists and has no completion yet.
func register(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	_ = cmd.RegisterFlagCompletionFunc(flag, f)
}

// addressArgument completes the first argument with the addresses of resources. show takes files as well.
func (a *app) addressArgument(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if cmd.Name() == "show" {
		return a.addresses(cmd.Context(), typed), cobra.ShellCompDirectiveDefault
	}
	return a.addresses(cmd.Context(), typed), cobra.ShellCompDirectiveNoFileComp
}

// addresses are those of the declared resources that begin with what is typed. A configuration with errors has those
// that could be read.
func (a *app) addresses(ctx context.Context, typed string) []string {
	if a.prepare() != nil {
		return nil
	}
	types, err := a.catalog(ctx)
	if err != nil {
		return nil
	}
	project, _ := reconcile.Open(ctx, reconcile.Options{Dir: ".", Catalog: types})
	if project.Config() == nil {
		return nil
	}
	var found []string
	for _, r := range project.Config().Resources() {
		if s := r.Address.String(); strings.HasPrefix(s, typed) {
			found = append(found, s)
		}
	}
	return found
}
