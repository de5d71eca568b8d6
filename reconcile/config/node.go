package config

import (
	"slices"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// NodeKind is what a node of the graph is.
type NodeKind uint8

const (
	// ResourceNode is a resource block with all its instances.
	ResourceNode NodeKind = iota
	// DataNode is a data block with all its instances.
	DataNode
	// EphemeralNode is an ephemeral block with all its instances.
	EphemeralNode
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
	// Type is the type of what has instances, empty otherwise.
	Type string
	Name string
}

// HasInstances reports whether the node is a block of objects: a [ResourceNode], [DataNode] or [EphemeralNode].
func (n Node) HasInstances() bool { return n.Kind <= EphemeralNode }

// modes are those of the kinds of nodes that have instances.
var modes = [...]graph.Mode{ResourceNode: graph.Managed, DataNode: graph.Data, EphemeralNode: graph.Ephemeral}

// Resource is the address of a node that has instances.
func (n Node) Resource() graph.Resource {
	return graph.Resource{Module: n.Module, Mode: modes[n.Kind], Type: n.Type, Name: n.Name}
}

// NodeOf is the node of a block that has instances.
func NodeOf(r graph.Resource) Node {
	return Node{Kind: NodeKind(slices.Index(modes[:], r.Mode)), Module: r.Module, Type: r.Type, Name: r.Name}
}

// String is the node's address: docker_container.web, module.a.var.port, output.url.
func (n Node) String() string {
	prefix := ""
	switch n.Kind {
	case ResourceNode, DataNode, EphemeralNode:
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
