package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	dsschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	provschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Nesting is how often a block may appear and whether its order counts.
type Nesting int

const (
	// List: any number, in order.
	List Nesting = iota
	// Set: any number, without order.
	Set
	// Single: at most one.
	Single
)

// Node is a schema, or the inside of a block, compiled once: attributes and blocks sorted by name.
type Node struct {
	Attributes  []*Attribute
	Blocks      []*Block
	Description string
	Version     int64

	attributes map[string]*Attribute
	blocks     map[string]*Block
	object     types.ObjectType
}

// Attribute is one attribute of a schema.
type Attribute struct {
	Name                                               string
	Type                                               attr.Type
	Required, Optional, Computed, Sensitive, WriteOnly bool
	// Default is the value of the attribute where configuration gives none; nil when there is no default.
	Default     attr.Value
	Description string
	Deprecated  string
	// Null and Unknown are the typed values of the attribute's type.
	Null, Unknown attr.Value

	schema    any  // for validators
	zeroIsSet bool // [Rule.ZeroIsSet] of an attribute of a block
}

// Block is one nested block of a schema.
type Block struct {
	Name string
	// Path is the name with those of the blocks around it, as rules have it: "ports", "task_spec.networks".
	Path        string
	Nesting     Nesting
	Node        *Node
	Description string
	Deprecated  string
	// Type is the type of the whole block: a list or set of objects, or an object.
	Type attr.Type
	// None is the value of a block that is not declared: an empty list or set, or a null object; inside of a block that is
	// Filled null. Unknown is the value of a block over an unknown.
	None, Unknown attr.Value
	// Filled is [Rule.Filled]: it may also be written as an attribute, as Terraform writes configuration.
	Filled bool

	schema, object any // for validators
}

// Attribute returns the attribute of that name.
func (n *Node) Attribute(name string) (*Attribute, bool) { a, ok := n.attributes[name]; return a, ok }

// Block returns the block of that name.
func (n *Node) Block(name string) (*Block, bool) { b, ok := n.blocks[name]; return b, ok }

// Type is the framework type of a value of this node.
func (n *Node) Type() types.ObjectType { return n.object }

// Object returns a value of this node from its attributes and blocks, all of which must be present.
func (n *Node) Object(values map[string]attr.Value) (types.Object, error) {
	object, diags := types.ObjectValue(n.object.AttrTypes, values)
	if diags.HasError() {
		return object, fmt.Errorf("object of schema: %s: %s", diags[0].Summary(), diags[0].Detail())
	}
	return object, nil
}

// Null returns the null value of this node: no object.
func (n *Node) Null() types.Object { return types.ObjectNull(n.object.AttrTypes) }

// Empty returns the attributes and blocks of this node with nothing set.
func (n *Node) Empty() map[string]attr.Value {
	values := make(map[string]attr.Value, len(n.Attributes)+len(n.Blocks))
	for _, a := range n.Attributes {
		values[a.Name] = a.Null
	}
	for _, b := range n.Blocks {
		values[b.Name] = b.None
	}
	return values
}

// Compile returns the node of a resource schema.
func Compile(ctx context.Context, s schema.Schema) (*Node, error) {
	n, err := compile(ctx, s.GetAttributes(), s.GetBlocks())
	if err != nil {
		return nil, err
	}
	n.Description, n.Version = s.MarkdownDescription, s.Version
	return n, nil
}

// CompileDataSource returns the node of a data source schema.
func CompileDataSource(ctx context.Context, s dsschema.Schema) (*Node, error) {
	n, err := compile(ctx, s.GetAttributes(), s.GetBlocks())
	if err != nil {
		return nil, err
	}
	n.Description = s.MarkdownDescription
	return n, nil
}

// CompileProvider returns the node of a provider schema.
func CompileProvider(ctx context.Context, s provschema.Schema) (*Node, error) {
	n, err := compile(ctx, s.GetAttributes(), s.GetBlocks())
	if err != nil {
		return nil, err
	}
	n.Description = s.MarkdownDescription
	return n, nil
}

