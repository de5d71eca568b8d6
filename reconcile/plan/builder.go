package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
)

// Input is what a plan is computed from.
type Input struct {
	Project   string
	Config    *config.Config
	Evaluator *config.Evaluator
	Types     Types
	// Hosts gives the engine of every provider configuration in use.
	Hosts   map[config.ProviderKey]*Host
	Limiter *graph.Limiter
	// Targets, when there are any, restrict the plan to what they name and what that needs.
	Targets []graph.Target
	// Replace are objects to be replaced though nothing else asks for it.
	Replace []graph.Target
	// Replaced, unless nil, are the ids of those when that was asked for, by address: who has another one by now has been.
	Replaced map[string]string
	// RefreshOnly reports drift and plans nothing.
	RefreshOnly bool
	// Watch is told of each object and data source about to be read, and by the function it returns how that ended. Nil
	// when nobody watches.
	Watch func(address graph.Instance, host string) func(error)
	// Recorded are the outputs as of the last apply.
	Recorded map[string]cty.Value
}

// Build computes a plan. It reads from the engines and changes nothing. Diagnostics with errors come with the plan as
// far as it got, for show only.
func Build(ctx context.Context, in Input) (*Plan, hcl.Diagnostics) {
	return build(ctx, in, nil)
}

// build is Build with imports beside those of import blocks.
func build(ctx context.Context, in Input, adopted map[graph.Instance]string) (*Plan, hcl.Diagnostics) {
	relocate(in.Config, in.Hosts)
	b := newBuilder(in)
	for address, id := range adopted {
		b.imports[address] = config.Import{To: address, ID: id}
	}
	imports, diags := in.Evaluator.Imports()
	if diags.HasErrors() {
		return &Plan{Project: in.Project}, diags
	}
	b.report(diags)
	for _, i := range imports {
		b.imports[i.To] = i
	}
	walked := b.targeted(in.Config.Graph())
	if _, err := walked.Walk(ctx, b.visit); err != nil {
		b.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Dependency cycle", Detail: err.Error()}})
	}
	if err := ctx.Err(); err != nil {
		b.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Interrupted", Detail: "The plan was interrupted; nothing was changed."}})
	}
	if !b.diags.HasErrors() {
		b.unknownImports(imports)
		b.ownImports()
		b.orphans()
		b.claims()
	}
	p := &Plan{Project: in.Project, Steps: b.steps, Outputs: b.outputs(), RefreshOnly: in.RefreshOnly, values: b.values, mentioned: b.mentioned}
	p.sort()
	if in.RefreshOnly {
		p.onlyDrift()
	}
	return p, config.Unique(b.diags)
}

func (p *Plan) sort() {
	slices.SortStableFunc(p.Steps, func(a, b *Step) int {
		if c := a.Address.Compare(b.Address); c != 0 {
			return c
		}
		return cmp.Or(len(a.Deposed)-len(b.Deposed), strings.Compare(a.Provider.String(), b.Provider.String()))
	})
}

type builder struct {
	Input
	imports map[graph.Instance]config.Import

	mu       sync.Mutex
	steps    []*Step
	declared map[graph.Instance]*Step
	diags    hcl.Diagnostics
	values   map[graph.Instance]types.Object
	// mentioned are the blocks of values, and of what is ephemeral.
	mentioned map[graph.Resource]bool
	// touched are the blocks with a step that changes something, for data sources that depend on them.
	touched map[graph.Resource]bool
}

func newBuilder(in Input) *builder {
	b := &builder{
		Input: in, imports: map[graph.Instance]config.Import{},
		declared: map[graph.Instance]*Step{}, values: map[graph.Instance]types.Object{},
		mentioned: map[graph.Resource]bool{}, touched: map[graph.Resource]bool{},
	}
	return b
}

// set tells the evaluator what an object is, and remembers it for the apply unless it is ephemeral.
func (b *builder) set(address graph.Instance, object types.Object) error {
	b.mu.Lock()
	b.mentioned[address.Resource()] = true
	if address.Mode != graph.Ephemeral {
		b.values[address] = object
	}
	b.mu.Unlock()
	return b.Evaluator.SetObject(address, object)
}

// watched runs a read that somebody may be watching.
func (b *builder) watched(address graph.Instance, host *Host, read func() error) error {
	if b.Watch == nil {
		return read()
	}
	ended := b.Watch(address, host.Name)
	err := read()
	ended(err)
	return err
}

// unknownImports refuses import blocks for what is not declared.
func (b *builder) unknownImports(imports []config.Import) {
	for _, i := range imports {
		if _, ok := b.step(i.To); ok || !b.included(i.To) || len(b.Targets) > 0 {
			continue
		}
		b.report(hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Import to an undeclared address", Subject: &i.Range,
			Detail: fmt.Sprintf("There is no %s in the configuration. Declare it, or correct the address in \"to\".", i.To),
		}})
	}
}

// ownImports refuses to take over what is ours at another address: with that it would be removed.
func (b *builder) ownImports() {
	for _, s := range b.steps {
		id, ok := s.Before.Attributes()["id"].(types.String)
		if s.Adopting == "" || !ok {
			continue
		}
		if by, taken := ownerOf(b.Hosts[s.Provider].Inventory, s.Address.Type, id.ValueString()); taken {
			b.report(hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: "Not adopted: " + s.Address.String(), Subject: s.Declared,
				Detail: fmt.Sprintf("The object is %s already. To give it this address: moved { from = %s, to = %s }.", by, by, s.Address),
			}})
		}
	}
}

