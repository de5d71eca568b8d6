package plan_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	provschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// The fake world: types_test.go, engine_test.go and this file are the same in reconcile/plan and reconcile/apply.

// world is a project whose engines are in memory.
type world struct {
	t        testing.TB
	types    plan.Types
	provider *contract.Node
	engines  map[string]*engine // by the host of a provider block
	slots    int                // how much an apply does at once
	observer apply.Observer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, engines: map[string]*engine{}, slots: 4,
		types: plan.Types{Resources: map[string]contract.Resource{}, Data: map[string]contract.Data{}},
	}
	for _, r := range []contract.Resource{
		hosted(t, box{plain{"container"}}), hosted(t, plain{"network"}), hosted(t, plain{"volume"}),
		hosted(t, mould{plain{"mould"}}), hosted(t, plain{"tag"}),
	} {
		w.types.Resources["docker_"+r.Name()] = r
	}
	data, err := contract.HostData(t.Context(), sight{})
	if err != nil {
		t.Fatal(err)
	}
	w.types.Data["docker_mould"] = data
	w.provider, err = contract.CompileProvider(t.Context(), provschema.Schema{Attributes: map[string]provschema.Attribute{"host": provschema.StringAttribute{Optional: true}}})
	if err != nil {
		t.Fatal(err)
	}
	w.engine("")
	return w
}

func hosted[M, E any](t testing.TB, typ contract.Type[M, E]) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), typ)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The world is the schemas of a configuration.

func (w *world) Resource(typ string) (*contract.Node, bool) {
	r, ok := w.types.Resources[typ]
	if !ok {
		return nil, false
	}
	return r.Node(), true
}

func (w *world) DataSource(typ string) (*contract.Node, bool) {
	d, ok := w.types.Data[typ]
	if !ok {
		return nil, false
	}
	return d.Node(), true
}
func (w *world) Ephemeral(string) (*contract.Node, bool) { return nil, false }
func (w *world) Provider() *contract.Node                { return w.provider }

func (w *world) IdentifiedBy(typ string) string {
	r, ok := w.types.Resources[typ]
	if !ok {
		return ""
	}
	return r.IdentifiedBy()
}

func (w *world) ResourceTypes() []string   { return slices.Sorted(maps.Keys(w.types.Resources)) }
func (w *world) DataSourceTypes() []string { return slices.Sorted(maps.Keys(w.types.Data)) }
func (w *world) EphemeralTypes() []string  { return nil }

// engine is the engine of a host; "" is that of the default provider.
func (w *world) engine(host string) *engine {
	if w.engines[host] == nil {
		w.engines[host] = newEngine()
	}
	return w.engines[host]
}

// options of a plan.
type options struct {
	targets, replace []string
	destroy, refresh bool
	vars             map[string]string
}

// session is one plan and what an apply of it works with.
type session struct {
	*world
	in    plan.Input
	vars  map[string]config.VariableValue
	made  *plan.Plan
	diags hcl.Diagnostics
}

// load reads a configuration: the text of main.tf, or an archive of files.
func (w *world) load(text string) *config.Config {
	w.t.Helper()
	dir := w.t.TempDir()
	archive := txtar.Parse([]byte(text))
	for _, f := range append(archive.Files, txtar.File{Name: "main.tf", Data: archive.Comment}) {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	cfg, diags := config.Load(dir, config.Options{Schemas: w})
	w.ok(append(diags, cfg.Validate()...))
	return cfg
}

func (w *world) ok(diags hcl.Diagnostics) {
	w.t.Helper()
	if text := problems(diags); text != "" {
		w.t.Fatal(text)
	}
}

// problems are the errors among diagnostics, a line each, sorted.
func problems(diags hcl.Diagnostics) string {
	var lines []string
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			lines = append(lines, strings.ReplaceAll(d.Summary+": "+d.Detail, "\n", " | ")+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (w *world) parse(texts []string) []graph.Target {
	w.t.Helper()
	var targets []graph.Target
	for _, text := range texts {
		target, err := graph.ParseTarget(text)
		if err != nil {
			w.t.Fatal(err)
		}
		targets = append(targets, target)
	}
	return targets
}

// plan makes a plan of a configuration.
func (w *world) plan(text string, o options) *session {
	w.t.Helper()
	s := &session{world: w}
	cfg := w.load(text)
	var diags hcl.Diagnostics
	s.vars, diags = cfg.Variables(config.Inputs{Values: o.vars})
	w.ok(diags)
	s.in = plan.Input{
		Project: "p", Config: cfg, Types: w.types, Hosts: map[config.ProviderKey]*plan.Host{}, Limiter: graph.NewLimiter(8),
		Evaluator: config.NewEvaluator(cfg, config.EvalOptions{Variables: s.vars, Planning: true}),
		Targets:   w.parse(o.targets), Replace: w.parse(o.replace), RefreshOnly: o.refresh, Recorded: map[string]cty.Value{},
	}
	w.ok(s.in.Evaluator.CheckVariables())
	w.hosts(&s.in)
	if o.destroy {
		s.made, s.diags = plan.BuildDestroy(s.in)
	} else {
		s.made, s.diags = plan.Build(w.t.Context(), s.in)
	}
	return s
}

// hosts looks at the engines of all provider configurations.
func (w *world) hosts(in *plan.Input) {
	w.t.Helper()
	inventories := map[*engine]*observe.Inventory{}
	keys := in.Config.Providers()
	if len(keys) == 0 { // nothing is declared any more
		keys = []config.ProviderKey{{}}
	}
	for _, key := range keys {
		block, diags := in.Evaluator.Provider(key)
		w.ok(diags)
		host := ""
		if v := block.Value.GetAttr("host"); !v.IsNull() {
			host = v.AsString()
		}
		e := w.engine(host)
		if inventories[e] == nil {
			taken, err := observe.Take(w.t.Context(), e, in.Project)
			if err != nil {
				w.t.Fatal(err)
			}
			inventories[e] = taken
			w.recorded(in, taken.Ledger)
		}
		in.Hosts[key] = &plan.Host{Name: key.Alias, Engine: e, APIVersion: "1.41", Inventory: inventories[e]}
	}
}

func (w *world) recorded(in *plan.Input, l *ownership.Ledger) {
	w.t.Helper()
	for name, o := range l.Outputs {
		typ, err := ctyjson.UnmarshalType(o.Type)
		if err != nil {
			w.t.Fatal(err)
		}
		if in.Recorded[name], err = ctyjson.Unmarshal(o.Value, typ); err != nil {
			w.t.Fatal(err)
		}
	}
}

// text is the plan, with its outputs and errors, as a test compares it.
func (s *session) text() string {
	var b strings.Builder
	b.WriteString(problems(s.diags))
	if s.diags.HasErrors() {
		return b.String()
	}
	b.WriteString(s.made.String())
	for _, o := range s.made.Outputs {
		if o.Changed() {
			fmt.Fprintf(&b, "output %s: %s -> %s\n", o.Name, value(o.Before), value(o.After))
		}
	}
	return b.String()
}

func value(v cty.Value) string {
	switch {
	case v == cty.NilVal:
		return "none"
	case !v.IsWhollyKnown():
		return "unknown"
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// ending is how an apply ended.
type ending struct {
	calls  []string // of the default engine
	report *apply.Report
	errs   string
	diags  hcl.Diagnostics
}

// apply carries the plan out as the CLI does.
func (s *session) apply(ctx context.Context) ending {
	s.t.Helper()
	s.ok(s.diags)
	for _, e := range s.engines {
		e.calls()
	}
	in := s.in
	in.Evaluator = config.NewEvaluator(in.Config, config.EvalOptions{Variables: s.vars})
	in.Limiter, in.Recorded, in.Replace = graph.NewLimiter(s.slots), nil, nil
	report, diags := apply.Run(ctx, apply.Input{
		Input: in, Plan: s.made, Observer: s.observer,
		Stamp:   func(h *plan.Host, labels map[string]string) any { return stamped{h.Engine.(*engine), labels} },
		Ledgers: func(h *plan.Host) ownership.API { return h.Engine.(*engine) },
	})
	return ending{calls: s.engine("").calls(), report: report, errs: problems(diags), diags: diags}
}

// run plans and applies and returns how it ended; nothing may go wrong.
func (w *world) run(text string, o options) ending {
	w.t.Helper()
	end := w.plan(text, o).apply(w.t.Context())
	w.ok(end.diags)
	if !end.report.Complete() {
		w.t.Fatalf("not complete: %+v", end.report)
	}
	return end
}

// want compares two texts.
func want(t testing.TB, what, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimLeft(want, "\n"), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// ledger is what the default engine's ledger holds, a line each.
func (w *world) ledger() string {
	w.t.Helper()
	taken, err := observe.Take(w.t.Context(), w.engine(""), "p")
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, address := range slices.Sorted(maps.Keys(taken.Ledger.Records)) {
		r := taken.Ledger.Records[address]
		fmt.Fprintf(&b, "%s id=%s", address, r.ID)
		if r.Intent {
			b.WriteString(" intent")
		}
		if r.Existed {
			b.WriteString(" existed")
		}
		b.WriteString("\n")
	}
	for _, id := range slices.Sorted(maps.Keys(taken.Ledger.Forgotten)) {
		fmt.Fprintf(&b, "forgotten %s\n", id)
	}
	for _, name := range slices.Sorted(maps.Keys(taken.Ledger.Outputs)) {
		fmt.Fprintf(&b, "output %s = %s\n", name, taken.Ledger.Outputs[name].Value)
	}
	return b.String()
}

// living are the objects of an engine but its ledger, sorted: "container web-1 (web)".
func (e *engine) living() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var lines []string
	for _, o := range e.objects {
		if o.labels[ownership.LabelLedger] == "" {
			lines = append(lines, fmt.Sprintf("%s %s (%s)\n", o.typ, o.thing.ID.ValueString(), o.thing.Name.ValueString()))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
