package reconcile_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/reconcile"
	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/resources/contract"
)

func TestMain(m *testing.M) { acctest.Main(m) }

func theCatalog(t testing.TB) reconcile.Catalog {
	t.Helper()
	resources, err := catalog.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sources, err := catalog.DataSources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data := make([]contract.Data, len(sources))
	for i, s := range sources {
		data[i] = s
	}
	node, err := contract.CompileProvider(t.Context(), catalog.Provider())
	if err != nil {
		t.Fatal(err)
	}
	return reconcile.Catalog{
		Resources: resources, DataSources: data, ProviderNode: node,
		Connection: func(block types.Object) (client.Config, error) {
			return catalog.HostOf(block, os.Getenv).Config, nil
		},
	}
}

// bench is one directory of configuration on one engine.
type bench struct {
	t       *testing.T
	engine  *acctest.Engine
	dir     string
	project string
	catalog reconcile.Catalog
}

func newBench(t *testing.T, e *acctest.Engine) *bench {
	t.Helper()
	b := &bench{t: t, engine: e, dir: t.TempDir(), project: strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())), catalog: theCatalog(t)}
	b.catalog.Connection = func(block types.Object) (client.Config, error) {
		return client.Config{Host: e.Host}, nil
	}
	return b
}

// write replaces the configuration.
func (b *bench) write(text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "main.tf"), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) open(vars ...string) *reconcile.Project {
	b.t.Helper()
	var args []config.InputArg
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		args = append(args, config.InputArg{Name: name, Value: value})
	}
	p, diags := reconcile.Open(b.t.Context(), reconcile.Options{Dir: b.dir, Catalog: b.catalog, Project: b.project, Inputs: config.Inputs{Args: args}})
	b.ok(diags)
	b.t.Cleanup(func() {
		if err := p.Close(context.WithoutCancel(b.t.Context())); err != nil {
			b.t.Errorf("close: %v", err)
		}
	})
	return p
}

func (b *bench) ok(diags hcl.Diagnostics) {
	b.t.Helper()
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			b.t.Fatalf("%s: %s (%v)", d.Summary, d.Detail, d.Subject)
		}
	}
}

// plan is the text of the plan.
func (b *bench) plan(o reconcile.PlanOptions) string {
	b.t.Helper()
	p := b.open()
	made, diags := p.Plan(b.t.Context(), o)
	b.ok(diags)
	text := made.String()
	if made.Changes() && text == "" {
		text = "outputs"
	}
	return text
}

// apply plans and applies, and returns the plan's text.
func (b *bench) apply(o reconcile.PlanOptions) (string, *apply.Report) {
	b.t.Helper()
	p := b.open()
	b.ok(p.Lock(b.t.Context(), time.Minute, "apply"))
	made, diags := p.Plan(b.t.Context(), o)
	b.ok(diags)
	report, diags := p.Apply(b.t.Context(), made, nil)
	b.ok(diags)
	if err := p.Close(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return made.String(), report
}

func (b *bench) want(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s:\n got: %s\nwant: %s", what, got, want)
	}
}

func TestVolumeAndNetworkLifecycle(t *testing.T) {
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		b := newBench(t, e)
		b.write(`
resource "docker_volume" "data" {
  name = "${local.name}-data"
  labels {
    label = "tier"
    value = "db"
  }
}
resource "docker_network" "front" {
  name     = "${local.name}-front"
  internal = true
  ipam_config {
    subnet = "10.77.${local.octet}.0/24"
  }
}
locals {
  name  = "` + b.project + `"
  octet = 7
}
output "mount" { value = docker_volume.data.mountpoint }
`)
		text, report := b.apply(reconcile.PlanOptions{})
		b.want("first plan", text, "docker_network.front create: does not exist\ndocker_volume.data create: does not exist\n")
		if !report.Complete() || report.Done.Add != 2 || len(report.Outputs) != 1 || report.Outputs[0].After.IsNull() || report.Outputs[0].After.Equals(cty.StringVal("")).True() {
			t.Errorf("report: %+v", report)
		}
		b.want("second plan", b.plan(reconcile.PlanOptions{}), "")
		text, _ = b.apply(reconcile.PlanOptions{Destroy: true})
		b.want("destroy", text, "docker_network.front delete\ndocker_volume.data delete\n")
		b.want("after destroy", b.plan(reconcile.PlanOptions{}), "docker_network.front create: does not exist\ndocker_volume.data create: does not exist\n")
		b.clean()
	})
}

// clean fails when anything of the project is left on the engine.
func (b *bench) clean() {
	b.t.Helper()
	p := b.open()
	made, diags := p.Plan(b.t.Context(), reconcile.PlanOptions{Destroy: true})
	b.ok(diags)
	if len(made.Steps) > 0 || len(made.Outputs) > 0 {
		b.t.Errorf("left behind: %s", made)
	}
}

// foreignVolume makes a volume that is not ours.
func (b *bench) foreignVolume(c *client.Client, name string) {
	b.t.Helper()
	if _, err := c.VolumeCreate(b.t.Context(), moby.VolumeCreateOptions{Name: name}); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if _, err := c.VolumeRemove(context.WithoutCancel(b.t.Context()), name, moby.VolumeRemoveOptions{}); err != nil {
			b.t.Errorf("foreign volume: %v", err)
		}
	})
}
