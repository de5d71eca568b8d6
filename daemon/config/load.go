package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/pflag"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// command are flags that are no options: they choose what is done.
var command = map[string]bool{"config-file": true, "help": true}

// loader collects what is wrong.
type loader struct {
	flags    *Flags
	origin   map[string]string // of an option: FILE:LINE
	problems []error
}

// Load reads the file and checks everything. Call it once, when the flags are parsed. The error joins one error for
// each mistake: where, what was found, what is expected.
func (f *Flags) Load() (Config, error) {
	l := &loader{flags: f, origin: map[string]string{}}
	l.file(f.raw.file, f.set.Changed("config-file"))
	if len(l.problems) == 0 { // a value that could not be read is not worth a second complaint
		l.check()
	}
	return f.raw.Config, errors.Join(l.problems...)
}

// file applies the HCL file to the flags that were not given.
func (l *loader) file(path string, named bool) {
	source, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return
	}
	if err != nil {
		l.problems = append(l.problems, fmt.Errorf("configuration file: %w", err))
		return
	}
	file, diags := hclsyntax.ParseConfig(source, path, hcl.InitialPos)
	attributes, more := file.Body.JustAttributes()
	for _, d := range append(diags, more...) {
		l.problems = append(l.problems, explain(d))
	}
	if diags.HasErrors() { // what is behind a mistake of syntax may mean anything
		return
	}
	given := map[string]bool{}
	l.flags.set.VisitAll(func(flag *pflag.Flag) { given[flag.Name] = flag.Changed }) // Visit knows nothing of a subcommand's set
	for name, attribute := range attributes {
		at := place(attribute.NameRange)
		flag := l.flags.set.Lookup(name)
		if flag == nil || command[name] {
			l.problems = append(l.problems, fmt.Errorf("%s: found %q, which is no option: \"cleatd --help\" lists them", at, name))
			continue
		}
		values, err := attributeValues(attribute, flag)
		if err != nil {
			l.problems = append(l.problems, fmt.Errorf("%s: %s: %w", at, name, err))
			continue
		}
		if given[name] {
			continue
		}
		l.origin[name] = at
		if err := assign(flag, values); err != nil {
			l.problems = append(l.problems, fmt.Errorf("%s: %s: %w", at, name, err))
		}
	}
}

// attributeValues evaluates an argument to the texts a command line would have.
func attributeValues(a *hcl.Attribute, flag *pflag.Flag) ([]string, error) {
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		return nil, errors.New(diags[0].Detail)
	}
	_, list := flag.Value.(pflag.SliceValue)
	want := map[string]string{"bool": "true or false", "int": "a number", "string": "a string"}[flag.Value.Type()]
	if list {
		want = "a list of strings"
	}
	found := fmt.Errorf("found %s, want %s", describe(v), want)
	if v.IsNull() || !v.IsWhollyKnown() {
		return nil, found
	}
	if list && !v.Type().IsPrimitiveType() {
		if !v.Type().IsTupleType() && !v.Type().IsListType() {
			return nil, found
		}
		texts := []string{}
		for _, element := range v.AsValueSlice() {
			if element.IsNull() || element.Type() != cty.String {
				return nil, fmt.Errorf("found %s in the list, want strings", describe(element))
			}
			texts = append(texts, element.AsString())
		}
		return texts, nil
	}
	// A switch is no string and a string no number: a value that only looks right is most likely a mistake.
	kind := map[string]cty.Type{"bool": cty.Bool, "int": cty.Number}[flag.Value.Type()]
	if kind == cty.NilType {
		kind = cty.String
	}
	if v.Type() != kind {
		return nil, found
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil {
		return nil, found
	}
	return []string{text.AsString()}, nil
}

func assign(flag *pflag.Flag, values []string) error {
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.Replace(values) //nolint:wrapcheck // the caller names file and option
	}
	if err := flag.Value.Set(values[0]); err != nil {
		return fmt.Errorf("found %q, want %s", values[0], map[string]string{"int": "a whole number"}[flag.Value.Type()])
	}
	return nil
}

// describe names a value without showing more of it than a few words.
func describe(v cty.Value) string {
	switch {
	case v.IsNull():
		return "null"
	case !v.IsKnown():
		return "an unknown value"
	case v.Type() == cty.String:
		return fmt.Sprintf("%q", v.AsString())
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True())
	default:
		return "a " + v.Type().FriendlyName()
	}
}

func explain(d *hcl.Diagnostic) error {
	at := ""
	if d.Subject != nil {
		at = place(*d.Subject) + ": "
	}
	return fmt.Errorf("%s%s; %s", at, strings.ToLower(d.Summary), d.Detail)
}

func place(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
