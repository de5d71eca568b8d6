package config_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cleat-dev/cleat/reconcile/config"
)

// many is a configuration of n containers that refer to a network, and outputs that refer to all of them.
func many(n int) string {
	return fmt.Sprintf(`
variable "image" { default = "app:1" }
locals { names = { for i in range(%d) : format("c%%04d", i) => i } }
resource "docker_network" "net" { name = "net" }
resource "docker_container" "c" {
  for_each = local.names
  name     = each.key
  image    = var.image
  memory   = 64
  env      = ["A=${each.value}", "NET=${docker_network.net.name}"]
  command  = ["sh", "-c", "sleep ${each.value}"]
  ports {
    internal = 80
    external = 8000 + each.value
  }
  labels {
    label = "x"
    value = each.key
  }
}
resource "docker_container" "peer" {
  for_each = local.names
  name     = "p-${docker_container.c[each.key].name}"
  image    = var.image
}
output "names" { value = [for c in docker_container.c : c.name] }
`, n)
}

// walkAll plans everything once.
func walkAll(t testing.TB, cfg *config.Config) {
	vars, diags := cfg.Variables(config.Inputs{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	w := &walker{eval: config.NewEvaluator(cfg, config.EvalOptions{Variables: vars, Planning: true})}
	report, err := cfg.Graph().Walk(t.Context(), func(ctx context.Context, n config.Node) error {
		if n.Kind != config.ResourceNode {
			return errors.Join(w.eval.Check(n).Errs()...)
		}
		instances, diags := w.eval.Expand(n.Resource())
		for _, i := range instances {
			block, more := w.eval.Eval(i)
			if diags = append(diags, more...); more.HasErrors() {
				break
			}
			object, err := config.FromCty(block.Value, block.Schema.Type())
			if err != nil {
				return err
			}
			value, err := config.ToCty(object)
			if err != nil {
				return err
			}
			w.eval.Set(i, value)
		}
		if diags.HasErrors() {
			return diags
		}
		return ctx.Err()
	})
	if err = errors.Join(err, report.Err()); err != nil {
		t.Fatal(err)
	}
}

func TestManyInstances(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, many(300))
	walkAll(t, cfg)
}

func BenchmarkWalk(b *testing.B) {
	for _, n := range []int{250, 500, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg, _ := load(b, many(n))
			b.ReportAllocs()
			for b.Loop() {
				walkAll(b, cfg)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "resource \"docker_container\" \"c%d\" {\n  name = \"c%d\"\n  image = \"i\"\n  env = [\"A=1\"]\n}\n", i, i)
	}
	for b.Loop() {
		load(b, text.String())
	}
}

func FuzzLoad(f *testing.F) {
	fixtures, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, fixture := range fixtures {
		archive, err := txtar.ParseFile(fixture)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.Contains(file.Name, ".tf") {
				f.Add(file.Data, strings.HasSuffix(file.Name, ".json"))
			}
		}
	}
	schemas := newSchemas(f)
	f.Fuzz(func(t *testing.T, src []byte, json bool) {
		if strings.Contains(string(src), "range(") || strings.Contains(string(src), "count") && len(src) > 4000 {
			t.Skip("may ask for more instances than memory holds")
		}
		dir, name := t.TempDir(), "main.tf"
		if json {
			name = "main.tf.json"
		}
		if err := os.WriteFile(filepath.Join(dir, name), src, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, diags := config.Load(dir, config.Options{Schemas: schemas})
		for _, d := range diags {
			if d.Summary == "" || d.EvalContext != nil {
				t.Fatalf("diagnostic %#v", d)
			}
		}
		if diags.HasErrors() {
			return
		}
		if cfg.Validate().HasErrors() {
			return
		}
		if _, err := cfg.Graph().Sort(); err != nil {
			t.Fatal(err)
		}
		for _, r := range cfg.Resources() {
			if diff := cmp.Diff(r.Address.String(), config.NodeOf(r.Address).String()); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
