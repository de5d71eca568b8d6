// Package version says which version of cleat a program is, from what the Go toolchain wrote into it: the tag of a
// released module, or the commit of a working copy. No build flag is needed, so "go install" gets it right as well.
package version

import "runtime/debug"

// Unknown is the version of a program without build information, such as a test binary.
const Unknown = "dev"

// String returns the version: "v1.2.3", a pseudo-version that names the commit with "+dirty" when files were
// changed, or [Unknown].
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Unknown
	}
	return of(info)
}

// Commit returns the revision the program was built from, empty when it is not known.
func Commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return setting(info, "vcs.revision")
	}
	return ""
}

func of(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision := setting(info, "vcs.revision")
	if revision == "" {
		return Unknown
	}
	v := Unknown + "-" + revision[:min(12, len(revision))]
	if setting(info, "vcs.modified") == "true" {
		v += "+dirty"
	}
	return v
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
