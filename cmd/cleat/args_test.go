package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/reconcile/view"
)

// quietApp is an app whose output is kept.
func quietApp() (a *app, out, errors *bytes.Buffer) {
	out, errors = &bytes.Buffer{}, &bytes.Buffer{}
	return &app{
		terminal: &view.Terminal{In: strings.NewReader(""), Out: out, Err: errors},
		kill:     func(int) { panic("killed") }, version: "v0.0.0-test",
	}, out, errors
}

func TestLongFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ args, want string }{
		"nothing":                        {"", ""},
		"command":                        {"plan", "plan"},
		"value after equals":             {"plan -var=a=b", "plan --var=a=b"},
		"value in the next word":         {"plan -var a=b -json", "plan --var a=b --json"},
		"two dashes":                     {"plan --var a=b --json", "plan --var a=b --json"},
		"value that looks like a flag":   {"plan -var -json -out -x", "plan --var -json --out -x"},
		"value that is a number":         {"plan -parallelism -1", "plan --parallelism -1"},
		"negative number of its own":     {"show -1", "show -1"},
		"bool with a value":              {"plan -input=false -json=true", "plan --input=false --json=true"},
		"bool before an argument":        {"apply -auto-approve next", "apply --auto-approve next"},
		"before the command":             {"-chdir=x plan -json", "--chdir=x plan --json"},
		"before the command, next word":  {"-chdir x plan -json", "--chdir x plan --json"},
		"one letter":                     {"plan -h", "plan -h"},
		"standard input":                 {"fmt -diff -", "fmt --diff -"},
		"end of flags":                   {"show -json -- -json", "show --json -- -json"},
		"unknown":                        {"plan -wrong -json", "plan --wrong --json"},
		"refused, next word is no value": {"plan -lock apply", "plan --lock apply"},
		"completion":                     {"__complete plan -target docker_", "__complete plan --target docker_"},
		"completion of a value":          {"__complete plan -target=docker_", "__complete plan --target=docker_"},
		"completion of a flag":           {"__complete plan -tar", "__complete plan -tar"},
		"last flag without its value":    {"plan -out", "plan --out"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, _ := quietApp()
			got := longFlags(a.root(), strings.Fields(test.args))
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// No flag may take a value in one command and none in another: longFlags looks at all of them at once.
func TestFlagsAgree(t *testing.T) {
	t.Parallel()
	a, _, _ := quietApp()
	root := a.root()
	all := valueFlags(root)
	for _, c := range root.Commands() {
		for name, takes := range valueFlags(c) {
			if all[name] != takes {
				t.Errorf("%s -%s: takes a value %v, elsewhere %v", c.Name(), name, takes, all[name])
			}
		}
	}
}

// Arguments that are wrong are told with what is right, before anything is read.
func TestWrongArguments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args string
		want string // part of what is printed
	}{
		"unknown command":    {"plam", `unknown command "plam"`},
		"unknown flag":       {"plan -tagret=x", "unknown flag -tagret"},
		"near flag":          {"plan -auto-aprove", "unknown flag -auto-aprove"},
		"did you mean":       {"apply -auto-aprove", "Did you mean -auto-approve?"},
		"no value":           {"plan -out", "-out needs a value"},
		"not a number":       {"plan -parallelism=x", "-parallelism=x: "},
		"no operations":      {"plan -parallelism=0", "-parallelism=0: want 1 or more"},
		"not a duration":     {"apply -lock-timeout=10", "-lock-timeout=10: "},
		"variable":           {"plan -var=a", "-var=a: want NAME=VALUE"},
		"address":            {"plan -target=web", `-target=web: address "web"`},
		"exclusive":          {"plan -destroy -refresh-only", "exclude each other"},
		"lock":               {"apply -lock=false", "-lock is not supported: without the lock"},
		"refresh":            {"plan -refresh=false", "-refresh is not supported"},
		"state":              {"apply -state=x", "-state is not supported: cleat has no state file"},
		"too many":           {"plan x", `unexpected argument "x"`},
		"too few":            {"adopt docker_container.web", "1 of 2 arguments given"},
		"adopt a type":       {"adopt -all -type=image", "-type=image: want container, network, volume"},
		"adopt to one":       {"adopt -out=x.tf docker_container.web web", "-out and -type are for -all"},
		"adopt both":         {"adopt -all docker_container.web web", `unexpected argument "docker_container.web"`},
		"adopt twice":        {"adopt -all -json -out=-", "-json and -out=- exclude each other"},
		"no terminal":        {"apply", "there is no terminal to ask for approval"},
		"json needs consent": {"apply -json", "nobody can be asked with -json"},
		"no input":           {"destroy -input=false", "nobody can be asked with -input=false"},
		"plan of a file":     {"apply -target=a.b next", "give them to cleat plan"},
		"raw and all":        {"output -raw", "give its name"},
		"format":             {"graph -format=png", "want dot, mermaid, svg"},
		"unlock nobody":      {"unlock", "Give the lock's ID, or -force."},
		"directory":          {"-chdir=/does/not/exist plan", "-chdir: chdir /does/not/exist"},
		"shell":              {"completion tcsh", `shell "tcsh": want bash, zsh, fish, powershell`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, out, errors := quietApp()
			if code := a.main(t.Context(), strings.Fields(test.args)); code != exitError {
				t.Errorf("exit code %d, want %d", code, exitError)
			}
			if !strings.Contains(errors.String(), test.want) || !strings.HasPrefix(errors.String(), "Error: ") {
				t.Errorf("%s: printed\n%s%s\nwant %q", test.args, out, errors, test.want)
			}
		})
	}
}

// The value of a variable may be a secret: an error about another flag must not repeat it.
func TestVariablesAreNotRepeated(t *testing.T) {
	t.Parallel()
	a, out, errors := quietApp()
	a.main(t.Context(), []string{"plan", "-var=password=secret", "-wrong"})
	if strings.Contains(out.String()+errors.String(), "secret") {
		t.Errorf("printed\n%s%s", out, errors)
	}
}

// Every command has an explanation with an example, and all its flags have one.
func TestHelp(t *testing.T) {
	t.Parallel()
	a, _, _ := quietApp()
	for _, c := range a.root().Commands() {
		if !c.Runnable() {
			continue
		}
		for _, args := range [][]string{{c.Name(), "-help"}, {c.Name(), "-h"}, {"help", c.Name()}} {
			a, out, errors := quietApp()
			if code := a.main(t.Context(), args); code != exitDone || errors.Len() > 0 {
				t.Errorf("%v: exit code %d, printed %s", args, code, errors)
			}
			text := out.String()
			for _, part := range []string{"Example", "Usage: cleat " + c.Name(), "-chdir=DIR"} {
				if !strings.Contains(text, part) {
					t.Errorf("%v: no %q in\n%s", args, part, text)
				}
			}
			for line := range strings.Lines(text) {
				if len(line) > 130 || strings.Contains(line, " --") {
					t.Errorf("%v: %q", args, line)
				}
			}
		}
	}
}
