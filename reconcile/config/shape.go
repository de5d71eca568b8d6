package config

import (
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/resources/contract"
)

// shape is what a schema node means in this package: the HCL schema of its body, the type of its values and the
// values of what is not declared.
type shape struct {
	node   *contract.Node
	schema *hcl.BodySchema
	object cty.Type
	empty  map[string]cty.Value // every attribute and block, nothing declared
	// sensitive are the names of attributes the schema marks, and of blocks with such attributes inside.
	sensitive []string
}

// shapes remembers the shape of each node. It is safe for concurrent use.
type shapes struct {
	mu   sync.Mutex
	made map[*contract.Node]*shape
}

func (s *shapes) of(node *contract.Node) *shape {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.make(node)
}

func (s *shapes) make(node *contract.Node) *shape {
	if have, ok := s.made[node]; ok {
		return have
	}
	made := &shape{node: node, schema: &hcl.BodySchema{}, object: ObjectType(node), empty: map[string]cty.Value{}}
	for _, a := range node.Attributes {
		made.schema.Attributes = append(made.schema.Attributes, hcl.AttributeSchema{Name: a.Name, Required: a.Required})
		made.empty[a.Name] = cty.NullVal(made.object.AttributeType(a.Name))
		if a.Sensitive {
			made.sensitive = append(made.sensitive, a.Name)
		}
	}
	for _, b := range node.Blocks {
		made.schema.Blocks = append(made.schema.Blocks, hcl.BlockHeaderSchema{Type: b.Name})
		if b.Filled {
			made.schema.Attributes = append(made.schema.Attributes, hcl.AttributeSchema{Name: b.Name})
		}
		inside := s.make(b.Node)
		switch b.Nesting {
		case contract.List:
			made.empty[b.Name] = cty.ListValEmpty(inside.object)
		case contract.Set:
			made.empty[b.Name] = cty.SetValEmpty(inside.object)
		case contract.Single:
			made.empty[b.Name] = cty.NullVal(inside.object)
		}
		if len(inside.sensitive) > 0 {
			made.sensitive = append(made.sensitive, b.Name)
		}
	}
	if len(node.Blocks) > 0 {
		made.schema.Blocks = append(made.schema.Blocks, hcl.BlockHeaderSchema{Type: "dynamic", LabelNames: []string{"type"}})
	}
	if s.made == nil {
		s.made = map[*contract.Node]*shape{}
	}
	s.made[node] = made
	return made
}
