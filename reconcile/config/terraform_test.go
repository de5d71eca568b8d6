package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/reconcile/config"
)

// TestOutputsSameAsTerraform applies configurations without resources here and with a real terraform, and compares
// all outputs.
func TestOutputsSameAsTerraform(t *testing.T) {
	t.Parallel()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed: outputs are not compared")
	}
	for _, name := range []string{"variables", "language"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			dir, in, _ := unpack(t, archive)
			if diff := cmp.Diff(terraformOutputs(t, terraform, dir, in), outputs(t, dir, in)); diff != "" {
				t.Errorf("(-terraform +cleat):\n%s", diff)
			}
		})
	}
}

// shown is an output as `terraform output -json` shows it.
type shown struct {
	Sensitive bool `json:"sensitive"`
	Value     any  `json:"value"`
}

func terraformOutputs(t *testing.T, terraform, dir string, in config.Inputs) map[string]shown {
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), terraform, args...)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"), in.Env...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("terraform %s: %v\n%s%s", args[0], err, out, stderr.String())
		}
		return out
	}
	run("init", "-no-color", "-input=false")
	apply := []string{"apply", "-auto-approve", "-no-color", "-input=false"}
	for _, arg := range in.Args {
		if arg.File != "" {
			apply = append(apply, "-var-file="+arg.File)
		} else {
			apply = append(apply, "-var="+arg.Name+"="+arg.Value)
		}
	}
	run(apply...)
	var all map[string]shown
	if err := json.Unmarshal(run("output", "-json"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func outputs(t *testing.T, dir string, in config.Inputs) map[string]shown {
	t.Helper()
	cfg, diags := config.Load(dir, config.Options{Schemas: newSchemas(t)})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if diags := cfg.Validate(); diags.HasErrors() {
		t.Fatal(diags)
	}
	vars, diags := cfg.Variables(in)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	eval := config.NewEvaluator(cfg, config.EvalOptions{Variables: vars})
	all := map[string]shown{}
	for _, name := range cfg.Outputs() {
		out, diags := eval.Output(name)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if out.Value.IsNull() {
			continue // Terraform records no output that is null
		}
		text, err := ctyjson.Marshal(out.Value, out.Value.Type())
		if err != nil {
			t.Fatal(err)
		}
		s := shown{Sensitive: out.Sensitive}
		if err := json.Unmarshal(text, &s.Value); err != nil {
			t.Fatal(err)
		}
		all[name] = s
	}
	return all
}
