package server

import (
	"fmt"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
)

// Newest is the version the daemon announces and the one of paths without a version; Oldest the first it speaks.
// versions.md, section 7, says why these.
func Newest() version.Version { return version.Of(1, 44) }

// Oldest is the first version the daemon speaks.
func Oldest() version.Version { return version.Of(1, 2) }

// cutVersion takes the version off a path. Without one it is the newest. The error is for a version that is none, or
// that the daemon does not speak; v is set in the latter case, because the form of the error follows it.
func cutVersion(segments []string) (v version.Version, rest []string, err error) {
	first := segments[0]
	if len(first) < 2 || first[0] != 'v' || strings.Trim(first[1:], "0123456789.") != "" {
		return Newest(), segments, nil
	}
	rest = segments[1:]
	v, err = version.Parse(first[1:])
	switch {
	case err != nil:
		return Newest(), rest, fmt.Errorf("%s: %w", err, errs.ErrInvalid)
	case v.Before(Oldest()):
		return v, rest, fmt.Errorf("client version %s is too old. Minimum supported API version is %s, "+
			"please upgrade your client to a newer version: %w", v, Oldest(), errs.ErrInvalid)
	case Newest().Before(v):
		return v, rest, fmt.Errorf("client version %s is too new. Maximum supported API version is %s: %w", v, Newest(), errs.ErrInvalid)
	}
	return v, rest, nil
}
