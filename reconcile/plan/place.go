package plan

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/resources/contract"
)

// SamePlace reports whether a new object takes the place of an old one: it has the name of the old, or claims it. What
// is not known yet is another place.
func SamePlace(r contract.Resource, old, next types.Object) bool {
	had, want := nameOf(old), nameOf(next)
	if had != nil && want != nil && !want.IsUnknown() && had.Equal(want) {
		return true
	}
	before, errB := r.Claims(old)
	after, errA := r.Claims(next)
	if errA != nil || errB != nil {
		return false
	}
	for _, c := range after {
		for _, o := range before {
			if c.Kind != contract.ClaimHostPort && c.Conflicts(o) {
				return true
			}
		}
	}
	return false
}

// inPlace puts the object first that is what is declared: when a replacement was cut off and the declaration went back,
// that is the old one.
func (i *instance) inPlace(objects []observe.Object) []observe.Object {
	if len(objects) == 1 {
		return objects
	}
	for n, o := range objects {
		if last := i.leftOver(o); !last.IsNull() && SamePlace(i.resource, last, i.step.Config) {
			return slices.Concat(objects[n:n+1], objects[:n], objects[n+1:])
		}
	}
	return objects
}

// moving looks at what is in the new place of a replacement, where that is another than the old one's.
func (i *instance) moving(ctx context.Context) error {
	if i.step.Action != Replace || observe.Listed(i.step.Address.Type) || SamePlace(i.resource, i.observed, i.step.After) {
		return nil
	}
	i.step.Existed = false
	return i.foreign(ctx)
}

// nameOf is the name attribute of an object; nil when it has none.
func nameOf(o types.Object) attr.Value { return o.Attributes()["name"] }
