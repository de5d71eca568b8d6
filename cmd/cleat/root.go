package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootHelp = `cleat makes containers, images, volumes and networks what a directory of .tf files
declares: it compares the files with what the engine really holds, shows the
difference and carries it out. It needs no Terraform and keeps no state file: what
it owns is written on the engine itself.

Examples:
  cleat plan                           show what would be changed, and why
  cleat apply                          show it, ask, and carry it out
  cleat plan -out=next && cleat apply next
  cleat apply -auto-approve -var 'tag=1.4' -target=docker_container.web
  cleat -chdir=stacks/web destroy`

const environmentHelp = `Environment:
  DOCKER_HOST, DOCKER_CONTEXT, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH
                    the engine, where the provider block does not name one
  CLEAT_PROJECT     the project's name, as -project; else the directory's name
  CLEAT_ENGINE      "off": do not use the bundled engine where Docker is missing
  CLEAT_ENGINE_DIR  all files of the bundled engine below this directory
  TF_VAR_name       the value of the variable "name"
  NO_COLOR          when set, output has no colours`

const exitCodesHelp = `Exit codes of cleat:
    0  done, or nothing to do
    1  error; nothing was changed
    2  changes are pending: plan -detailed-exitcode, fmt -check
    3  partly applied: something failed after something else was done; running the
       same command again goes on from there
  130  interrupted: the first interrupt lets finish what runs and starts nothing
       new, the second ends the program at once

"cleat plan -detailed-exitcode" gives 0 for no changes, 1 for an error, 2 for changes.`

// root is the whole command line.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "cleat [-chdir=DIR] COMMAND", Short: "Containers as declared", Long: rootHelp, DisableFlagsInUseLine: true,
		SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: 2,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.prepare() },
		Args:              knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return exit(exitError) // no command was given
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.chdir, "chdir", "", "work in the directory `DIR`")
	flags.StringVar(&a.project, "project", "", "the project's `NAME`, which marks what is ours on the engine")
	flags.BoolVar(&a.noColor, "no-color", false, "print without colours")
	flags.BoolP("help", "h", false, "explain the command")
	root.AddCommand(
		a.planCommand(), a.applyCommand(), a.destroyCommand(), a.showCommand(), a.outputCommand(), a.validateCommand(),
		a.fmtCommand(), a.graphCommand(), a.adoptCommand(), a.explainCommand(), a.unlockCommand(), a.engineCommand(), a.versionCommand(),
		a.completionCommand(), &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp},
	)
	root.SetOut(a.terminal.Out)
	root.SetErr(a.terminal.Err)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(a.terminal.Out, help(cmd)) })
	root.SetFlagErrorFunc(flagError)
	return root
}

// knownCommand refuses what is not a command, with those it may have meant.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	next := "\"cleat -help\" lists the commands."
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		next = fmt.Sprintf("Did you mean %s? %s", strings.Join(near, " or "), next)
	}
	return advise(next, "unknown command %q", args[0])
}

// flagError words what is wrong with a flag as the flag is written here.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var bare *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		next := fmt.Sprintf("\"%s -help\" lists the flags.", cmd.CommandPath())
		if near := nearest(cmd, name); near != "" {
			next = fmt.Sprintf("Did you mean -%s? %s", near, next)
		}
		return advise(next, "unknown flag -%s", name)
	case errors.As(err, &invalid):
		reason := errors.Unwrap(invalid)
		if _, refused := invalid.GetFlag().Value.(refusal); refused {
			return fmt.Errorf("-%s is %w", invalid.GetFlag().Name, reason)
		}
		return fmt.Errorf("-%s=%s: %w", invalid.GetFlag().Name, invalid.GetValue(), reason)
	case errors.As(err, &bare):
		return advise(fmt.Sprintf("\"%s -help\" explains it.", cmd.CommandPath()), "-%s needs a value", bare.GetFlag().Name)
	}
	return err
}

// nearest is the flag that shares the longest beginning with a name that is none.
func nearest(cmd *cobra.Command, name string) string {
	best, longest := "", 2
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		n := 0
		for n < len(name) && n < len(f.Name) && name[n] == f.Name[n] {
			n++
		}
		if !f.Hidden && n > longest {
			best, longest = f.Name, n
		}
	})
	return best
}

// help is the text of -help: flags are written with one dash, as Terraform's.
func help(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", cmd.Long)
	if !cmd.Runnable() {
		return b.String()
	}
	fmt.Fprintf(&b, "\nUsage: %s\n", cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-12s %s\n", c.Name(), c.Short)
			}
		}
		fmt.Fprintf(&b, "\n\"cleat COMMAND -help\" explains a command, \"cleat help exit-codes\" the exit codes.\n")
	}
	if cmd.HasParent() {
		writeFlags(&b, "Flags:", cmd.LocalNonPersistentFlags())
	}
	writeFlags(&b, "Flags of all commands:", cmd.Root().PersistentFlags())
	if !cmd.HasParent() {
		fmt.Fprintf(&b, "\n%s\n\n%s\n", environmentHelp, exitCodesHelp)
	}
	return b.String()
}

// flagColumn is where the explanation of a flag begins.
const flagColumn = 24

func writeFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	var lines []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "-" + f.Name
		switch {
		case f.NoOptDefVal != "" && f.DefValue == "true":
			name += "=false"
			usage = "do not " + usage
		case f.NoOptDefVal == "":
			name += "=" + value
			if f.DefValue != "" && f.DefValue != "0s" {
				usage += " (default " + f.DefValue + ")"
			}
		}
		lines = append(lines, flagLine(name, usage))
	})
	if len(lines) == 0 {
		return
	}
	slices.Sort(lines)
	fmt.Fprintf(b, "\n%s\n%s", title, strings.Join(lines, ""))
}

func flagLine(name, usage string) string {
	pad := flagColumn - 3 - len(name)
	if pad < 0 {
		return fmt.Sprintf("  %s\n%s%s\n", name, strings.Repeat(" ", flagColumn), usage)
	}
	return fmt.Sprintf("  %s%s %s\n", name, strings.Repeat(" ", pad), usage)
}
