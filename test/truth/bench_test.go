package truth_test

import (
	"context"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/reconcile"
	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// each runs the test on all engines at once, the one with the oldest API included.
func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	eachToday(t, test)
	t.Run(acctest.Old, func(t *testing.T) {
		t.Parallel()
		test(t, newBench(t, acctest.HeldCleatd(t, "1.18")))
	})
}

// eachToday leaves the old one out: what the test is about is refused there, which TestRefused sees.
func eachToday(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	t.Parallel()
	for name, get := range map[string]func(testing.TB) *acctest.Engine{"dockerd": acctest.Dockerd, "podman": acctest.Podman, "cleatd": acctest.Cleatd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newBench(t, get(t)))
		})
	}
}

// bench is one directory of configuration, a project of its own, on one engine.
type bench struct {
	*testing.T
	engine  *acctest.Engine
	api     *moby.Client
	dir     string
	project string
	catalog reconcile.Catalog
	// parallelism is how many operations an apply has under way; 0 is the usual number.
	parallelism int
	// shows is what the test shows, for design/provider-conformance.md; declared and applied are configurations.
	shows             *acctest.Shown
	declared, applied string
}

func newBench(t *testing.T, e *acctest.Engine) *bench {
	t.Helper()
	b := &bench{T: t, engine: e, dir: t.TempDir(), shows: e.Shows(t), project: strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(t.Name(), "Test")))}
	if e.IsHeld() { // moby's client speaks no such version
		c, err := client.New(t.Context(), client.Config{Host: e.Host})
		b.must(err)
		t.Cleanup(func() { _ = c.Close() })
		b.api = c.Client
	} else {
		b.api = e.Client(t)
	}
	resources, err := catalog.Resources(t.Context())
	b.must(err)
	sources, err := catalog.DataSources(t.Context())
	b.must(err)
	node, err := contract.CompileProvider(t.Context(), catalog.Provider())
	b.must(err)
	b.catalog = reconcile.Catalog{
		Resources: resources, ProviderNode: node,
		Connection: func(types.Object) (client.Config, error) { return client.Config{Host: e.Host}, nil },
	}
	for _, s := range sources {
		b.catalog.DataSources = append(b.catalog.DataSources, s)
	}
	return b
}

// Context is not cancelled when the test ends: what was made is removed then.
func (b *bench) Context() context.Context { return context.WithoutCancel(b.T.Context()) }

func (b *bench) podman() bool { return b.engine.Name == "podman" }

// kind is what rows have to know of the engine.
func (b *bench) kind() kind {
	return kind{podman: b.podman(), old: b.engine.IsOld(), api: b.engine.APIMax}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) ok(diags hcl.Diagnostics) {
	b.Helper()
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			b.Errorf("%s: %s (%v)", d.Summary, d.Detail, d.Subject)
		}
	}
	if diags.HasErrors() {
		b.FailNow()
	}
}

// write replaces the configuration.
func (b *bench) write(text string) {
	b.Helper()
	b.must(os.WriteFile(filepath.Join(b.dir, "main.tf"), []byte(text), 0o600))
	b.declared = text
}

func (b *bench) open() *reconcile.Project {
	b.Helper()
	p, diags := reconcile.Open(b.Context(), reconcile.Options{Dir: b.dir, Catalog: b.catalog, Project: b.project, Parallelism: b.parallelism})
	b.ok(diags)
	b.Cleanup(func() { _ = p.Close(b.Context()) })
	return p
}

// plan plans and returns the plan.
func (b *bench) plan() *plan.Plan {
	b.Helper()
	p := b.open()
	made, diags := p.Plan(b.Context(), reconcile.PlanOptions{})
	b.ok(diags)
	return made
}

// empty fails when there is anything to do.
func (b *bench) empty(after string) {
	b.Helper()
	made := b.plan()
	if text := made.String(); text != "" {
		b.Errorf("the plan after %s is not empty:\n%s", after, text)
	}
	b.note(made)
}

// apply plans and applies, and returns the plan.
func (b *bench) apply() *plan.Plan {
	b.Helper()
	made, report, diags := b.try(reconcile.PlanOptions{})
	b.ok(diags)
	if !report.Complete() {
		b.Fatalf("not complete: %+v", report)
	}
	b.note(made)
	b.applied = b.declared
	return made
}

func (b *bench) try(o reconcile.PlanOptions) (*plan.Plan, *apply.Report, hcl.Diagnostics) {
	b.Helper()
	p := b.open()
	b.ok(p.Lock(b.Context(), time.Minute, "apply"))
	made, diags := p.Plan(b.Context(), o)
	b.ok(diags)
	report, diags := p.Apply(b.Context(), made, nil)
	b.must(p.Close(b.Context()))
	return made, report, diags
}

// destroy removes everything the project owns.
func (b *bench) destroy() {
	b.Helper()
	_, report, diags := b.try(reconcile.PlanOptions{Destroy: true})
	b.ok(diags)
	if !report.Complete() {
		b.Errorf("destroy is not complete: %+v", report)
	}
}

// adopt takes over the container of that name.
func (b *bench) adopt(address, name string) {
	b.Helper()
	at, err := graph.ParseInstance(address)
	b.must(err)
	p := b.open()
	b.ok(p.Lock(b.Context(), time.Minute, "adopt"))
	_, diags := p.Adopt(b.Context(), at, name)
	b.ok(diags)
	b.shows.Add(at.Type, acctest.ImportsName)
	b.must(p.Close(b.Context()))
}

// changes are those of one step, as words: memory for one in place, memory! for one that replaces.
func changes(s *plan.Step) string {
	var words []string
	for _, c := range s.Changes {
		word := c.Path
		if c.Effect == contract.Replace {
			word += "!"
		}
		words = append(words, word)
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

// want compares texts.
func (b *bench) want(what, got, want string) {
	b.Helper()
	if got != want {
		b.Errorf("%s:\n got: %s\nwant: %s", what, got, want)
	}
}

func (b *bench) inspect(name string) moby.ContainerInspectResult {
	b.Helper()
	r, err := b.api.ContainerInspect(b.Context(), name, moby.ContainerInspectOptions{})
	b.must(err)
	return r
}

// network makes a network nobody owns, with a subnet that allows declared addresses.
func (b *bench) network(n int) string {
	b.Helper()
	name := b.project + "-net" + string(rune('0'+n%10))
	b.make(name, networkOptions(b.engine, n))
	b.Cleanup(func() {
		_, err := b.api.NetworkRemove(b.Context(), name, moby.NetworkRemoveOptions{})
		if err != nil {
			b.Errorf("network %s: %v", name, err)
		}
	})
	return name
}

// make makes a network by the client of our own, which knows what podman fails over.
func (b *bench) make(name string, o moby.NetworkCreateOptions) {
	b.Helper()
	c, err := client.New(b.Context(), client.Config{Host: b.engine.Host})
	b.must(err)
	defer c.Close()
	_, err = c.NetworkCreate(b.Context(), name, o)
	b.must(err)
}

func replaceAll(text string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(text)
}

// parent is the project of the test above a subtest.
func parent(project string) string { return project[:strings.LastIndex(project, "-")] }
