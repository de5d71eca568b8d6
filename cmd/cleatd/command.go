//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/daemon/config"
	"github.com/cleat-dev/cleat/daemon/server"
	"github.com/cleat-dev/cleat/internal/version"
)

const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	// exitSignal is 128 and SIGINT, as shells have it.
	exitSignal = 130
)

const help = `The container daemon of cleat: serves the Docker Remote API (1.2 to 1.44) without Docker,
containerd, runc or iptables on the host. Its containers go on when it stops, and when it fails.

Every option is also an argument of the HCL file, under the same name; the command line wins:

  host              = ["unix:///run/cleat/cleat.sock", "tcp://127.0.0.1:2375"]
  insecure-registry = ["10.0.0.0/8"]`

// usageError is a wrong command line.
type usageError struct{ error }

// main runs the command line and returns the exit code.
func (a *app) main(ctx context.Context, args []string) int {
	root := a.command()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(a.err, "cleatd:", line)
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(a.err, `cleatd: "cleatd --help" lists commands and options`)
		return exitUsage
	}
	return exitError
}

func (a *app) command() *cobra.Command {
	noArgs := func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("found %q, which is no command", args[0])}
		}
		return nil
	}
	root := &cobra.Command{
		Use: "cleatd [flags]", Short: "The container daemon of cleat", Long: help, Args: noArgs,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := config.NewFlags(root.PersistentFlags())
	root.PersistentFlags().SortFlags = false
	for flag, words := range map[string][]string{
		"log-level": {"trace", "debug", "info", "warn", "error"}, "log-format": {"text", "json"},
	} {
		// It fails for unknown flags only.
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := flags.Load()
		if err != nil {
			return err
		}
		return a.run(cmd.Context(), c)
	}
	root.AddCommand(&cobra.Command{
		Use: "validate [flags]", Short: "Check configuration file and flags, and do nothing", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := flags.Load()
			if err == nil {
				_, err = server.TLS(tlsFiles(c))
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.out, "The configuration is valid.")
			return err
		},
	}, &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.out, "cleatd %s\ncommit %s\nAPI %s to %s\n", version.String(), version.Commit(), server.Oldest(), server.Newest())
			return err
		},
	})
	return root
}

func tlsFiles(c config.Config) server.TLSFiles {
	return server.TLSFiles{Cert: c.TLSCert, Key: c.TLSKey, CA: c.TLSCACert, Verify: c.TLSVerify}
}
