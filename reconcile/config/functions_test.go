package config_test

import (
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
)

// A function is known below every local name of the provider, and takes and gives what is unknown, null or sensitive.
func TestFunctionsOfTheProvider(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, `
terraform {
  required_providers {
    dk = { source = "cleat-dev/docker" }
  }
}
variable "open" { type = string }
variable "secret" {
  type      = string
  sensitive = true
}
output "other_name" { value = provider::dk::parse_size("1k") }
output "usual_name" { value = provider::docker::parse_size("1k") }
output "unknown" { value = provider::docker::env_map(["A=${var.open}"]) }
output "null" { value = try(provider::docker::parse_size(null), "refused") }
output "secret" {
  value     = provider::docker::env_map([var.secret])
  sensitive = true
}
output "set" { value = provider::docker::env_map(toset(["A=1"])) }
`)
	eval := config.NewEvaluator(cfg, config.EvalOptions{Variables: map[string]config.VariableValue{
		"open": {Value: cty.UnknownVal(cty.String)}, "secret": {Value: cty.StringVal("A=hunter2")},
	}})
	one := cty.MapVal(map[string]cty.Value{"A": cty.StringVal("1")})
	for name, want := range map[string]cty.Value{
		"other_name": cty.NumberIntVal(1024), "usual_name": cty.NumberIntVal(1024), "unknown": cty.UnknownVal(cty.Map(cty.String)),
		"null": cty.StringVal("refused"), "set": one,
	} {
		out, diags := eval.Output(name)
		if diags.HasErrors() {
			t.Errorf("%s: %v", name, diags)
		} else if !out.Value.RawEquals(want) {
			t.Errorf("%s is %#v, want %#v", name, out.Value, want)
		}
	}
	out, diags := eval.Output("secret")
	if diags.HasErrors() || !out.Sensitive {
		t.Errorf("the sensitive output is %#v, %v", out, diags)
	}
}
