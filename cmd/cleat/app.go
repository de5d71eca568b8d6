package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/reconcile"
	"github.com/cleat-dev/cleat/reconcile/view"
	"github.com/cleat-dev/cleat/resources/contract"
)

// The exit codes. "cleat help exit-codes" documents them.
const (
	exitDone        = 0
	exitError       = 1
	exitPending     = 2
	exitPartly      = 3
	exitInterrupted = 130
)

// exit is the error of a command that has said all there is to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// app is one run of the program.
type app struct {
	terminal *view.Terminal
	environ  []string
	// signals are the interrupts; kill ends the process at the second one.
	signals <-chan os.Signal
	kill    func(code int)
	version string

	chdir, project string
	noColor        bool
	tellEngine     sync.Once
}

// main runs a command line and returns the exit code.
func (a *app) main(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(longFlags(root, args))
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	default:
		a.complain(err)
		return exitError
	}
}

// complain prints an error that is not about the configuration.
func (a *app) complain(err error) {
	view.NewPlan(view.Options{Terminal: a.terminal}).Diagnostics(hcl.Diagnostics{failed(err)}, nil)
}

// advised is an error with the next step to take.
type advised struct {
	error
	next string
}

// Unwrap gives the error without the advice.
func (e advised) Unwrap() error { return e.error }

// advise returns an error with the next step to take.
func advise(next, format string, args ...any) error {
	return advised{fmt.Errorf(format, args...), next}
}

// failed is an error as a diagnostic. What it advises is the detail.
func failed(err error) *hcl.Diagnostic {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: err.Error()}
	var with advised
	if errors.As(err, &with) {
		d.Detail = with.next
	}
	return d
}

// prepare applies the flags every command has.
func (a *app) prepare() error {
	if a.noColor {
		a.terminal.Color = false
	}
	if a.chdir == "" {
		return nil
	}
	if err := os.Chdir(a.chdir); err != nil {
		return fmt.Errorf("-chdir: %w", err)
	}
	return nil
}

// getenv is os.Getenv of the environment given; a variable given twice has its last value.
func (a *app) getenv(name string) string {
	found := ""
	for _, entry := range a.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			found = value
		}
	}
	return found
}

func (a *app) options(json, compact bool) view.Options {
	return view.Options{Terminal: a.terminal, JSON: json, CompactWarnings: compact, Version: a.version}
}

// catalog is what resource types, data sources and provider blocks there are.
func (a *app) catalog(ctx context.Context) (reconcile.Catalog, error) {
	resources, err := catalog.Resources(ctx)
	if err != nil {
		return reconcile.Catalog{}, fmt.Errorf("resource types: %w", err)
	}
	sources, err := catalog.DataSources(ctx)
	if err != nil {
		return reconcile.Catalog{}, fmt.Errorf("data sources: %w", err)
	}
	ephemerals, err := catalog.Ephemerals(ctx)
	if err != nil {
		return reconcile.Catalog{}, fmt.Errorf("ephemeral resources: %w", err)
	}
	node, err := contract.CompileProvider(ctx, catalog.Provider())
	if err != nil {
		return reconcile.Catalog{}, fmt.Errorf("provider block: %w", err)
	}
	c := reconcile.Catalog{Resources: resources, ProviderNode: node, Connection: a.connection}
	for _, s := range sources {
		c.DataSources = append(c.DataSources, s.Data)
	}
	for _, p := range ephemerals {
		c.Ephemerals = append(c.Ephemerals, p.Data)
	}
	return c, nil
}

// connection is how a provider block says to reach its engine.
func (a *app) connection(block types.Object) (client.Config, error) {
	var problems []error
	for _, d := range catalog.ValidateProvider(block, a.getenv).Errors() {
		problems = append(problems, fmt.Errorf("%s: %s", d.Summary(), d.Detail()))
	}
	return catalog.HostOf(block, a.getenv).Config, errors.Join(problems...)
}

// noArgs refuses arguments with what the command takes instead.
func noArgs(cmd *cobra.Command, args []string) error { return atMost(0)(cmd, args) }

// atMost refuses more arguments than n.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return advise("Usage: "+cmd.UseLine(), "unexpected argument %q", args[n])
		}
		return nil
	}
}

// exactly refuses another number of arguments than n.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return advise("Usage: "+cmd.UseLine(), "%d of %d arguments given", len(args), n)
		}
		return atMost(n)(cmd, args)
	}
}
