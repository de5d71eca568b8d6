package config_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

type attrType = attr.Type

var update = flag.Bool("update", false, "write what is found into the golden files")

// TestFixtures runs every testdata/*.txtar: a configuration, "args" (one -var or -var-file per line, TF_VAR_x=… for
// the environment, "apply" for real values), and "want", which is written with -update.
func TestFixtures(t *testing.T) {
	t.Parallel()
	fixtures, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(fixtures) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, fixture := range fixtures {
		t.Run(strings.TrimSuffix(filepath.Base(fixture), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(fixture)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, archive)
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			if *update {
				if i < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					i = len(archive.Files) - 1
				}
				archive.Files[i].Data = []byte(got)
				if err := os.WriteFile(fixture, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if i < 0 {
				t.Fatalf("no want; found:\n%s", got)
			}
			if diff := cmp.Diff(string(archive.Files[i].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// unpack writes the files of an archive to a directory and returns it with the inputs of "args".
func unpack(t testing.TB, archive *txtar.Archive) (dir string, in config.Inputs, apply bool) {
	t.Helper()
	dir = t.TempDir()
	for _, f := range archive.Files {
		switch f.Name {
		case "want":
		case "args":
			for _, line := range strings.Split(strings.TrimSpace(string(f.Data)), "\n") {
				switch {
				case line == "apply":
					apply = true
				case strings.HasPrefix(line, "-var-file="):
					in.Args = append(in.Args, config.InputArg{File: filepath.Join(dir, strings.TrimPrefix(line, "-var-file="))})
				case strings.HasPrefix(line, "-var="):
					name, value, _ := strings.Cut(strings.TrimPrefix(line, "-var="), "=")
					in.Args = append(in.Args, config.InputArg{Name: name, Value: value})
				default:
					in.Env = append(in.Env, line)
				}
			}
		default:
			path := filepath.Join(dir, f.Name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir, in, apply
}

// run loads, validates and walks a configuration, and returns all that comes out of it.
func run(t testing.TB, archive *txtar.Archive) string {
	dir, in, apply := unpack(t, archive)
	w := &walker{dir: dir, apply: apply}
	cfg, diags := config.Load(dir, config.Options{Schemas: newSchemas(t)})
	w.diagnostics(diags)
	if diags.HasErrors() {
		return w.out.String()
	}
	diags = cfg.Validate()
	w.diagnostics(diags)
	vars, more := cfg.Variables(in)
	w.diagnostics(more)
	if diags.HasErrors() || more.HasErrors() {
		return w.out.String()
	}
	w.eval = config.NewEvaluator(cfg, config.EvalOptions{Variables: vars, Planning: !apply})
	diags = w.eval.CheckVariables()
	w.diagnostics(diags)
	if diags.HasErrors() {
		return w.out.String()
	}
	w.statics(cfg)
	imports, diags := w.eval.Imports()
	w.diagnostics(diags)
	for _, i := range imports {
		fmt.Fprintf(&w.out, "import %s id %s\n", i.To, i.ID)
	}
	report, err := cfg.Graph().Walk(t.Context(), w.visit)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range report {
		w.out.WriteString(w.nodes[result.Node])
		if result.Outcome == graph.Skipped {
			fmt.Fprintf(&w.out, "%s: skipped because of %s\n", result.Node, result.Because)
		}
	}
	for _, name := range cfg.Outputs() {
		value, diags := w.eval.Output(name)
		if diags.HasErrors() {
			continue // the walk has shown them
		}
		fmt.Fprintf(&w.out, "output %s = %s", name, show(value.Value))
		if value.Sensitive {
			w.out.WriteString(" (sensitive)")
		}
		w.out.WriteString("\n")
	}
	return strings.ReplaceAll(w.out.String(), dir, "$DIR")
}

// walker is a plan or apply that invents ids.
type walker struct {
	dir   string
	apply bool
	eval  *config.Evaluator
	out   bytes.Buffer

	mu    sync.Mutex
	nodes map[config.Node]string
}

func (w *walker) diagnostics(diags hcl.Diagnostics) { w.out.WriteString(w.format(diags)) }

func (w *walker) format(diags hcl.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		at := "-"
		if d.Subject != nil {
			file, err := filepath.Rel(w.dir, d.Subject.Filename)
			if err != nil {
				file = d.Subject.Filename
			}
			at = fmt.Sprintf("%s:%d,%d", filepath.ToSlash(file), d.Subject.Start.Line, d.Subject.Start.Column)
		}
		kind := "error"
		if d.Severity == hcl.DiagWarning {
			kind = "warning"
		}
		fmt.Fprintf(&b, "%s: %s: %s: %s\n", at, kind, d.Summary, strings.ReplaceAll(d.Detail, "\n", " | "))
	}
	return strings.ReplaceAll(b.String(), w.dir, "$DIR")
}

func (w *walker) statics(cfg *config.Config) {
	for _, r := range cfg.Resources() {
		fmt.Fprintf(&w.out, "block %s provider %s", r.Address, r.Provider)
		if len(r.Reads) > 0 || r.ReadsAll {
			fmt.Fprintf(&w.out, " reads %v all=%v", r.Reads, r.ReadsAll)
		}
		if len(r.DependsOn) > 0 {
			fmt.Fprintf(&w.out, " depends_on %v", r.DependsOn)
		}
		if needs := cfg.Graph().Needs(config.NodeOf(r.Address)); len(needs) > 0 {
			fmt.Fprintf(&w.out, " needs %v", needs)
		}
		l := r.Lifecycle
		if l.CreateBeforeDestroy || l.PreventDestroy || l.IgnoreAll || len(l.IgnoreChanges) > 0 {
			fmt.Fprintf(&w.out, " lifecycle cbd=%v prevent=%v ignore=%v %d", l.CreateBeforeDestroy, l.PreventDestroy, l.IgnoreAll, len(l.IgnoreChanges))
		}
		w.out.WriteString("\n")
	}
	for _, m := range cfg.Moved() {
		fmt.Fprintf(&w.out, "moved %s to %s\n", m.From, m.To)
	}
	for _, r := range cfg.Removed() {
		fmt.Fprintf(&w.out, "removed %s destroy=%v\n", r.From, r.Destroy)
	}
	for _, key := range cfg.Providers() {
		p, diags := w.eval.Provider(key)
		w.diagnostics(diags)
		fmt.Fprintf(&w.out, "provider %s %s %d sensitive\n", key, show(p.Value), len(p.Sensitive))
	}
}

// visit evaluates one node; every instance gets an id, known in an apply.
func (w *walker) visit(_ context.Context, n config.Node) error {
	var b strings.Builder
	var diags hcl.Diagnostics
	switch n.Kind {
	case config.ResourceNode, config.DataNode, config.EphemeralNode:
		instances, more := w.eval.Expand(n.Resource())
		diags = append(diags, more...)
		for _, i := range instances {
			diags = append(diags, w.instance(&b, i)...)
		}
	default:
		diags = w.eval.Check(n)
	}
	b.WriteString(w.format(diags))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.nodes == nil {
		w.nodes = map[config.Node]string{}
	}
	w.nodes[n] = b.String()
	if diags.HasErrors() {
		return errors.New("failed")
	}
	return nil
}

func (w *walker) instance(b *strings.Builder, i graph.Instance) hcl.Diagnostics {
	block, diags := w.eval.Eval(i)
	diags = append(diags, w.eval.Preconditions(i)...)
	if diags.HasErrors() {
		return diags
	}
	fmt.Fprintf(b, "%s %s", i, show(block.Value))
	for _, path := range block.Sensitive {
		fmt.Fprintf(b, " sensitive:%s", pathText(path))
	}
	for _, trigger := range block.Triggers {
		fmt.Fprintf(b, " trigger:%s %s", trigger.Target, pathText(trigger.Path))
	}
	b.WriteString("\n")
	values := block.Value.AsValueMap()
	values["id"] = cty.UnknownVal(cty.String)
	if w.apply {
		values["id"] = cty.StringVal("id-of-" + i.String())
	}
	w.eval.Set(i, cty.ObjectVal(values))
	return append(diags, w.eval.Postconditions(i)...)
}

func pathText(path cty.Path) string {
	var b strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case cty.GetAttrStep:
			b.WriteString("." + step.Name)
		case cty.IndexStep:
			b.WriteString("[" + show(step.Key) + "]")
		}
	}
	return b.String()
}

// show writes a value as JSON without what is null or empty; what is not known is "?".
func show(v cty.Value) string {
	text, err := json.Marshal(plain(v))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func plain(v cty.Value) any {
	switch {
	case !v.IsKnown():
		return "?"
	case v.IsNull():
		return nil
	case v.Type().IsObjectType() || v.Type().IsMapType():
		values := map[string]any{}
		for key, element := range v.Elements() {
			if p := plain(element); p != nil && (!v.Type().IsObjectType() || !isEmptyList(p)) {
				values[key.AsString()] = p
			}
		}
		return values
	case v.CanIterateElements():
		values := []any{}
		for _, element := range v.Elements() {
			values = append(values, plain(element))
		}
		return values
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return err.Error()
	}
	return json.RawMessage(text)
}

func isEmptyList(p any) bool {
	list, ok := p.([]any)
	return ok && len(list) == 0
}
