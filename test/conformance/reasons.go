package main

import (
	"slices"
	"strings"
)

// reason says why no test shows something: of types, engines and checks, each parted by spaces, all engines where none
// are named; of attributes too, a block standing for what is in it, where the check is one per attribute. With by, that
// attribute shows it instead.
type reason struct {
	types, engines, checks, attributes string
	why                                string
	by                                 string
}

// covers reports whether a reason is about a place.
func (r reason) covers(at cell, path string) bool {
	if !slices.Contains(strings.Fields(r.types), at.kind) || !slices.Contains(strings.Fields(r.checks), string(at.check)) {
		return false
	}
	if r.engines != "" && !slices.Contains(strings.Fields(r.engines), at.engine) {
		return false
	}
	if !perAttribute(at.check) {
		return r.attributes == ""
	}
	return slices.ContainsFunc(strings.Fields(r.attributes), func(name string) bool {
		return name == path || strings.HasPrefix(path, name+".")
	})
}
