//go:build linux

package containers

import (
	"github.com/distribution/reference"
)

// withTag is a name of an image with the tag it stands for, as messages have it.
func withTag(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.FamiliarString(reference.TagNameOnly(named))
}
