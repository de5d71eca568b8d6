package contract

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Applied is what is recorded of the last apply of an object: for each declared attribute and block a short
// fingerprint of its value. Sensitive attributes and what is not known have none.
type Applied map[string]string

// Matches reports whether value is what was applied at path last. Of a record that does not name the path, null and
// zero values are what was applied.
func (a Applied) Matches(path string, value attr.Value) bool {
	if a == nil || value.IsUnknown() {
		return false
	}
	recorded, ok := a[path]
	if !ok {
		return isZero(value)
	}
	return recorded == fingerprint(value)
}

// AppliedOf returns the record of an applied object. Values that are null, without elements, or computed are left
// out, so that the record stays small.
func AppliedOf(n *Node, planned types.Object) Applied {
	values := planned.Attributes()
	applied := Applied{}
	for _, a := range n.Attributes {
		v := values[a.Name]
		if !(a.Required || a.Optional) || a.Sensitive || v.IsUnknown() || isZero(v) || a.Default != nil && a.Default.Equal(v) {
			continue
		}
		applied[a.Name] = fingerprint(v)
	}
	for _, b := range n.Blocks {
		if v := values[b.Name]; !v.IsUnknown() && !v.IsNull() && len(items(b, v)) > 0 && !b.hasSensitive() {
			applied[b.Name] = fingerprint(v)
		}
	}
	return applied
}

func (b *Block) hasSensitive() bool {
	for _, a := range b.Node.Attributes {
		if a.Sensitive {
			return true
		}
	}
	for _, nested := range b.Node.Blocks {
		if nested.hasSensitive() {
			return true
		}
	}
	return false
}

// fingerprint is 48 bits of a hash: enough to tell two values of one attribute apart.
func fingerprint(v attr.Value) string {
	sum := sha256.Sum256([]byte(canonical(v)))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// canonical is the text of a value with the elements of sets in order.
func canonical(v attr.Value) string {
	var parts []string
	switch v := v.(type) {
	case types.Set:
		for _, e := range v.Elements() {
			parts = append(parts, canonical(e))
		}
		slices.Sort(parts)
	case types.List:
		for _, e := range v.Elements() {
			parts = append(parts, canonical(e))
		}
	case types.Object:
		for name, e := range v.Attributes() {
			if !e.IsNull() {
				parts = append(parts, name+"="+canonical(e))
			}
		}
		slices.Sort(parts)
	default:
		return v.String()
	}
	return "[" + strings.Join(parts, ",") + "]"
}
