package config

import (
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// symbolKind is a kind of thing dependencies are followed through.
type symbolKind uint8

const (
	symVariable symbolKind = iota
	symLocal
	symOutput
	symResource
	symCall // a module call: its count, for_each and depends_on
	symProvider
	symCheck
)

// symbol is anything with dependencies. Those that a walk visits have a [Node].
type symbol struct {
	kind     symbolKind
	module   graph.Module
	name     string
	resource localName
}

// String is how the symbol stands in a cycle.
func (s symbol) String() string {
	local := ""
	switch s.kind {
	case symVariable:
		local = "var." + s.name
	case symLocal:
		local = "local." + s.name
	case symOutput:
		local = "output." + s.name
	case symResource:
		local = s.resource.String()
	case symCall:
		local = "module." + s.name
	case symProvider:
		local = "provider.docker"
		if s.name != "" {
			local += "." + s.name
		}
	case symCheck:
		local = "check." + s.name
	}
	if s.module.IsRoot() {
		return local
	}
	return s.module.String() + "." + local
}

// node is the step of a walk that stands for the symbol, if there is one.
func (c *Config) node(s symbol) (Node, bool) {
	mod := c.modules[s.module]
	switch s.kind {
	case symResource:
		return NodeOf(graph.Resource{Module: s.module, Mode: s.resource.mode, Type: s.resource.typ, Name: s.resource.name}), true
	case symOutput:
		return Node{Kind: OutputNode, Module: s.module, Name: s.name}, s.module.IsRoot() || len(mod.outputs[s.name].preconditions) > 0
	case symVariable:
		return Node{Kind: VariableNode, Module: s.module, Name: s.name}, len(mod.variables[s.name].validations) > 0
	case symCheck:
		return Node{Kind: CheckNode, Module: s.module, Name: s.name}, true
	default:
		return Node{}, false
	}
}
