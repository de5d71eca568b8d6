package plan

import (
	"slices"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Host is one engine as a plan sees it. Several provider configurations may lead to the same one.
type Host struct {
	// Name tells engines apart in output: the provider's alias; empty when there is only one.
	Name string
	// Engine is the value resource types call. APIVersion is what it speaks.
	Engine     any
	APIVersion string
	// Lacks are calls the engine has not though its version has them.
	Lacks     map[string]string
	Inventory *observe.Inventory
}

// Types are the resource types, data sources and ephemeral resources by their full names.
type Types struct {
	Resources  map[string]contract.Resource
	Data       map[string]contract.Data
	Ephemerals map[string]contract.Data
}

// question is what answers a data or an ephemeral block.
func (t Types) question(address graph.Instance) contract.Data {
	if address.Mode == graph.Ephemeral {
		return t.Ephemerals[address.Type]
	}
	return t.Data[address.Type]
}

// objects returns our objects at an address, the one that counts first.
func (h *Host) objects(address graph.Instance) []observe.Object {
	i, found := slices.BinarySearchFunc(h.Inventory.Objects, address, func(o observe.Object, a graph.Instance) int { return o.Address.Compare(a) })
	if !found {
		return nil
	}
	end := i
	for end < len(h.Inventory.Objects) && h.Inventory.Objects[end].Address == address {
		end++
	}
	return h.Inventory.Objects[i:end]
}
