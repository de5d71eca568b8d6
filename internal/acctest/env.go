package acctest

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// cleanEnv is this process's environment without what would lead a program to another engine or its credentials. An
// engine that cannot be reached stays so: cleat does not fall back on its bundled one.
func cleanEnv() []string {
	return append(slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM":
			return true
		}
		return strings.HasPrefix(name, "TF_VAR_")
	}), "CLEAT_ENGINE=off")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
