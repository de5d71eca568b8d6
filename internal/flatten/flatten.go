// Package flatten turns what engines answer into the values of data sources: what an engine does not report is null,
// what it reports as nothing is empty. Orders that mean nothing are sorted, so that the same answer gives the same
// value.
package flatten

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Text is null for "".
func Text[S ~string](s S) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(string(s))
}

// Time is null for "" and for the zero time, which engines write for what has not happened.
func Time(s string) types.String {
	if t, err := time.Parse(time.RFC3339Nano, s); s == "" || err == nil && t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// Address is null for no address.
func Address(a netip.Addr) types.String {
	if !a.IsValid() {
		return types.StringNull()
	}
	return types.StringValue(a.String())
}

// Prefix is null for no prefix.
func Prefix(p netip.Prefix) types.String {
	if !p.IsValid() {
		return types.StringNull()
	}
	return types.StringValue(p.String())
}

// Texts is a list in the order given, empty for nil.
func Texts[S ~string](values []S) types.List {
	elements := make([]attr.Value, 0, len(values))
	for _, v := range values {
		elements = append(elements, types.StringValue(string(v)))
	}
	return types.ListValueMust(types.StringType, elements)
}

// Keys is the sorted list of a map's keys.
func Keys[V any](m map[string]V) types.List {
	return Texts(slices.Sorted(maps.Keys(m)))
}

// TextMap is a map of strings, empty for nil.
func TextMap(m map[string]string) types.Map {
	elements := make(map[string]attr.Value, len(m))
	for key, v := range m {
		elements[key] = types.StringValue(v)
	}
	return types.MapValueMust(types.StringType, elements)
}

// Object is the type of the items of a list of objects.
type Object map[string]attr.Type

// Type returns the framework's type of an item.
func (o Object) Type() types.ObjectType { return types.ObjectType{AttrTypes: o} }

// List returns a list of objects. An item lacks no attribute and has no other.
func (o Object) List(items []map[string]attr.Value) types.List {
	return types.ListValueMust(o.Type(), o.values(items))
}

// Set returns a set of objects.
func (o Object) Set(items []map[string]attr.Value) types.Set {
	return types.SetValueMust(o.Type(), o.values(items))
}

func (o Object) values(items []map[string]attr.Value) []attr.Value {
	elements := make([]attr.Value, 0, len(items))
	for _, item := range items {
		elements = append(elements, types.ObjectValueMust(o, item))
	}
	return elements
}
