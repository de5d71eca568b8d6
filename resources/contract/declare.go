package contract

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// declaration returns the shortest declaration of an object: what can be declared, is not null, and is neither the
// schema's default nor a zero value that means the same as nothing. What is sensitive or never read back is left out.
func (p planner) declaration(observed types.Object) (types.Object, error) {
	values, err := p.declared(p.node, "", observed.Attributes())
	if err != nil {
		return observed, err
	}
	return p.node.Object(values)
}

func (p planner) declared(n *Node, prefix string, observed map[string]attr.Value) (map[string]attr.Value, error) {
	values := make(map[string]attr.Value, len(observed))
	for _, a := range n.Attributes {
		values[a.Name] = a.Null
		if p.declares(a, prefix+a.Name, observed[a.Name]) {
			values[a.Name] = observed[a.Name]
		}
	}
	for _, b := range n.Blocks {
		block, err := mapItems(b, observed[b.Name], func(_ int, item map[string]attr.Value) (map[string]attr.Value, error) {
			return p.declared(b.Node, b.Path+".", item)
		})
		if err != nil {
			return nil, err
		}
		values[b.Name] = block
	}
	return values, nil
}

func (p planner) declares(a *Attribute, path string, v attr.Value) bool {
	switch {
	case a.Required:
		return true
	case !a.Optional, a.Sensitive, a.WriteOnly, v.IsNull(), v.IsUnknown():
		return false
	case a.Default != nil:
		return !a.Default.Equal(v)
	default:
		return p.rules[path].ZeroIsSet || !isZero(v)
	}
}
