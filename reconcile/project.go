package reconcile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// DefaultParallelism is how many operations run at once when nobody says otherwise, as Terraform's.
const DefaultParallelism = 10

// readParallelism is how many objects are read at once: reads are cheap for an engine and most of a plan's time.
const readParallelism = 16

// Options of [Open].
type Options struct {
	// Dir is the directory of the .tf files.
	Dir string
	// Catalog are the types there are.
	Catalog Catalog
	// Inputs are where variables get their values.
	Inputs config.Inputs
	// Project names what is ours on an engine; "" takes the directory's name.
	Project string
	// AllowEmpty: the directory need not have any .tf files yet.
	AllowEmpty bool
	// Parallelism is how many operations run at once; 0 is [DefaultParallelism].
	Parallelism int
	// Connect reaches an engine; nil is client.New.
	Connect func(ctx context.Context, cfg client.Config) (*client.Client, error)
	// UserAgent is sent with every request.
	UserAgent string
}

// Project is one directory of configuration against its engines. Its methods are not for concurrent use.
type Project struct {
	options   Options
	config    *config.Config
	variables map[string]config.VariableValue
	name      string
	opened    time.Time
	types     plan.Types
	targets   []graph.Target // of the last plan

	hosts     map[config.ProviderKey]*engine
	endpoints map[string]*endpoint // by address
}

var projectName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// Open reads and checks a directory; it reaches no engine. The project is never nil: its files serve whoever prints
// the diagnostics.
func Open(ctx context.Context, o Options) (*Project, hcl.Diagnostics) {
	if o.Parallelism <= 0 {
		o.Parallelism = DefaultParallelism
	}
	if o.Connect == nil {
		o.Connect = client.New
	}
	p := &Project{options: o, opened: time.Now(), types: o.Catalog.types(), hosts: map[config.ProviderKey]*engine{}, endpoints: map[string]*endpoint{}}
	var diags hcl.Diagnostics
	p.config, diags = config.Load(o.Dir, config.Options{Schemas: o.Catalog, AllowEmpty: o.AllowEmpty})
	if diags.HasErrors() {
		return p, diags
	}
	name, err := p.nameOf()
	if err != nil {
		return p, append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Project name", Detail: err.Error()})
	}
	p.name = name
	return p, diags
}