// The framework's own interfaces of schema parts are internal to it; these are what we need of them.
type (
	schemaAttribute interface {
		GetType() attr.Type
		GetDeprecationMessage() string
		GetMarkdownDescription() string
		IsComputed() bool
		IsOptional() bool
		IsRequired() bool
		IsSensitive() bool
		IsWriteOnly() bool
	}
	schemaBlock[O any] interface {
		GetNestedObject() O
		Type() attr.Type
		GetDeprecationMessage() string
		GetMarkdownDescription() string
	}
	schemaObject[AS ~map[string]A, A schemaAttribute, B any] interface {
		GetAttributes() AS
		GetBlocks() map[string]B
	}
)

func compile[A schemaAttribute, B schemaBlock[O], O schemaObject[AS, A, B], AS ~map[string]A](
	ctx context.Context, attributes map[string]A, blocks map[string]B,
) (*Node, error) {
	n := &Node{attributes: map[string]*Attribute{}, blocks: map[string]*Block{}, object: types.ObjectType{AttrTypes: map[string]attr.Type{}}}
	for name, a := range attributes {
		compiled, err := compileAttribute(ctx, name, a)
		if err != nil {
			return nil, err
		}
		n.attributes[name] = compiled
		n.Attributes = append(n.Attributes, compiled)
		n.object.AttrTypes[name] = compiled.Type
	}
	for name, b := range blocks {
		object := b.GetNestedObject()
		inside, err := compile(ctx, map[string]A(object.GetAttributes()), object.GetBlocks())
		if err != nil {
			return nil, fmt.Errorf("block %q: %w", name, err)
		}
		compiled, err := newBlock(ctx, name, b.Type(), inside)
		if err != nil {
			return nil, err
		}
		compiled.Description, compiled.Deprecated = b.GetMarkdownDescription(), b.GetDeprecationMessage()
		compiled.schema, compiled.object = b, object
		compiled.inside("")
		n.blocks[name] = compiled
		n.Blocks = append(n.Blocks, compiled)
		n.object.AttrTypes[name] = compiled.Type
	}
	slices.SortFunc(n.Attributes, func(a, b *Attribute) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(n.Blocks, func(a, b *Block) int { return strings.Compare(a.Name, b.Name) })
	return n, nil
}

func compileAttribute(ctx context.Context, name string, a schemaAttribute) (*Attribute, error) {
	compiled := &Attribute{
		Name: name, Type: a.GetType(),
		Required: a.IsRequired(), Optional: a.IsOptional(), Computed: a.IsComputed(),
		Sensitive: a.IsSensitive() || a.IsWriteOnly(), WriteOnly: a.IsWriteOnly(),
		Description: a.GetMarkdownDescription(), Deprecated: a.GetDeprecationMessage(),
		schema: a,
	}
	var err error
	if compiled.Null, compiled.Unknown, err = Absent(compiled.Type); err != nil {
		return nil, fmt.Errorf("attribute %q: %w", name, err)
	}
	if compiled.Default, err = defaultOf(ctx, a); err != nil {
		return nil, fmt.Errorf("attribute %q: default: %w", name, err)
	}
	return compiled, nil
}

// inside gives a block and those in it their paths.
func (b *Block) inside(outer string) {
	b.Path = outer + b.Name
	for _, nested := range b.Node.Blocks {
		nested.inside(b.Path + ".")
	}
}

// newBlock derives a block's nesting from its type.
func newBlock(ctx context.Context, name string, t attr.Type, inside *Node) (*Block, error) {
	b := &Block{Name: name, Node: inside, Type: t}
	null, unknown, err := Absent(t)
	if err != nil {
		return nil, fmt.Errorf("block %q: %w", name, err)
	}
	b.Unknown = unknown
	switch t.(type) {
	case types.ListType:
		b.Nesting, b.None = List, types.ListValueMust(inside.object, nil)
	case types.SetType:
		b.Nesting, b.None = Set, types.SetValueMust(inside.object, nil)
	case types.ObjectType:
		b.Nesting, b.None = Single, null
	default:
		return nil, fmt.Errorf("block %q: type %s is not a list, set or object", name, t)
	}
	return b, nil
}
