package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// given is a value for a variable before its type is applied.
type given struct {
	value  cty.Value      // from a file
	expr   hcl.Expression // of value
	text   *string        // from the environment or a command line
	source string
}

// Variables collects the values of the root module's variables. A required one that has no value anywhere is an error
// whose Extra is a [MissingVariable].
func (c *Config) Variables(in Inputs) (map[string]VariableValue, hcl.Diagnostics) {
	g := &gatherer{cfg: c, parser: hclparse.NewParser(), given: map[string]given{}}
	for _, entry := range in.Env {
		name, value, _ := strings.Cut(entry, "=")
		if name, ok := strings.CutPrefix(name, "TF_VAR_"); ok && c.root.variables[name] != nil {
			g.given[name] = given{text: &value, source: "TF_VAR_" + name}
		}
	}
	g.directory(c.root.dir)
	for _, arg := range in.Args {
		if arg.File != "" {
			g.file(arg.File, false)
			continue
		}
		g.text(arg.Name, arg.Value, "-var")
	}
	for _, name := range sortedKeys(in.Values) {
		g.text(name, in.Values[name], "the terminal")
	}
	values := g.values()
	return values, clean(g.diags)
}

// gatherer collects given values in the order of precedence.
type gatherer struct {
	cfg    *Config
	parser *hclparse.Parser
	given  map[string]given
	diags  hcl.Diagnostics
}

func (g *gatherer) fail(at *hcl.Range, summary, detail string) {
	g.diags = g.diags.Append(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at})
}

func (g *gatherer) text(name, value, source string) {
	if g.cfg.root.variables[name] == nil {
		g.fail(nil, "Value for undeclared variable", fmt.Sprintf("A variable named %q was given by %s, but the root module does not declare a variable of that name.", name, source)+
			didYouMean(name, sortedKeys(g.cfg.root.variables)))
		return
	}
	g.given[name] = given{text: &value, source: source}
}

// directory reads the files of values that are read without being asked for.
func (g *gatherer) directory(dir string) {
	for _, name := range []string{"terraform.tfvars", "terraform.tfvars.json"} {
		g.file(filepath.Join(dir, name), true)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // Load has said so
	}
	for _, entry := range entries { // sorted by name
		if name := entry.Name(); strings.HasSuffix(name, ".auto.tfvars") || strings.HasSuffix(name, ".auto.tfvars.json") {
			g.file(filepath.Join(dir, name), true)
		}
	}
}

// file reads a file of values. One that is read without being asked for may be missing.
func (g *gatherer) file(path string, optional bool) {
	src, err := os.ReadFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		g.fail(nil, "Variables file cannot be read", fmt.Sprintf("%s: %v.", path, reason(err)))
		return
	}
	parse := g.parser.ParseHCL
	if strings.HasSuffix(path, ".json") {
		parse = g.parser.ParseJSON
	}
	file, diags := parse(src, path)
	g.diags = append(g.diags, diags...)
	if file == nil || file.Body == nil {
		return
	}
	attrs, diags := file.Body.JustAttributes()
	g.diags = append(g.diags, diags...)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		attr := attrs[name]
		if g.cfg.root.variables[name] == nil {
			g.diags = g.diags.Append(warningAt(attr.NameRange, "Value for undeclared variable",
				fmt.Sprintf("The root module does not declare a variable named %q, but a value was found in %s; it is ignored.", name, path)+
					didYouMean(name, sortedKeys(g.cfg.root.variables))))
			continue
		}
		v, diags := attr.Expr.Value(nil)
		g.diags = append(g.diags, diags...)
		if !diags.HasErrors() {
			g.given[name] = given{value: v, expr: attr.Expr, source: path}
		}
	}
}

// values applies types and defaults to what was given.
func (g *gatherer) values() map[string]VariableValue {
	values := make(map[string]VariableValue, len(g.cfg.root.variables))
	for _, name := range sortedKeys(g.cfg.root.variables) {
		v := g.cfg.root.variables[name]
		from, ok := g.given[name]
		if !ok {
			if v.required() {
				g.diags = g.diags.Append(&hcl.Diagnostic{
					Severity: hcl.DiagError, Summary: "No value for required variable", Subject: v.at.Ptr(),
					Detail: fmt.Sprintf("The variable %q has no default. Give a value with -var %s=…, in a .tfvars file, or with the environment variable TF_VAR_%s.", name, name, name),
					Extra:  MissingVariable{Name: name, Description: v.description, Sensitive: v.sensitive},
				})
				continue
			}
			values[name] = VariableValue{Value: v.fallback, Source: "default"}
			continue
		}
		if value, ok := g.value(v, from); ok {
			values[name] = VariableValue{Value: value, Source: from.source}
		}
	}
	return values
}

func (g *gatherer) value(v *variable, from given) (cty.Value, bool) {
	value := from.value
	var at *hcl.Range
	if from.expr != nil {
		at = from.expr.Range().Ptr()
	}
	if from.text != nil {
		var ok bool
		if value, ok = g.parseText(v, *from.text, from.source); !ok {
			return cty.NilVal, false
		}
	}
	converted, err := v.convert(value)
	if err != nil {
		g.fail(at, "Invalid value for input variable", fmt.Sprintf("The value for the variable %q from %s is not suitable: %s. It is declared at %s.", v.name, from.source, convertError(err), v.at))
		return cty.NilVal, false
	}
	if converted.IsNull() && !v.nullable {
		if v.required() {
			g.fail(at, "Required variable not set", fmt.Sprintf("The value for the variable %q from %s is null, which nullable = false at %s does not allow.", v.name, from.source, v.at))
			return cty.NilVal, false
		}
		return v.fallback, true
	}
	return converted, true
}

// parseText reads a value from a command line or the environment: text for variables of simple types, else an
// expression.
func (g *gatherer) parseText(v *variable, text, source string) (cty.Value, bool) {
	if v.literal {
		return cty.StringVal(text), true
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), fmt.Sprintf("<value for var.%s from %s>", v.name, source), hcl.InitialPos)
	if !diags.HasErrors() {
		var value cty.Value
		if value, diags = expr.Value(nil); !diags.HasErrors() {
			return value, true
		}
	}
	detail := fmt.Sprintf("The value for the variable %q from %s is not an expression of its type, such as [\"a\", \"b\"] or {a = 1}", v.name, source)
	if !v.sensitive {
		detail += ": " + clean(diags)[0].Detail
	}
	g.fail(nil, "Invalid value for input variable", detail)
	return cty.NilVal, false
}
