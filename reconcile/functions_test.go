package reconcile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/internal/functions"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Every function has an example that loads and evaluates, its comments saying what comes out.
func TestFunctionExamples(t *testing.T) {
	t.Parallel()
	resources, err := catalog.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	node, err := contract.CompileProvider(t.Context(), catalog.Provider())
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join("..", "examples", "functions")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(functions.All()) {
		t.Errorf("%d examples of %d functions", len(entries), len(functions.All()))
	}
	for _, f := range functions.All() {
		text, err := os.ReadFile(filepath.Join(folder, f.Name, "function.tf"))
		if err != nil {
			t.Error(err)
			continue
		}
		cfg, diags := config.Load(filepath.Join(folder, f.Name), config.Options{Schemas: Catalog{Resources: resources, ProviderNode: node}})
		if diags.HasErrors() {
			t.Errorf("%s: %v", f.Name, diags)
			continue
		}
		eval := config.NewEvaluator(cfg, config.EvalOptions{})
		for _, r := range cfg.Resources() {
			instances, diags := eval.Expand(r.Address)
			for _, i := range instances {
				_, more := eval.Eval(i)
				diags = append(diags, more...)
			}
			if diags.HasErrors() {
				t.Errorf("%s: %v", f.Name, diags)
			}
		}
		for _, name := range cfg.Outputs() {
			out, diags := eval.Output(name)
			if diags.HasErrors() {
				t.Errorf("%s: %v", f.Name, diags)
				continue
			}
			if out.Value.Type() == cty.String && !strings.Contains(string(text), "# "+out.Value.AsString()+"\n") {
				t.Errorf("%s: output %s is %s, its comment says otherwise", f.Name, name, out.Value.AsString())
			}
		}
	}
}
