// Package secretenv tells which variables of a container were given as write-only (docker_container.env_wo), so that
// nothing that reads the container writes them into a state. The container itself says it, by labels.
package secretenv

import (
	"maps"
	"slices"
	"strings"
)

// The labels of a container with write-only variables: their names, separated by commas, and the version given with them.
const (
	NamesLabel   = "cleat.env-wo-names"
	VersionLabel = "cleat.env-wo-version"
)

// Label returns the value of [NamesLabel] for these variables.
func Label[V any](variables map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(variables)), ",")
}

// Open returns the entries of an environment that are not write-only by the container's labels.
func Open(env []string, labels map[string]string) []string {
	names, ok := labels[NamesLabel]
	if !ok {
		return env
	}
	secret := strings.Split(names, ",")
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(secret, name)
	})
}
