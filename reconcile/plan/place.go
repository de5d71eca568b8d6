package plan

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

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

// nameOf is the name attribute of an object; nil when it has none.
func nameOf(o types.Object) attr.Value { return o.Attributes()["name"] }
