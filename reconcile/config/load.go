package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// Config is a configuration that has been read: the root module and all it calls. It does not change.
type Config struct {
	schemas Schemas
	shapes  *shapes
	files   map[string]*hcl.File
	root    *module
	modules map[graph.Module]*module
	moved   []Moved
	removed []Removed

	graph     *graph.Graph[Node]
	resources map[graph.Resource]*Resource

	providerNeeds map[ProviderKey][]Node
	broken        bool // Load found errors: nothing can be evaluated
}

// loader reads a tree of modules.
type loader struct {
	schemas  Schemas
	cfg      *Config
	parser   *hclparse.Parser
	language *version.Version
	empty    bool // the root module may have no files

	unreadable bool // some file has a syntax error: what is missing may be in it
}

// Load reads the configuration in a directory and the local modules it calls, and checks everything that needs no
// value: syntax, names, arguments against the schemas, references, cycles. The Config is never nil, so that its files
// can be shown with the diagnostics; it can be evaluated only when there are no errors.
func Load(dir string, opts Options) (*Config, hcl.Diagnostics) {
	cfg := &Config{
		schemas: opts.Schemas, shapes: &shapes{}, modules: map[graph.Module]*module{},
		graph: graph.New[Node](), resources: map[graph.Resource]*Resource{}, providerNeeds: map[ProviderKey][]Node{},
	}
	l := &loader{schemas: opts.Schemas, cfg: cfg, parser: hclparse.NewParser(), empty: opts.AllowEmpty}
	cfg.root = newModule(graph.Module{}, dir)
	var diags hcl.Diagnostics
	var err error
	if l.language, err = version.NewVersion(cmp.Or(opts.LanguageVersion, LanguageVersion)); err != nil {
		diags = diags.Append(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Invalid language version", Detail: err.Error()})
	} else {
		diags = l.module(cfg.root)
	}
	cfg.files = l.parser.Files()
	if !l.unreadable {
		diags = append(diags, cfg.resolveProviders()...)
		diags = append(diags, cfg.analyze(diags.HasErrors())...)
	}
	diags = Unique(diags) // a module that is called twice is read twice
	sortDiagnostics(diags)
	cfg.broken = diags.HasErrors()
	return cfg, diags
}

// module reads one module and those it calls.
func (l *loader) module(mod *module) hcl.Diagnostics {
	l.cfg.modules[mod.address] = mod
	blocks, diags := parseDir(l.parser, mod.dir, l.empty && mod.address.IsRoot())
	l.unreadable = l.unreadable || diags.HasErrors()
	r := &moduleReader{loader: l, mod: mod}
	mod.providerNames["docker"] = true
	for _, settings := range []bool{true, false} { // the names of providers are known before what uses them is read
		for _, b := range blocks {
			if (b.Type == "terraform") == settings {
				r.block(b)
			}
		}
	}
	return append(append(diags, r.diags...), l.children(mod)...)
}

// Files are the files read, by name, for showing source lines with diagnostics.
func (c *Config) Files() map[string]*hcl.File { return c.files }

// Graph is what a walk visits. The caller must not change it; [graph.Graph.Subgraph] makes a part of it.
func (c *Config) Graph() *graph.Graph[Node] { return c.graph }

// Resources are all resource and data blocks, sorted by address.
func (c *Config) Resources() []*Resource {
	return slices.SortedFunc(maps.Values(c.resources), func(a, b *Resource) int { return a.Address.Compare(b.Address) })
}

// Resource is what is known of one block.
func (c *Config) Resource(address graph.Resource) (*Resource, bool) {
	r, ok := c.resources[address]
	return r, ok
}

// Outputs are the names of the outputs of the root module, sorted.
func (c *Config) Outputs() []string { return slices.Sorted(maps.Keys(c.root.outputs)) }

// Removed are the removed blocks in the order they were read.
func (c *Config) Removed() []Removed { return slices.Clone(c.removed) }

func sortDiagnostics(diags hcl.Diagnostics) {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		if a.Subject == nil || b.Subject == nil {
			return 0
		}
		return cmp.Or(cmp.Compare(a.Subject.Filename, b.Subject.Filename), cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte))
	})
}