// nameOf is the name given, or that of the directory.
func (p *Project) nameOf() (string, error) {
	if name := p.options.Project; name != "" {
		if !projectName.MatchString(name) {
			return "", fmt.Errorf("project %q: want letters, digits, dots, dashes and underscores, beginning with a letter or digit", name)
		}
		return name, nil
	}
	dir, err := filepath.Abs(p.options.Dir)
	if err != nil {
		return "", err
	}
	name := strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9_.-]+`).ReplaceAllString(filepath.Base(dir), "-"), "-._")
	if name == "" {
		return "", fmt.Errorf("directory %s gives no name for the project: choose one with -project or CLEAT_PROJECT", dir)
	}
	return name, nil
}

// Inputs evaluates the variables; it is called by every operation that needs their values.
func (p *Project) inputs() hcl.Diagnostics {
	if p.variables != nil {
		return nil
	}
	variables, diags := p.config.Variables(p.options.Inputs)
	if !diags.HasErrors() {
		p.variables = variables
	}
	return diags
}

// Provide gives values for variables that had none, asked on a terminal.
func (p *Project) Provide(values map[string]string) {
	p.options.Inputs.Values = values
	p.variables = nil
}

// Files are the files read, for printing diagnostics.
func (p *Project) Files() map[string]*hcl.File {
	if p.config == nil {
		return nil
	}
	return p.config.Files()
}

// Config is the configuration.
func (p *Project) Config() *config.Config { return p.config }

// Name is the project's name.
func (p *Project) Name() string { return p.name }

// Graph is what is declared and what each needs.
func (p *Project) Graph() *graph.Graph[config.Node] { return p.config.Graph() }

// Validate checks everything that can be checked without an engine: variables that have a value are used, others are
// unknown.
func (p *Project) Validate(ctx context.Context) hcl.Diagnostics {
	diags := p.config.Validate()
	if diags.HasErrors() {
		return diags
	}
	if more := p.inputs(); more.HasErrors() { // values are not needed to validate
		return append(diags, onlyInvalid(more)...)
	}
	e := p.evaluator(false)
	diags = append(diags, e.CheckVariables()...)
	for _, key := range p.config.Providers() {
		block, _ := e.Provider(key) // what is wrong with its values is told when the engine is needed
		if waits := p.waits(key, block); waits != nil {
			diags = diags.Append(waits)
		}
	}
	if diags.HasErrors() {
		return diags
	}
	return append(diags, plan.Validate(ctx, plan.Input{Project: p.name, Config: p.config, Evaluator: e, Types: p.types, Limiter: graph.NewLimiter(readParallelism)})...)
}

// onlyInvalid leaves out what only says that a value is missing.
func onlyInvalid(diags hcl.Diagnostics) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, d := range diags {
		if _, missing := d.Extra.(config.MissingVariable); !missing {
			out = append(out, d)
		}
	}
	return out
}

func (p *Project) evaluator(planning bool) *config.Evaluator {
	return config.NewEvaluator(p.config, config.EvalOptions{Variables: p.variables, Planning: planning, Time: p.opened})
}

// PlanOptions of [Project.Plan].
type PlanOptions struct {
	// Targets restrict a plan to what they name and what that needs.
	Targets []graph.Target
	// Replace are objects to be replaced though nothing else asks for it.
	Replace []graph.Target
	// replaced has the ids of those, by address, of a saved plan.
	replaced map[string]string
	// RefreshOnly reports drift only.
	RefreshOnly bool
	// Destroy plans the removal of everything owned.
	Destroy bool
	// Observer is told of what is read while the plan is made; nil when nobody watches.
	Observer apply.Observer
}

// Plan looks at the engines and computes what an apply would do.
func (p *Project) Plan(ctx context.Context, o PlanOptions) (*plan.Plan, hcl.Diagnostics) {
	p.targets = o.Targets
	in, diags := p.input(ctx, o)
	if diags.HasErrors() {
		return &plan.Plan{Project: p.name}, diags
	}
	if o.Destroy {
		made, more := plan.BuildDestroy(in)
		diags = append(diags, more...)
		p.vacate(made, !diags.HasErrors() && !made.Changes())
		return made, diags
	}
	made, more := plan.Build(ctx, in)
	diags = append(diags, more...)
	if !diags.HasErrors() {
		diags = append(diags, p.strangers(made)...)
	}
	p.vacate(made, !diags.HasErrors() && !made.Changes())
	return made, diags
}

// strangers refuses a plan that would remove everything of a project of the same name that shares no address with this
// one: it is another directory's.
func (p *Project) strangers(made *plan.Plan) hcl.Diagnostics {
	if p.options.Project != "" {
		return nil
	}
	deletes, kept := 0, 0
	for _, s := range made.Steps {
		switch {
		case s.Action == plan.Delete && s.Record.Intent: // of an apply that failed: it may never have been made
		case s.Action == plan.Delete && s.Reason == "no longer declared", s.Action == plan.Forget && s.Existed:
			deletes++
		case s.Action != plan.Create && s.Action != plan.Read:
			kept++
		}
	}
	if deletes == 0 || kept > 0 || len(p.config.Resources()) == 0 {
		return nil
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Another project of this name",
		Detail: fmt.Sprintf("Everything that belongs to project %q on the engine (objects: %d) is declared elsewhere: nothing of this directory is among it. "+
			"When it is another project, give this one a name of its own with -project=NAME or CLEAT_PROJECT. "+
			"When it is this one and is to be replaced as a whole, say so with -project=%s.", p.name, deletes, p.name),
	}}
}

// input reaches the engines and takes their inventories.
func (p *Project) input(ctx context.Context, o PlanOptions) (plan.Input, hcl.Diagnostics) {
	diags := p.inputs()
	if diags.HasErrors() {
		return plan.Input{}, diags
	}
	e := p.evaluator(true)
	if diags = append(diags, e.CheckVariables()...); diags.HasErrors() {
		return plan.Input{}, diags
	}
	diags = append(diags, p.connect(ctx, e)...)
	if diags.HasErrors() {
		return plan.Input{}, diags
	}
	if diags = append(diags, p.look(ctx)...); diags.HasErrors() {
		return plan.Input{}, diags
	}
	recorded, more := p.recorded()
	return plan.Input{
		Project: p.name, Config: p.config, Evaluator: e, Types: p.types, Hosts: p.planHosts(), Limiter: graph.NewLimiter(readParallelism),
		Targets: o.Targets, Replace: o.Replace, Replaced: o.replaced, RefreshOnly: o.RefreshOnly, Recorded: recorded, Watch: watch(o.Observer),
	}, append(diags, more...)
}

// watch turns reads of a plan into events.
func watch(observer apply.Observer) func(graph.Instance, string) func(error) {
	if observer == nil {
		return nil
	}
	return func(address graph.Instance, host string) func(error) {
		begun := time.Now()
		e := apply.Event{Kind: apply.Started, Address: address, Host: host, Action: plan.Read}
		observer.Observe(e)
		return func(err error) {
			e.Kind, e.Elapsed, e.Err = apply.Completed, time.Since(begun), err
			if err != nil {
				e.Kind = apply.Errored
			}
			observer.Observe(e)
		}
	}
}

// Apply carries out a plan made by this project since it was locked. When ctx ends, what runs is finished and the rest
// is not tried.
func (p *Project) Apply(ctx context.Context, made *plan.Plan, observer apply.Observer) (*apply.Report, hcl.Diagnostics) {
	if made.RefreshOnly || !made.Changes() {
		return &apply.Report{}, nil
	}
	in := plan.Input{
		Project: p.name, Config: p.config, Evaluator: p.evaluator(false), Types: p.types, Hosts: p.planHosts(),
		Limiter: graph.NewLimiter(p.options.Parallelism), Targets: p.targets,
	}
	report, diags := apply.Run(ctx, apply.Input{
		Input: in, Plan: made, Observer: observer,
		Stamp:   func(h *plan.Host, labels map[string]string) any { return h.Engine.(*ownership.Engine).Stamped(labels) },
		Ledgers: func(h *plan.Host) ownership.API { return h.Engine.(*ownership.Engine).Client },
	})
	p.vacate(made, report.Complete() && !diags.HasErrors())
	return report, diags
}

// vacate notes the engines on which nothing is left once a plan is carried out, so that closing cleans up there too.
func (p *Project) vacate(made *plan.Plan, done bool) {
	living := map[*endpoint]bool{}
	for _, s := range made.Steps {
		if at, ok := p.hosts[s.Provider]; ok && s.Action != plan.Delete && s.Action != plan.Forget && s.Action != plan.Read {
			living[at.endpoint] = true
		}
	}
	for _, e := range p.endpoints {
		e.changed, e.cleared = true, done && len(p.targets) == 0 && !made.RefreshOnly && !living[e]
	}
}

// Close releases the locks and the connections. It is to be called even when ctx of the rest has ended.
func (p *Project) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err := p.unlock(ctx)
	for _, e := range p.hosts {
		err = errors.Join(err, e.client.Close())
	}
	clear(p.hosts)
	clear(p.endpoints)
	return err
}
