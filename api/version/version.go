// Package version is the version of the engine's API: what the paths /v1.18/… carry.
package version

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is an API version. The zero value is not a version any engine speaks; it is before every one of them.
type Version struct{ Major, Minor int }

// Of returns the version major.minor.
func Of(major, minor int) Version { return Version{Major: major, Minor: minor} }

// Parse reads "1.41" or "v1.41". Anything else, also a missing minor number or a sign, is an error.
func Parse(s string) (Version, error) {
	major, minor, ok := strings.Cut(strings.TrimPrefix(s, "v"), ".")
	if !ok {
		return Version{}, fmt.Errorf("API version %q: want MAJOR.MINOR, as 1.41", s)
	}
	var v Version
	for _, part := range []struct {
		text string
		to   *int
	}{{major, &v.Major}, {minor, &v.Minor}} {
		// 16 bits: far above every version and safe to compute with. ParseUint takes no sign.
		n, err := strconv.ParseUint(part.text, 10, 16)
		if err != nil {
			return Version{}, fmt.Errorf("API version %q: want MAJOR.MINOR, as 1.41", s)
		}
		*part.to = int(n)
	}
	return v, nil
}

// Compare is negative when v is older than o, zero when they are equal and positive when v is newer.
func (v Version) Compare(o Version) int {
	if v.Major != o.Major {
		return v.Major - o.Major
	}
	return v.Minor - o.Minor
}

// Before reports whether v is older than o.
func (v Version) Before(o Version) bool { return v.Compare(o) < 0 }

// IsZero reports whether v is the zero value.
func (v Version) IsZero() bool { return v == Version{} }

// String is the form of Parse without "v": "1.41".
func (v Version) String() string { return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }
