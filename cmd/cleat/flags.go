package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cleat-dev/cleat/reconcile"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// projectFlags are those of every command that reads a configuration.
type projectFlags struct {
	inputs          []config.InputArg
	input           bool
	json            bool
	compactWarnings bool
	// mayBeEmpty is no flag: the command works in a directory without configuration too.
	mayBeEmpty bool
}

func (f *projectFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(&varFlag{&f.inputs}, "var", "give the root module's variable `'NAME=VALUE'`; may be repeated")
	flags.Var(&varFileFlag{&f.inputs}, "var-file", "read variables from the .tfvars `FILE`; may be repeated")
	flags.BoolVar(&f.input, "input", true, "ask for variables without a value; only on a terminal")
	flags.BoolVar(&f.json, "json", false, "print JSON for programs")
	flags.BoolVar(&f.compactWarnings, "compact-warnings", false, "print of warnings only the summaries")
}

// planFlags are those of plan, apply and destroy.
type planFlags struct {
	projectFlags
	plan        reconcile.PlanOptions
	parallelism int
	lockTimeout time.Duration
}

func (f *planFlags) add(cmd *cobra.Command, destroys bool) {
	f.projectFlags.add(cmd)
	flags := cmd.Flags()
	flags.Var(&targetFlag{&f.plan.Targets}, "target", "only the object, resource or module `ADDRESS` and what it needs; may be repeated")
	flags.IntVar(&f.parallelism, "parallelism", reconcile.DefaultParallelism, "run at most `N` operations at once")
	flags.DurationVar(&f.lockTimeout, "lock-timeout", 0, "wait up to `DURATION` (10s, 5m) for another cleat to finish with the project")
	flags.Var(refused("a plan is made from what is really there, at the price of one list and one inspect for each object"), "refresh", "")
	flags.Var(refused("without the lock two applies at once would undo each other; \"cleat unlock\" removes one whose holder is gone"), "lock", "")
	for _, name := range []string{"state", "state-out", "backup"} {
		flags.Var(never("cleat has no state file: what it owns is written on the engine itself"), name, "")
	}
	for _, name := range []string{"refresh", "lock", "state", "state-out", "backup"} {
		hide(flags, name)
	}
	flags.Lookup("refresh").NoOptDefVal, flags.Lookup("lock").NoOptDefVal = "true", "true"
	if destroys {
		return
	}
	flags.Var(&targetFlag{&f.plan.Replace}, "replace", "replace the object `ADDRESS` though nothing else asks for it; may be repeated")
	flags.BoolVar(&f.plan.RefreshOnly, "refresh-only", false, "only report what is not as declared; change nothing")
	flags.BoolVar(&f.plan.Destroy, "destroy", false, "remove everything the project owns")
}

// check refuses flags that exclude each other.
func (f *planFlags) check() error {
	switch {
	case f.parallelism < 1:
		return fmt.Errorf("-parallelism=%d: want 1 or more", f.parallelism)
	case f.plan.Destroy && f.plan.RefreshOnly:
		return errors.New("-destroy and -refresh-only exclude each other")
	case len(f.plan.Replace) > 0 && (f.plan.Destroy || f.plan.RefreshOnly):
		return errors.New("-replace has no meaning with -destroy or -refresh-only")
	case f.lockTimeout < 0:
		return fmt.Errorf("-lock-timeout=%s: want a duration that is not negative", f.lockTimeout)
	}
	return nil
}

func hide(flags *pflag.FlagSet, name string) { flags.Lookup(name).Hidden = true }

// varFlag collects -var in the order given, together with -var-file.
type varFlag struct{ args *[]config.InputArg }

func (f *varFlag) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return errors.New("want NAME=VALUE")
	}
	*f.args = append(*f.args, config.InputArg{Name: name, Value: value})
	return nil
}

func (f *varFlag) String() string { return "" } // values may be secret
func (f *varFlag) Type() string   { return "NAME=VALUE" }

type varFileFlag struct{ args *[]config.InputArg }

func (f *varFileFlag) Set(s string) error {
	if s == "" {
		return errors.New("want the name of a file")
	}
	*f.args = append(*f.args, config.InputArg{File: s})
	return nil
}

func (f *varFileFlag) String() string { return "" }
func (f *varFileFlag) Type() string   { return "FILE" }

type targetFlag struct{ targets *[]graph.Target }

func (f *targetFlag) Set(s string) error {
	t, err := graph.ParseTarget(s)
	if err != nil {
		return err
	}
	*f.targets = append(*f.targets, t)
	return nil
}

func (f *targetFlag) String() string { return "" }
func (f *targetFlag) Type() string   { return "ADDRESS" }

// refusal is a flag of Terraform that cleat does not have, refused with the reason. Where true is what cleat does
// anyway, it is accepted.
type refusal struct {
	reason   string
	trueIsOK bool
}

func refused(reason string) pflag.Value { return refusal{reason, true} }
func never(reason string) pflag.Value   { return refusal{reason, false} }

func (f refusal) Set(s string) error {
	if f.trueIsOK && (s == "true" || s == "1") {
		return nil
	}
	return errors.New("not supported: " + f.reason)
}

func (f refusal) String() string { return "" }
func (f refusal) Type() string   { return "VALUE" }
