package client

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// hosts lists the registries anything is known of: blocks, docker's file, its helpers and its store.
func (c *credentials) hosts() ([]string, error) {
	found := map[string]bool{}
	for host := range c.blocks {
		found[host] = true
	}
	file, err := loadConfigFile(defaultConfigFile(), true)
	if err != nil {
		return sorted(found), fmt.Errorf("registry credentials: %w", err)
	}
	for address := range file.AuthConfigs {
		found[registryHost(address)] = true
	}
	for address := range file.CredentialHelpers {
		found[registryHost(address)] = true
	}
	stored, err := file.GetCredentialsStore("").GetAll() // file, store and DOCKER_AUTH_CONFIG, not the helpers
	if err != nil {
		return sorted(found), fmt.Errorf("registry credentials: %w", helperError(file, hub, errors.Join(err, errs.ErrUnauthorized)))
	}
	for address := range stored {
		found[registryHost(address)] = true
	}
	return sorted(found), nil
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// expandHome resolves the ~ of paths people write in configurations.
func expandHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
