package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/generate"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/reconcile/view"
)

const adoptHelp = `Takes over an object that exists on the engine and is not ours: from now on it is the
object declared at ADDRESS. The object itself is not changed; what the next apply would
change of it is shown. An import block in the configuration does the same as part of
an apply.

With -all the configuration is written first: a resource block and an import block for each
container, network and volume that is no project's and not the engine's own. Nothing is
changed and nothing taken over until the next cleat apply; terraform reads the file too.
It may hold secrets: containers have them in their environment.

Examples:
  cleat adopt docker_container.web web
  cleat adopt 'docker_volume.data["eu"]' data-eu
  cleat adopt -all                              # writes adopted.tf
  cleat adopt -all -type=volume -out=volumes.tf`

func (a *app) adoptCommand() *cobra.Command {
	var f projectFlags
	var all adoptAll
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "adopt [flags] ADDRESS ID|NAME | adopt -all [flags]", Short: "Take over an object that exists, or all of them", Long: adoptHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if all.given {
				return exactly(0)(cmd, args)
			}
			return exactly(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if all.given {
				return a.adoptAll(cmd, &f, all)
			}
			if cmd.Flags().Changed("out") || cmd.Flags().Changed("type") {
				return errors.New("-out and -type are for -all")
			}
			address, err := graph.ParseInstance(args[0])
			if err != nil {
				return err
			}
			return a.adopt(cmd, &f, timeout, address, args[1])
		},
		ValidArgsFunction: a.addressArgument,
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&all.given, "all", false, "write the configuration of everything on the engine that is nobody's yet")
	cmd.Flags().StringVar(&all.file, "out", "adopted.tf", "with -all: the new `FILE` to write; - is standard output")
	cmd.Flags().StringSliceVar(&all.types, "type", nil, "with -all: only objects of this `TYPE`: container, network or volume; may be repeated")
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
	if address.Mode != graph.Managed {
		return fmt.Errorf("%s is no resource: it owns nothing", address)
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

// adoptAll are the flags of adopt -all.
type adoptAll struct {
	given bool
	file  string
	types []string
}

// listed are the types -type may name.
var listed = []string{"container", "network", "volume"}

// check refuses what cannot be written, before anything is read.
func (f *adoptAll) check() error {
	for i, typ := range f.types {
		if typ = strings.TrimPrefix(typ, "docker_"); !slices.Contains(listed, typ) {
			return fmt.Errorf("-type=%s: want %s", f.types[i], strings.Join(listed, ", "))
		}
		f.types[i] = "docker_" + typ
	}
	if _, err := os.Lstat(f.file); f.file != "-" && err == nil {
		return fmt.Errorf("%s is there already: remove it, or name another file with -out", f.file)
	}
	return nil
}

func (a *app) adoptAll(cmd *cobra.Command, f *projectFlags, all adoptAll) (err error) {
	if err := all.check(); err != nil {
		return err
	}
	if f.json && all.file == "-" {
		return errors.New("-json and -out=- exclude each other: both write to standard output")
	}
	v := view.NewAdopt(a.options(f.json, f.compactWarnings))
	f.mayBeEmpty = true
	s, err := a.open(cmd, f, 0, v)
	defer func() { err = s.close(err) }()
	if err != nil {
		return err
	}
	var result *generate.Result
	if err := s.do(func(ctx context.Context) (diags hcl.Diagnostics) {
		result, diags = s.project.Generate(ctx, all.types)
		return diags
	}); err != nil {
		return err
	}
	switch {
	case all.file == "-":
		_, err = a.terminal.Out.Write(result.Source)
	case len(result.Objects) > 0:
		err = replaceFile(all.file, 0o600, func(file *os.File) error {
			if _, err := file.Write(result.Source); err != nil {
				return fmt.Errorf("write %s: %w", all.file, err)
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	v.Written(result, all.file)
	return nil
}
