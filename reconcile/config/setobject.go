package config

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// SetObject is [Evaluator.Set] of a framework object. It converts only what something in the configuration refers to,
// and nothing when nothing does: most objects are referred to by a name or an id, and have a hundred attributes.
func (e *Evaluator) SetObject(i graph.Instance, object types.Object) error {
	r, ok := e.cfg.resources[i.Resource()]
	if !ok || !r.ReadsAll && len(r.Reads) == 0 {
		return nil
	}
	shape := r.decl.shape
	switch {
	case object.IsUnknown():
		e.Set(i, cty.UnknownVal(shape.object))
		return nil
	case object.IsNull():
		e.Set(i, cty.NullVal(shape.object))
		return nil
	}
	names := r.Reads
	if r.ReadsAll {
		names = nil
		for name := range shape.empty {
			names = append(names, name)
		}
	}
	attributes := object.Attributes()
	values := maps.Clone(shape.empty) // what is not read is there with its type only
	for _, name := range names {
		given, ok := attributes[name]
		if !ok || given.IsNull() {
			continue
		}
		v, err := ToCty(given)
		if err != nil {
			return within(name, err)
		}
		values[name] = v
	}
	e.Set(i, cty.ObjectVal(values))
	return nil
}
