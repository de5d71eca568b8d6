package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile/view"
)

const fmtHelp = `Rewrites .tf and .tfvars files in the canonical style: of the working directory, of the
directories and files given, or with "-" what comes from standard input. Prints the
names of the files it changes.

Examples:
  cleat fmt
  cleat fmt -check -recursive            in a pipeline: exit code 2 when something is to do
  cleat fmt -diff -write=false main.tf
  cleat fmt - < main.tf`

// formatting is one run of cleat fmt.
type formatting struct {
	app                    *app
	list, write, recursive bool
	check, diff            bool
	changed                bool
	diags                  hcl.Diagnostics
	files                  map[string]*hcl.File
}

func (a *app) fmtCommand() *cobra.Command {
	f := &formatting{app: a, files: map[string]*hcl.File{}}
	cmd := &cobra.Command{
		Use: "fmt [flags] [DIR|FILE|-]...", Short: "Rewrite the files in the canonical style", Long: fmtHelp,
		RunE: func(_ *cobra.Command, args []string) error { return f.run(args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.list, "list", true, "print the names of the files that change")
	flags.BoolVar(&f.write, "write", true, "write the files")
	flags.BoolVar(&f.diff, "diff", false, "print what changes")
	flags.BoolVar(&f.check, "check", false, "write nothing; exit with 2 when a file is not in the canonical style")
	flags.BoolVar(&f.recursive, "recursive", false, "go into directories below")
	return cmd
}

func (f *formatting) run(args []string) error {
	if f.check {
		f.write = false
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	for _, arg := range args {
		if err := f.argument(arg); err != nil {
			return err
		}
	}
	if len(f.diags) > 0 {
		view.NewShow(f.app.options(false, false)).Diagnostics(f.diags, f.files)
		return exit(exitError)
	}
	if f.check && f.changed {
		return exit(exitPending)
	}
	return nil
}

func (f *formatting) argument(arg string) error {
	if arg == "-" {
		return f.standardInput()
	}
	info, err := os.Stat(arg)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no file or directory %s", arg)
	}
	if err != nil {
		return fmt.Errorf("fmt: %w", err)
	}
	if info.IsDir() {
		return f.directory(arg)
	}
	if !formattable(arg) {
		return fmt.Errorf("%s is not a .tf or .tfvars file", arg)
	}
	return f.file(arg)
}

func formattable(name string) bool {
	return slices.Contains([]string{".tf", ".tfvars"}, filepath.Ext(name)) && !strings.HasPrefix(filepath.Base(name), ".")
}

func (f *formatting) directory(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("fmt: %w", err)
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir() && f.recursive && !strings.HasPrefix(e.Name(), "."):
			err = f.directory(name)
		case !e.IsDir() && formattable(name):
			err = f.file(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *formatting) file(name string) error {
	before, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("fmt: %w", err)
	}
	after, ok := f.format(name, before)
	if !ok || bytes.Equal(before, after) {
		return nil
	}
	f.changed = true
	if f.list {
		fmt.Fprintln(f.app.terminal.Out, name)
	}
	if f.diff {
		f.app.terminal.Out.Write(diff.Diff("old/"+filepath.ToSlash(name), before, "new/"+filepath.ToSlash(name), after)) //nolint:errcheck // as every print
	}
	if !f.write {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("fmt: %w", err)
	}
	return replaceFile(name, info.Mode().Perm(), func(file *os.File) error {
		if _, err := file.Write(after); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		return nil
	})
}

// format returns a source in the canonical style. A source with syntax errors is left alone and told.
func (f *formatting) format(name string, source []byte) ([]byte, bool) {
	file, diags := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
	if diags.HasErrors() {
		f.files[name] = file
		f.diags = append(f.diags, diags...)
		return nil, false
	}
	return hclwrite.Format(source), true
}

// standardInput prints what comes in, formatted.
func (f *formatting) standardInput() error {
	before, err := io.ReadAll(f.app.terminal.In)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	after, ok := f.format("<stdin>", before)
	if !ok {
		return nil
	}
	f.changed = f.changed || !bytes.Equal(before, after)
	switch {
	case f.diff:
		_, err = f.app.terminal.Out.Write(diff.Diff("old/<stdin>", before, "new/<stdin>", after))
	case !f.check:
		_, err = f.app.terminal.Out.Write(after)
	}
	return err
}
