package service

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// An attribute that says nothing beyond zero is reported as it was last, null or zero; else null.

func flatText(s string, last types.String) types.String {
	if s == "" && (last.IsNull() || last.IsUnknown() || last.ValueString() != "") {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func flatInt[N ~int | ~int64 | ~uint32 | ~uint64](n N, last types.Int64) types.Int64 {
	if n == 0 && (last.IsNull() || last.IsUnknown() || last.ValueInt64() != 0) {
		return types.Int64Null()
	}
	return types.Int64Value(int64(n))
}

func flatBool(b bool, last types.Bool) types.Bool {
	if !b && (last.IsNull() || last.IsUnknown() || last.ValueBool()) {
		return types.BoolNull()
	}
	return types.BoolValue(b)
}

func flatDuration(d time.Duration, last types.String) types.String {
	if was, err := time.ParseDuration(last.ValueString()); err == nil && was == d {
		return last
	}
	return types.StringValue(d.String())
}

func flatDurationPointer(d *time.Duration, last types.String) types.String {
	if d == nil {
		return types.StringNull()
	}
	return flatDuration(*d, last)
}

func flatRatio(f float32, last types.String) types.String {
	if was, err := strconv.ParseFloat(last.ValueString(), 32); err == nil && float32(was) == f {
		return last
	}
	text := strconv.FormatFloat(float64(f), 'f', -1, 32)
	if !strings.Contains(text, ".") {
		text += ".0" // as the default is written
	}
	return types.StringValue(text)
}

func flatList(values []string, last types.List) types.List {
	if len(values) == 0 && len(last.Elements()) == 0 && !last.IsNull() && !last.IsUnknown() {
		return last
	}
	if len(values) == 0 {
		return types.ListNull(stringType)
	}
	return types.ListValueMust(stringType, elementsOf(values))
}

func flatSet(values []string, last types.Set) types.Set {
	if len(values) == 0 && len(last.Elements()) == 0 && !last.IsNull() && !last.IsUnknown() {
		return last
	}
	if len(values) == 0 {
		return types.SetNull(stringType)
	}
	return types.SetValueMust(stringType, elementsOf(values))
}

func flatMap(values map[string]string, last types.Map) types.Map {
	if len(values) == 0 && len(last.Elements()) == 0 && !last.IsNull() && !last.IsUnknown() {
		return last
	}
	if len(values) == 0 {
		return types.MapNull(stringType)
	}
	elements := make(map[string]attr.Value, len(values))
	for key, v := range values {
		elements[key] = types.StringValue(v)
	}
	return types.MapValueMust(stringType, elements)
}

func elementsOf(values []string) []attr.Value {
	elements := make([]attr.Value, len(values))
	for i, v := range values {
		elements[i] = types.StringValue(v)
	}
	return elements
}

// spelled is values as last has them, where it means the same by f.
func spelled(values []string, last interface{ Elements() []attr.Value }, f func(string) string) []string {
	written := map[string]string{}
	for _, e := range last.Elements() {
		written[f(textOf(e))] = textOf(e)
	}
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = v
		if w, ok := written[f(v)]; ok {
			all[i] = w
		}
	}
	return all
}

func expandMap(m types.Map) map[string]string {
	if len(m.Elements()) == 0 {
		return nil
	}
	all := make(map[string]string, len(m.Elements()))
	for key, v := range m.Elements() {
		all[key] = textOf(v)
	}
	return all
}

// pairs is a map as sorted KEY=VALUE.
func pairs(m map[string]string) []string {
	all := make([]string, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		all = append(all, key+"="+m[key])
	}
	return all
}

// unpaired is KEY=VALUE as a map; a KEY alone has no value.
func unpaired(values []string) map[string]string {
	if len(values) == 0 {
		return nil
	}
	all := make(map[string]string, len(values))
	for _, v := range values {
		key, value, _ := strings.Cut(v, "=")
		all[key] = value
	}
	return all
}

// durationOf is a declared time; validators have refused what is none.
func durationOf(s types.String) time.Duration {
	d, _ := time.ParseDuration(s.ValueString())
	return d
}

func durationPointer(s types.String) *time.Duration {
	if s.IsNull() || s.IsUnknown() {
		return nil
	}
	d := durationOf(s)
	return &d
}

func countPointer(n types.Int64) *uint64 {
	if n.IsNull() || n.IsUnknown() {
		return nil
	}
	c := uint64(max(n.ValueInt64(), 0))
	return &c
}
