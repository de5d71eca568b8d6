package reconcile_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// A saved plan is applied as it was shown or not at all.
func TestPlanFile(t *testing.T) {
	e := acctest.Dockerd(t)
	b := newBench(t, e)
	b.write(`
variable "tier" {}
resource "docker_volume" "data" {
  name = "` + b.project + `"
  labels {
    label = "tier"
    value = var.tier
  }
}
`)
	first := b.open("tier=gold")
	made, diags := first.Plan(t.Context(), reconcile.PlanOptions{})
	b.ok(diags)
	var file bytes.Buffer
	if err := first.SavePlan(&file, made, reconcile.PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "gold") {
		t.Errorf("the plan file holds values: %s", file.String())
	}
	if _, diags := b.open("tier=iron").LoadPlan(t.Context(), bytes.NewReader(file.Bytes())); !diags.HasErrors() || !strings.Contains(diags.Error(), "labels") {
		t.Errorf("other variables: got %v, want an error naming labels", diags)
	}
	if _, diags := b.open("tier=gold").LoadPlan(t.Context(), strings.NewReader(`{"format":1}x`)); !diags.HasErrors() {
		t.Error("a file that is no plan was taken")
	}
	same := b.open("tier=gold")
	loaded, diags := same.LoadPlan(t.Context(), bytes.NewReader(file.Bytes()))
	b.ok(diags)
	b.want("loaded", loaded.String(), made.String())

	// Somebody makes the volume meanwhile: it is refused, not taken over.
	c := b.client()
	b.foreignVolume(c, b.project)
	if _, diags := b.open("tier=gold").LoadPlan(t.Context(), bytes.NewReader(file.Bytes())); !diags.HasErrors() || !strings.Contains(diags.Error(), "cleat adopt") {
		t.Errorf("a name taken meanwhile: got %v, want an error naming adopt", diags)
	}
}

// A saved plan that asks for a replacement replaces once, however often it is applied.
func TestPlanFileReplacesOnce(t *testing.T) {
	e := acctest.Dockerd(t)
	b := newBench(t, e)
	b.write(`
resource "docker_container" "web" {
  name    = "` + b.project + `"
  image   = "` + acctest.Busybox + `"
  command = ["sleep", "600"]
}
`)
	apply := func(file *bytes.Buffer) *plan.Plan {
		t.Helper()
		p := b.open()
		var made *plan.Plan
		var diags hcl.Diagnostics
		if file == nil {
			made, diags = p.Plan(t.Context(), reconcile.PlanOptions{})
		} else {
			made, diags = p.LoadPlan(t.Context(), bytes.NewReader(file.Bytes()))
		}
		b.ok(diags)
		_, diags = p.Apply(t.Context(), made, nil)
		b.ok(diags)
		return made
	}
	apply(nil)
	web, err := graph.ParseTarget("docker_container.web")
	if err != nil {
		t.Fatal(err)
	}
	p, o := b.open(), reconcile.PlanOptions{Replace: []graph.Target{web}}
	made, diags := p.Plan(t.Context(), o)
	b.ok(diags)
	var file bytes.Buffer
	if err := p.SavePlan(&file, made, o); err != nil {
		t.Fatal(err)
	}
	if got := apply(&file).String(); !strings.Contains(got, "replace") {
		t.Errorf("first: %s", got)
	}
	if again := apply(&file); again.Changes() {
		t.Errorf("again: %s", again)
	}
}
