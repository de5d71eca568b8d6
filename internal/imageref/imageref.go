// Package imageref reads image references as people write them: busybox, registry.example.com:5000/team/app:v1,
// app@sha256:…, app:v1@sha256:….
package imageref

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/cleat-dev/cleat/api/errs"
)

// Parse reads a reference to an image by name. A name without tag and digest stands for its tag "latest". The error
// is errs.ErrInvalid and says what is wrong.
func Parse(s string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not an image reference: %w: %w", s, err, errs.ErrInvalid)
	}
	return reference.TagNameOnly(named), nil
}

// IsID reports whether s is a full image id, with or without its algorithm, rather than a name.
func IsID(s string) bool {
	hex := strings.TrimPrefix(s, "sha256:")
	return len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

// IsDigest reports whether s pins an image by digest.
func IsDigest(s string) bool {
	named, err := Parse(s)
	if err != nil {
		return false
	}
	_, digested := named.(reference.Digested)
	return digested
}

// Local returns the form in which an engine keeps s: always with its tag, and by digest alone where there is one,
// because a pull of name:tag@digest makes no tag. Having a tag or a digest it is never mistaken for the start of
// an id. An id, and what cannot be read, is returned as it is.
func Local(s string) string {
	if IsID(s) {
		return s
	}
	named, err := Parse(s)
	if err != nil {
		return s
	}
	if digested, ok := named.(reference.Digested); ok {
		if pinned, err := reference.WithDigest(reference.TrimNamed(named), digested.Digest()); err == nil {
			named = pinned
		}
	}
	return reference.FamiliarString(named)
}

// Same reports whether two references stand for the same name: busybox and docker.io/library/busybox:latest.
func Same(a, b string) bool { return a == b || canonical(a) == canonical(b) }

// canonical is the one spelling of a reference, tag and digest included.
func canonical(s string) string {
	if IsID(s) {
		return s
	}
	named, err := Parse(s)
	if err != nil {
		return s
	}
	return named.String()
}

// SameRepository reports whether two references are of the same repository, whatever tag or digest they have.
func SameRepository(a, b string) bool {
	first, err := Parse(a)
	if err != nil {
		return false
	}
	second, err := Parse(b)
	return err == nil && first.Name() == second.Name()
}

// Registry returns the registry s is pulled from, docker.io where it names none, and "" where s cannot be read.
func Registry(s string) string {
	named, err := Parse(s)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// Version returns what s asks for in its repository: its digest, or its tag, which is "latest" where it has neither. "" where s cannot be
// read.
func Version(s string) string {
	named, err := Parse(s)
	if err != nil {
		return ""
	}
	if digested, ok := named.(reference.Digested); ok {
		return digested.Digest().String()
	}
	tagged, _ := named.(reference.Tagged)
	return tagged.Tag()
}
