package lang

import "github.com/zclconf/go-cty/cty"

type mark string

// Sensitive is the mark of values that must not be shown.
const Sensitive = mark("sensitive")

// Ephemeral is the mark of values that nothing may keep: no plan, no label, no record.
const Ephemeral = mark("ephemeral")

// ContainsEphemeral reports whether the value or anything inside it is marked so.
func ContainsEphemeral(v cty.Value) bool { return v.HasMarkDeep(Ephemeral) }

// IsSensitive reports whether the value itself, not only something inside it, is marked.
func IsSensitive(v cty.Value) bool { return v.HasMark(Sensitive) }

// ContainsSensitive reports whether the value or anything inside it is marked.
func ContainsSensitive(v cty.Value) bool { return v.HasMarkDeep(Sensitive) }
