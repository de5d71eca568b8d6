package container

import (
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// These functions choose the value an attribute is observed to have. last is what was known of it before, null or
// unknown when nothing was: its spelling stays where it means the same as what the engine has.

// given reports whether a value is known and not null.
func given(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

// followString returns last where same says that it means what the engine has, null for "", and the engine's value
// otherwise. defaults are engine values that mean nothing was set.
func followString(last types.String, have string, same func(last, have string) bool, defaults ...string) types.String {
	if given(last) && (last.ValueString() == have || same != nil && same(last.ValueString(), have)) {
		return last
	}
	if have == "" || slices.Contains(defaults, have) {
		if given(last) && last.ValueString() == "" {
			return last
		}
		return types.StringNull()
	}
	return types.StringValue(have)
}

// followChosen is followString for what an engine chooses where nobody does: "" leaves it the choice, whatever that is.
func followChosen(last types.String, have string, same func(last, have string) bool) types.String {
	if given(last) && last.ValueString() == "" {
		return last
	}
	return followString(last, have, same)
}

// followInt is followString for numbers.
func followInt(last types.Int64, have int64, defaults ...int64) types.Int64 {
	if given(last) && last.ValueInt64() == have {
		return last
	}
	if have == 0 || slices.Contains(defaults, have) {
		if given(last) && last.ValueInt64() == 0 {
			return last
		}
		return types.Int64Null()
	}
	return types.Int64Value(have)
}

// followBool is null for false unless false was declared.
func followBool(last types.Bool, have bool) types.Bool {
	if !have && !given(last) {
		return types.BoolNull()
	}
	return types.BoolValue(have)
}

// followList compares lists with order. What the image has was not declared.
func followList(last types.List, have, image []string) types.List {
	if given(last) && slices.Equal(texts(last.Elements()), have) {
		return last
	}
	if len(have) == 0 || slices.Equal(have, image) {
		if given(last) && len(last.Elements()) == 0 {
			return last
		}
		return types.ListNull(types.StringType)
	}
	return types.ListValueMust(types.StringType, values(have))
}

// followSet compares without order, by the canonical form of elements. What is in engine, in canonical form, is
// left out unless it was declared.
func followSet(last types.Set, have []string, canonical func(string) string, engine ...string) types.Set {
	if canonical == nil {
		canonical = func(s string) string { return s }
	}
	spelling := map[string]string{}
	if given(last) {
		for _, s := range texts(last.Elements()) {
			spelling[canonical(s)] = s
		}
	}
	var out []string
	for _, s := range have {
		key := canonical(s)
		if known, ok := spelling[key]; ok {
			s = known
		} else if slices.Contains(engine, key) {
			continue
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) == 0 && !given(last) {
		return types.SetNull(types.StringType)
	}
	slices.Sort(out)
	return types.SetValueMust(types.StringType, values(out))
}

// followMap is null for no keys unless an empty map was declared.
func followMap(last types.Map, have map[string]string) types.Map {
	if len(have) == 0 && !given(last) {
		return types.MapNull(types.StringType)
	}
	elements := make(map[string]attr.Value, len(have))
	for k, v := range have {
		elements[k] = types.StringValue(v)
	}
	return types.MapValueMust(types.StringType, elements)
}

func values(in []string) []attr.Value {
	out := make([]attr.Value, len(in))
	for i, s := range in {
		out[i] = types.StringValue(s)
	}
	return out
}

// texts returns the known strings among elements, in order.
func texts(elements []attr.Value) []string {
	out := make([]string, 0, len(elements))
	for _, e := range elements {
		if s, ok := e.(types.String); ok && given(s) {
			out = append(out, s.ValueString())
		}
	}
	return out
}

// sorted returns the elements of a set in order, nil when it is null, so that requests are the same every time.
func sorted(s types.Set) []string {
	if !given(s) || len(s.Elements()) == 0 {
		return nil
	}
	out := texts(s.Elements())
	slices.Sort(out)
	return out
}

// ordered returns the elements of a list; nil when it is null, empty when it is empty.
func ordered(l types.List) []string {
	if !given(l) {
		return nil
	}
	return texts(l.Elements())
}

// mapping returns a map's elements, nil when it has none.
func mapping(m types.Map) map[string]string {
	if !given(m) || len(m.Elements()) == 0 {
		return nil
	}
	out := make(map[string]string, len(m.Elements()))
	for k, v := range m.Elements() {
		if s, ok := v.(types.String); ok {
			out[k] = s.ValueString()
		}
	}
	return out
}

// pairs splits key=value elements.
func pairs(in []string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, len(in))
	for _, s := range in {
		k, v, _ := strings.Cut(s, "=")
		out[k] = v
	}
	return out
}

const mebibyte = 1 << 20

// mebibytes returns bytes as MiB. An amount that is no whole number was never declared here: it is rounded to the
// side that differs from what was, so that the drift is seen.
func mebibytes(bytes int64, last types.Int64) int64 {
	n := bytes / mebibyte
	if bytes%mebibyte != 0 && bytes > 0 && given(last) && last.ValueInt64() == n {
		return n + 1
	}
	return n
}
