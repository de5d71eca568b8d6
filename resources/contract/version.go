package contract

import "github.com/moby/moby/client/pkg/versions"

// older reports whether an API version is below another; both have the form "1.41".
func older(version, than string) bool { return versions.LessThan(version, than) }
