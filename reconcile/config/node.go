package config

import (
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// NodeKind is what a node of the graph is.
type NodeKind uint8

const (
	// ResourceNode is a resource block with all its instances.
	ResourceNode NodeKind = iota
	// DataNode is a data block with all its instances.
	DataNode
	// OutputNode is an output of the root module, or one of another module that has preconditions.
	OutputNode
	// VariableNode is a variable with validation rules, in any module.
	VariableNode
	// CheckNode is a check block.
	CheckNode
)

// Node is one step of a walk: a block of configuration with all its instances. It is comparable and the node type of
// [Config.Graph].
type Node struct {
	Kind   NodeKind
	Module graph.Module
	// Type is the type of a resource or data source, empty otherwise.
	Type string
	Name string
}

// Resource is the address of a [ResourceNode] or [DataNode].
func (n Node) Resource() graph.Resource {
	mode := graph.Managed
	if n.Kind == DataNode {
		mode = graph.Data
	}
	return graph.Resource{Module: n.Module, Mode: mode, Type: n.Type, Name: n.Name}
}

// NodeOf is the node of a resource or data block.
func NodeOf(r graph.Resource) Node {
	kind := ResourceNode
	if r.Mode == graph.Data {
		kind = DataNode
	}
	return Node{Kind: kind, Module: r.Module, Type: r.Type, Name: r.Name}
}

// String is the node's address: docker_container.web, module.a.var.port, output.url.
func (n Node) String() string {
	prefix := ""
	switch n.Kind {
	case ResourceNode, DataNode:
		return n.Resource().String()
	case OutputNode:
		prefix = "output."
	case VariableNode:
		prefix = "var."
	case CheckNode:
		prefix = "check."
	}
	if n.Module.IsRoot() {
		return prefix + n.Name
	}
	return n.Module.String() + "." + prefix + n.Name
}
