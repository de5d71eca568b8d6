package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// load loads a configuration given as one file, which must have no errors.
func load(t testing.TB, main string) (*config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, diags := config.Load(dir, config.Options{Schemas: newSchemas(t)})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return cfg, dir
}

func instance(t testing.TB, text string) graph.Instance {
	t.Helper()
	i, err := graph.ParseInstance(text)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestRange(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, `resource "docker_container" "c" {
  name    = "n"
  image   = "i"
  command = ["a",
    "b"]
  sysctls = {
    "net.x" = "1"
    y       = 2
  }
  ports { internal = 1 }
  dynamic "ports" {
    for_each = [2, 3]
    content {
      internal = ports.value
      external = 70000
    }
  }
  labels {
    label = "a"
    value = "b"
  }
  healthcheck {
    test = ["x"]
    retry { count = 1 }
    retry { count = 2 }
  }
}
`)
	eval := config.NewEvaluator(cfg, config.EvalOptions{})
	block, diags := eval.Eval(instance(t, "docker_container.c"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	tests := map[string]string{
		"name": "2,13", "command": "4,13", "command[1]": "5,5", "command[9]": "4,13", `sysctls["net.x"]`: "7,15", "sysctls.y": "8,15", `sysctls["none"]`: "6,13",
		"ports": "10,3", "ports[0].internal": "10,22", "ports[1]": "11,3", "ports[2].external": "15,18", "ports[1].protocol": "11,3", "ports[7]": "10,3",
		"labels": "18,3", `labels[Value({"label":"a"})].label`: "18,3", "healthcheck": "22,3", "healthcheck.test[0]": "23,13", "healthcheck.retry[1].count": "25,21",
		"memory": "1,1", "nonsense": "1,1", "": "1,1",
	}
	for path, want := range tests {
		at := block.Range(path)
		if got := fmt.Sprintf("%d,%d", at.Start.Line, at.Start.Column); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

func TestRelocate(t *testing.T) {
	t.Parallel()
	dir, _, _ := unpack(t, txtar.Parse([]byte(`
-- main.tf --
module "new" {
  source   = "./m"
  for_each = { x = 1 }
}
module "one" { source = "./m" }
resource "docker_network" "counted" {
  count = 2
  name  = "x"
}
resource "docker_network" "single" { name = "x" }
resource "docker_network" "c" { name = "x" }
resource "docker_network" "keyed" {
  for_each = { a = 1 }
  name     = "x"
}
moved {
  from = module.old
  to   = module.new
}
moved {
  from = module.list[0]
  to   = module.new["x"]
}
moved {
  from = docker_network.a
  to   = docker_network.b
}
moved {
  from = docker_network.b
  to   = docker_network.c
}
moved {
  from = docker_network.one
  to   = docker_network.keyed["a"]
}
moved {
  from = docker_network.rooted
  to   = module.one.docker_network.n
}
moved {
  from = docker_network.p
  to   = docker_network.q
}
moved {
  from = docker_network.q
  to   = docker_network.p
}
-- m/main.tf --
resource "docker_network" "n" { name = "x" }
moved {
  from = docker_network.was
  to   = docker_network.n
}
`)))
	cfg, diags := config.Load(dir, config.Options{Schemas: newSchemas(t)})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	tests := map[string]string{
		`module.old["x"].docker_network.n`:          `module.new["x"].docker_network.n`,
		`module.old["x"].docker_network.was`:        `module.new["x"].docker_network.n`,
		`module.old["x"].module.z.docker_network.n`: `module.new["x"].module.z.docker_network.n`,
		`module.list[0].docker_network.n`:           `module.new["x"].docker_network.n`,
		`module.list[1].docker_network.n`:           `module.list[1].docker_network.n`,
		`module.new["y"].docker_network.was`:        `module.new["y"].docker_network.n`,
		`docker_network.a`:                          `docker_network.c`,
		`docker_network.a[3]`:                       `docker_network.c[3]`,
		`docker_network.a[0]`:                       `docker_network.c`,
		`docker_network.one`:                        `docker_network.keyed["a"]`,
		`docker_network.one[1]`:                     `docker_network.one[1]`,
		`docker_network.rooted`:                     `module.one.docker_network.n`,
		`docker_network.counted`:                    `docker_network.counted[0]`,
		`docker_network.single[0]`:                  `docker_network.single`,
		`docker_network.single[1]`:                  `docker_network.single[1]`,
		`docker_network.keyed`:                      `docker_network.keyed`,
		`docker_network.none[0]`:                    `docker_network.none[0]`,
		`docker_network.p`:                          `docker_network.q`,
	}
	for from, want := range tests {
		if got := cfg.Relocate(instance(t, from)).String(); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

func TestSensitiveValuesAreMarkedWhenSet(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, `
resource "docker_container" "c" {
  name    = "c"
  image   = sensitive("i")
  command = ["a", sensitive("b")]
  healthcheck { token = "t" }
}
output "schema" { value = docker_container.c.secret }
output "nested" { value = docker_container.c.healthcheck.token }
output "declared" { value = docker_container.c.image }
output "element" { value = docker_container.c.command[1] }
output "other" { value = docker_container.c.command[0] }
`)
	eval := config.NewEvaluator(cfg, config.EvalOptions{})
	i := instance(t, "docker_container.c")
	block, diags := eval.Eval(i)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if block.Value.ContainsMarked() {
		t.Error("a value with marks left the evaluator")
	}
	eval.Set(i, block.Value)
	for name, sensitive := range map[string]bool{"schema": true, "nested": true, "declared": true, "element": true, "other": false} {
		_, diags := eval.Output(name)
		if diags.HasErrors() != sensitive {
			t.Errorf("output %s: %v", name, diags)
		}
		for _, d := range diags {
			if d.EvalContext != nil || d.Expression != nil {
				t.Errorf("output %s: the diagnostic holds values", name)
			}
		}
	}
}

func TestErrorsDoNotShowSecrets(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		`parseint(var.secret, 10)`, `try(parseint(var.secret, 10))`, `[for s in [var.secret] : parseint(s, 10)]`, `jsondecode(var.secret)`,
		`tonumber(var.secret)`, `parseint(sensitive("hunter2"), 10)`, `file(var.secret)`, `tobool(upper(var.secret))`, `{ a = 1 }[var.secret]`,
		`parseint(local.wrapped.inner, 10)`, `formatdate("x", var.secret)`, `var.secret + 1`, `cidrhost(var.secret, 1)`, `[1][var.secret]`,
		`timeadd(var.secret, "1h")`, `textencodebase64("x", var.secret)`, `format(var.secret, 1, 2)`, `templatestring(var.secret, {})`, `yamldecode("${var.secret}: [")`,
	} {
		cfg, _ := load(t, `variable "secret" { sensitive = true }
locals { wrapped = { inner = var.secret } }
output "o" {
  value     = `+expr+`
  sensitive = true
}
`)
		secret := "hunter2 %d ${"
		vars, diags := cfg.Variables(config.Inputs{Args: []config.InputArg{{Name: "secret", Value: secret}}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		_, diags = config.NewEvaluator(cfg, config.EvalOptions{Variables: vars}).Output("o")
		if !diags.HasErrors() {
			t.Errorf("%s: no error", expr)
		}
		if strings.Contains(strings.ToLower(diags.Error()), "hunter2") {
			t.Errorf("%s: %v", expr, diags)
		}
	}
}

func TestPartlyReferredModuleDoesNotFreezeOthers(t *testing.T) {
	t.Parallel()
	dir, _, _ := unpack(t, txtar.Parse([]byte(`
-- main.tf --
module "m" { source = "./m" }
resource "docker_network" "early" { name = module.m.fixed }
output "late" { value = module.m.late }
-- m/main.tf --
resource "docker_network" "n" { name = "n" }
locals { id = docker_network.n.id }
output "fixed" { value = "f" }
output "late" { value = local.id }
`)))
	cfg, diags := config.Load(dir, config.Options{Schemas: newSchemas(t)})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	eval := config.NewEvaluator(cfg, config.EvalOptions{})
	if _, diags := eval.Eval(instance(t, "docker_network.early")); diags.HasErrors() {
		t.Fatal(diags)
	}
	n := instance(t, "module.m.docker_network.n")
	block, diags := eval.Eval(n)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	values := block.Value.AsValueMap()
	values["id"] = cty.StringVal("real")
	eval.Set(n, cty.ObjectVal(values))
	late, diags := eval.Output("late")
	if diags.HasErrors() || !late.Value.RawEquals(cty.StringVal("real")) {
		t.Errorf("late: %#v %v", late.Value, diags)
	}
}

func TestSetObjectConvertsWhatIsRead(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, `
resource "docker_container" "some" {
  name  = "c"
  image = "i"
  ports { internal = 1 }
}
resource "docker_container" "all" {
  name  = docker_container.some.name
  image = docker_container.some.ports[0].internal
}
resource "docker_container" "none" {
  name   = docker_container.all.healthcheck == null ? "null" : "set"
  image  = "i"
  secret = jsonencode(docker_container.all)
}
`)
	eval := config.NewEvaluator(cfg, config.EvalOptions{})
	for _, text := range []string{"docker_container.some", "docker_container.all", "docker_container.none"} {
		i := instance(t, text)
		block, diags := eval.Eval(i)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		object, err := config.FromCty(block.Value, block.Schema.Type())
		if err != nil {
			t.Fatal(err)
		}
		if err := eval.SetObject(i, object.(types.Object)); err != nil { //nolint:forcetypeassert // the type of a schema
			t.Fatal(err)
		}
		if text != "docker_container.none" {
			continue
		}
		var whole map[string]any
		if err := json.Unmarshal([]byte(block.Value.GetAttr("secret").AsString()), &whole); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"id": nil, "name": "c", "image": "1", "command": nil, "env": nil, "sysctls": nil, "memory": nil, "cpus": nil, "must_run": nil,
			"secret": nil, "secret_wo": nil, "networks": nil, "ports": []any{}, "labels": []any{}, "healthcheck": nil,
		}
		if diff := cmp.Diff(want, whole); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if err := eval.SetObject(instance(t, "docker_container.some"), types.ObjectUnknown(newSchemas(t).resources["docker_container"].Type().AttrTypes)); err != nil {
		t.Error(err)
	}
}

func TestMissingVariableCanBeAsked(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, `variable "a" {
  description = "what a is"
  type        = number
}
output "a" { value = var.a }`)
	_, diags := cfg.Variables(config.Inputs{})
	missing, ok := hcl.DiagnosticExtra[config.MissingVariable](diags[0])
	if want := (config.MissingVariable{Name: "a", Description: "what a is"}); !ok || missing != want {
		t.Fatalf("%+v %v", missing, diags)
	}
	vars, diags := cfg.Variables(config.Inputs{Values: map[string]string{"a": "7"}})
	if diags.HasErrors() || !vars["a"].Value.RawEquals(cty.NumberIntVal(7)) {
		t.Errorf("%v %v", vars, diags)
	}
}

func TestUnknownAddressesAreErrors(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, `resource "docker_network" "n" {
  count = 1
  name  = "n"
}`)
	eval := config.NewEvaluator(cfg, config.EvalOptions{})
	for _, text := range []string{"docker_network.x", "docker_network.n", "docker_network.n[1]", "module.a.docker_network.n[0]"} {
		if _, diags := eval.Eval(instance(t, text)); !diags.HasErrors() {
			t.Errorf("%s: no error", text)
		}
		eval.Set(instance(t, text), cty.NullVal(cty.DynamicPseudoType)) // must not panic
	}
	if _, diags := eval.Expand(instance(t, "docker_network.x").Resource()); !diags.HasErrors() {
		t.Error("expand: no error")
	}
}
