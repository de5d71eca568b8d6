package contract

import (
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// A write-only attribute (secrets that are to be in no state) has a value in a declaration and in the object Create and
// Update get, and nowhere else: it is null in plans, in what operations return and in what hosts record. A change of it
// alone is none; another attribute announces it, by custom the one called NAME_version.

// WithWriteOnly returns a planned object with the write-only values of the declaration it was planned for.
func (n *Node) WithWriteOnly(planned, declared types.Object) (types.Object, error) {
	if planned.IsNull() || declared.IsNull() || !n.hasWriteOnly() {
		return planned, nil
	}
	values, given := maps.Clone(planned.Attributes()), declared.Attributes()
	for _, a := range n.Attributes {
		if v, ok := given[a.Name]; ok && a.WriteOnly {
			values[a.Name] = v
		}
	}
	return n.Object(values)
}

// withoutWriteOnly returns an object with nothing where an attribute is write-only.
func (n *Node) withoutWriteOnly(object types.Object) (types.Object, error) {
	if object.IsNull() || !n.hasWriteOnly() {
		return object, nil
	}
	values := maps.Clone(object.Attributes())
	for _, a := range n.Attributes {
		if a.WriteOnly {
			values[a.Name] = a.Null
		}
	}
	return n.Object(values)
}

func (n *Node) hasWriteOnly() bool {
	for _, a := range n.Attributes {
		if a.WriteOnly {
			return true
		}
	}
	return false
}

// lintWriteOnly reports write-only attributes hosts would not honour.
func lintWriteOnly(n *Node, rules Rules) []error {
	var found []error
	for _, a := range n.Attributes {
		if !a.WriteOnly {
			continue
		}
		if _, ruled := rules[a.Name]; ruled || a.Computed || a.Default != nil {
			found = append(found, fmt.Errorf("%q is write-only: it has no rule, no default and no computed value", a.Name))
		}
	}
	for _, b := range n.Blocks {
		if b.Node.deepWriteOnly() {
			found = append(found, fmt.Errorf("block %q: write-only attributes stand outside of blocks", b.Name))
		}
	}
	return found
}

func (n *Node) deepWriteOnly() bool {
	for _, b := range n.Blocks {
		if b.Node.deepWriteOnly() {
			return true
		}
	}
	return n.hasWriteOnly()
}
