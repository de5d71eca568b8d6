package reconcile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// A directory that shares its name with another project does not remove what is that one's.
func TestStrangers(t *testing.T) {
	t.Parallel()
	resources, err := catalog.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	node, err := contract.CompileProvider(t.Context(), catalog.Provider())
	if err != nil {
		t.Fatal(err)
	}
	load := func(text string) *config.Config {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, diags := config.Load(dir, config.Options{Schemas: Catalog{Resources: resources, ProviderNode: node}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return cfg
	}
	one, none := load(`resource "docker_volume" "v" {}`), load("locals {}")
	at := &hcl.Range{}
	gone := &plan.Step{Action: plan.Delete, Reason: "no longer declared"}
	create := &plan.Step{Action: plan.Create, Declared: at}
	intended := &plan.Step{Action: plan.Delete, Reason: "no longer declared", Record: ownership.Record{Intent: true}}
	for name, c := range map[string]struct {
		project string
		config  *config.Config
		steps   []*plan.Step
		refused bool
	}{
		"nothing in common":             {"", one, []*plan.Step{gone, create}, true},
		"and one that was there before": {"", one, []*plan.Step{gone, {Action: plan.Forget, Existed: true, Reason: "no longer declared; it was there before cleat and stays"}, create}, true},
		"something stays":               {"", one, []*plan.Step{gone, {Action: plan.NoOp, Declared: at}}, false},
		"something changes":             {"", one, []*plan.Step{gone, {Action: plan.Replace, Declared: at}}, false},
		"a removed block names another": {"", one, []*plan.Step{gone, {Action: plan.Forget, Reason: "a removed block says to leave it"}, create}, false},
		"what an apply failed to make":  {"", one, []*plan.Step{intended, create}, false},
		"and what another one made":     {"", one, []*plan.Step{intended, gone, create}, true},
		"only creations":                {"", one, []*plan.Step{create}, false},
		"the project is named":          {"p", one, []*plan.Step{gone, create}, false},
		"nothing is declared":           {"", none, []*plan.Step{gone}, false},
	} {
		p := &Project{options: Options{Project: c.project}, config: c.config, name: "p"}
		if diags := p.strangers(&plan.Plan{Steps: c.steps}); diags.HasErrors() != c.refused {
			t.Errorf("%s: refused: %v", name, diags)
		}
	}
}
