package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
)

// Newest is the last version the daemon knows, which it announces unless it is configured otherwise; versions.md,
// section 7, says why this one.
func Newest() version.Version { return version.Of(1, 44) }

// Oldest is the first version the daemon speaks.
func Oldest() version.Version { return version.Of(1, 2) }

// announced are the headers by which an engine says what it can, and the version whose engines began to send them: an
// engine held back with [Config.Max] says no more than one of that time.
var announced = map[string]version.Version{
	"Api-Version": version.Of(1, 25), "Ostype": version.Of(1, 25), "Docker-Experimental": version.Of(1, 25),
	"Builder-Version": version.Of(1, 39), "Swarm": version.Of(1, 42),
}

// announce sets a header of those on an answer, when an engine of the highest version spoken has it.
func (s *Server) announce(h http.Header, key, value string) {
	if !s.cfg.Max.Before(announced[key]) {
		h[key] = []string{value}
	}
}

// cutVersion takes the version off a path. Without one it is the highest. The error is for a version that is none, or
// that is not spoken; v is where the form of the error comes from.
func (s *Server) cutVersion(segments []string) (v version.Version, rest []string, err error) {
	first := segments[0]
	if len(first) < 2 || first[0] != 'v' || strings.Trim(first[1:], "0123456789.") != "" {
		return s.cfg.Max, segments, nil
	}
	rest = segments[1:]
	v, err = version.Parse(first[1:])
	switch {
	case err != nil:
		return s.cfg.Max, rest, fmt.Errorf("%s: %w", err, errs.ErrInvalid)
	case v.Before(s.cfg.Min):
		return v, rest, fmt.Errorf("client version %s is too old. Minimum supported API version is %s, "+
			"please upgrade your client to a newer version: %w", v, s.cfg.Min, errs.ErrInvalid)
	case s.cfg.Max.Before(v):
		return s.cfg.Max, rest, fmt.Errorf("client version %s is too new. Maximum supported API version is %s: %w", v, s.cfg.Max, errs.ErrInvalid)
	}
	return v, rest, nil
}