// relocate gives what moved blocks name its new address, once per engine.
func relocate(cfg *config.Config, hosts map[config.ProviderKey]*Host) {
	done := map[*observe.Inventory]bool{}
	for _, h := range hosts {
		if done[h.Inventory] {
			continue
		}
		done[h.Inventory] = true
		for i, o := range h.Inventory.Objects {
			h.Inventory.Objects[i].Record.Needs = relocateNeeds(cfg, o.Record.Needs)
			if to := cfg.Relocate(o.Address); to != o.Address {
				if len(h.objects(to)) > 0 {
					continue // something is there already: the old one is declared no longer
				}
				h.Inventory.Objects[i].Address, h.Inventory.Objects[i].From = to, o.Address
			}
		}
		slices.SortStableFunc(h.Inventory.Objects, func(a, b observe.Object) int { return a.Address.Compare(b.Address) })
		h.Inventory.Own()
	}
}

// relocateNeeds returns what a record says its object was made from, as it is called now.
func relocateNeeds(cfg *config.Config, needs []string) []string {
	if len(cfg.Moved()) == 0 {
		return needs
	}
	var now []string
	for _, text := range needs {
		need, err := graph.ParseResource(text)
		if err != nil {
			continue
		}
		for _, to := range cfg.RelocateBlock(need) {
			if !slices.Contains(now, to.String()) {
				now = append(now, to.String())
			}
		}
	}
	return now
}

func (b *builder) report(diags hcl.Diagnostics) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.diags = append(b.diags, diags...)
}

func (b *builder) add(s *Step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.steps = append(b.steps, s)
	if s.Deposed == "" && s.Declared != nil {
		b.declared[s.Address] = s
	}
	if s.Changing() {
		b.touched[s.Address.Resource()] = true
	}
}

func (b *builder) step(address graph.Instance) (*Step, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.declared[address]
	return s, ok
}

// targeted is the part of the graph the targets name, with all it needs.
func (b *builder) targeted(g *graph.Graph[config.Node]) *graph.Graph[config.Node] {
	if len(b.Targets) == 0 {
		return g
	}
	var named []config.Node
	for _, n := range g.Nodes() {
		if !n.HasInstances() {
			continue
		}
		if slices.ContainsFunc(b.Targets, func(t graph.Target) bool { return t.MatchesResource(n.Resource()) }) {
			named = append(named, n)
		}
	}
	needed := map[config.Node]bool{}
	for _, n := range g.Reachable(named...) {
		needed[n] = true
	}
	return g.Subgraph(func(n config.Node) bool { return needed[n] })
}

// included reports whether an instance is to be planned: targets may name one instance of several.
func (b *builder) included(address graph.Instance) bool {
	if len(b.Targets) == 0 {
		return true
	}
	named := false
	for _, t := range b.Targets {
		if t.Matches(address) {
			return true
		}
		named = named || t.MatchesResource(address.Resource())
	}
	return !named // needed by what is named
}

// errVisit ends a visit whose diagnostics are reported already.
type errVisit struct{}

func (errVisit) Error() string { return "see diagnostics" }

func (b *builder) visit(ctx context.Context, n config.Node) error {
	var diags hcl.Diagnostics
	if n.HasInstances() {
		diags = b.instances(ctx, n)
	} else {
		diags = b.Evaluator.Check(n)
	}
	b.report(diags)
	if diags.HasErrors() {
		return errVisit{}
	}
	return nil
}

// instances plans all instances of a block, as many at once as the limiter allows.
func (b *builder) instances(ctx context.Context, n config.Node) hcl.Diagnostics {
	addresses, diags := b.Evaluator.Expand(n.Resource())
	if diags.HasErrors() {
		return diags
	}
	var (
		all sync.WaitGroup
		mu  sync.Mutex
	)
	for _, address := range addresses {
		if !b.included(address) {
			continue
		}
		all.Go(func() {
			var found hcl.Diagnostics
			_ = b.Limiter.Do(ctx, func(ctx context.Context) error {
				if n.Kind == config.ResourceNode {
					found = b.resource(ctx, address)
				} else {
					found = b.data(ctx, address)
				}
				return nil
			})
			mu.Lock()
			diags = append(diags, found...)
			mu.Unlock()
		})
	}
	all.Wait()
	return diags
}

// outputs are the outputs before and after.
func (b *builder) outputs() []Output {
	var outputs []Output
	if len(b.Targets) > 0 {
		return nil // what they refer to may not be planned
	}
	seen := map[string]bool{}
	for _, name := range b.Config.Outputs() {
		seen[name] = true
		o, diags := b.Evaluator.Output(name)
		if diags.HasErrors() {
			if !b.diags.HasErrors() {
				b.report(diags)
			}
			continue
		}
		before, ok := b.Recorded[name]
		if !ok {
			before = cty.NilVal
		}
		outputs = append(outputs, Output{Name: name, Before: before, After: o.Value, Sensitive: o.Sensitive})
	}
	for name, before := range b.Recorded {
		if !seen[name] {
			outputs = append(outputs, Output{Name: name, Before: before, After: cty.NilVal})
		}
	}
	slices.SortFunc(outputs, func(x, y Output) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return outputs
}
