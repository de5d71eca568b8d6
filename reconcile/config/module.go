package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// module is one module of configuration as declared.
type module struct {
	address graph.Module
	dir     string
	parent  *module
	call    *moduleCall

	variables    map[string]*variable
	locals       map[string]*local
	outputs      map[string]*output
	declarations map[localName]*declaration
	calls        map[string]*moduleCall
	children     map[string]*module
	providers    map[string]*providerDecl // by alias
	checks       map[string]*check
	imports      []*importDecl

	// providerNames are the local names under which the module knows the docker provider, with the aliases that
	// required_providers demands of the caller.
	providerNames map[string]bool
	wantedAliases map[string]hcl.Range

	// refused are the addresses of blocks that are there but not understood (docker_container.web, module.app): what
	// refers to them has no error of its own.
	refused map[string]bool
}

func newModule(address graph.Module, dir string) *module {
	return &module{
		address: address, dir: dir,
		variables: map[string]*variable{}, locals: map[string]*local{}, outputs: map[string]*output{},
		declarations: map[localName]*declaration{}, calls: map[string]*moduleCall{}, children: map[string]*module{},
		providers: map[string]*providerDecl{}, checks: map[string]*check{},
		providerNames: map[string]bool{}, wantedAliases: map[string]hcl.Range{},
		refused: map[string]bool{},
	}
}

// title names the module in messages.
func (m *module) title() string {
	if m.address.IsRoot() {
		return "the root module"
	}
	return m.address.String()
}

type variable struct {
	name, description   string
	at                  hcl.Range
	typ                 cty.Type
	defaults            *typeexpr.Defaults
	fallback            cty.Value // of default, converted; cty.NilVal when required
	sensitive, nullable bool
	ephemeral           bool
	// literal: the value on a command line is text and not an expression, as for strings, numbers and bools.
	literal     bool
	validations []*condition
}

type local struct {
	name  string
	at    hcl.Range
	value *expression
}

type output struct {
	name, description string
	at                hcl.Range
	value             *expression
	sensitive         bool
	ephemeral         bool
	dependsOn         []reference
	preconditions     []*condition
}

// condition is a validation, precondition, postcondition or assertion.
type condition struct {
	at            hcl.Range
	test, message *expression
}

// repetition is count or for_each; both nil when there is neither.
type repetition struct{ count, forEach *expression }

func (r repetition) any() bool { return r.count != nil || r.forEach != nil }

func (r repetition) refs() (refs []reference) {
	if r.count != nil {
		refs = append(refs, r.count.refs...)
	}
	if r.forEach != nil {
		refs = append(refs, r.forEach.refs...)
	}
	return refs
}

// declaration is a resource or data block.
type declaration struct {
	address  graph.Resource
	module   *module
	schema   *contract.Node
	shape    *shape
	at       hcl.Range
	repeat   repetition
	body     *body
	bodyRefs []reference

	dependsOn      []reference
	provider       *providerRef // of the provider argument; nil for the default
	lifecycle      Lifecycle
	triggers       []*expression
	preconditions  []*condition
	postconditions []*condition

	resolved ProviderKey
}

type moduleCall struct {
	name      string
	at        hcl.Range
	source    string
	sourceAt  hcl.Range
	repeat    repetition
	dependsOn []reference
	arguments map[string]*argument
	providers map[providerRef]*providerRef // of the child -> of this module; nil map when the argument is missing
}

type argument struct {
	at    hcl.Range
	value *expression
}

// providerRef is a provider as a module names it: docker or docker.alias. at is empty in keys of maps.
type providerRef struct {
	name, alias string
	at          hcl.Range
}

func (p providerRef) key() providerRef { return providerRef{name: p.name, alias: p.alias} }

func (p providerRef) String() string {
	if p.alias == "" {
		return p.name
	}
	return p.name + "." + p.alias
}

type providerDecl struct {
	name, alias string
	at          hcl.Range
	body        *body
	refs        []reference
}

type check struct {
	name    string
	at      hcl.Range
	asserts []*condition
}

type importDecl struct {
	at hcl.Range
	to *expression
	// One of id and identity is given.
	id, identity *expression
	forEach      *expression
}
