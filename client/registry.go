package client

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config/configfile"
	dcredentials "github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	hub = "docker.io"
	// hubKey is what docker's configuration and engines call Docker Hub.
	hubKey = "https://index.docker.io/v1/"
	// tokenUser is the user name under which docker's credential helpers give an identity token in a password's place.
	tokenUser = "<token>"
	// authLifetime bounds how long an answer of a credential helper is used: tokens end after an hour or more.
	authLifetime = 5 * time.Minute
)

// credentials finds registry credentials: blocks first, then docker's own configuration. Nothing is read, and no
// helper runs, before it is needed.
type credentials struct {
	blocks map[string]RegistryAuth // by normalised address
	finds  flights[registry.AuthConfig]

	registries registryClients

	mu    sync.Mutex
	known map[string]knownAuth
}

type knownAuth struct {
	auth  registry.AuthConfig
	until time.Time
}

func newCredentials(blocks []RegistryAuth) (*credentials, error) {
	c := &credentials{blocks: map[string]RegistryAuth{}, known: map[string]knownAuth{}}
	for i, block := range blocks {
		at := func(name string) string { return fmt.Sprintf("registry_auth[%d].%s", i, name) }
		host := registryHost(block.Address)
		switch _, twice := c.blocks[host]; {
		case host == "":
			return nil, invalid(at("address"), "%q names no registry", block.Address)
		case twice:
			return nil, invalid(at("address"), "%q is configured twice", block.Address)
		case !block.AuthDisabled && block.Username == "" && block.Password != "":
			return nil, invalid(at("username"), "is needed beside a password")
		case !block.AuthDisabled && block.Username != "" && block.Password == "":
			return nil, invalid(at("password"), "is needed beside a username")
		case block.CAFile != "" && block.CAMaterial != "":
			return nil, invalid(at("ca_material"), "excludes ca_file")
		}
		if block.ConfigFileContent != "" {
			if _, err := parseConfig(block.ConfigFileContent); err != nil {
				return nil, invalid(at("config_file_content"), "is not docker's configuration: %w", err)
			}
		}
		c.blocks[host] = block
		c.registries.trust(host, block)
	}
	return c, nil
}

func parseConfig(content string) (*configfile.ConfigFile, error) {
	file := configfile.New("")
	return file, file.LoadFromReader(strings.NewReader(content))
}

// registryHost brings the ways to write a registry's address to one.
func registryHost(address string) string {
	host := strings.ToLower(dcredentials.ConvertToHostname(strings.TrimSpace(address)))
	switch host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com", "registry.docker.io":
		return hub
	default:
		return host
	}
}

// find returns the credentials of a registry, none when there are none.
func (c *credentials) find(ctx context.Context, host string) (registry.AuthConfig, error) {
	c.mu.Lock()
	known, ok := c.known[host]
	c.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.auth, nil
	}
	return c.finds.do(ctx, host, 0, func(context.Context) (registry.AuthConfig, error) {
		auth, err := c.ask(host)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.known[host] = knownAuth{auth: auth, until: time.Now().Add(authLifetime)}
		}
		return auth, err
	})
}

func (c *credentials) ask(host string) (registry.AuthConfig, error) {
	block, ok := c.blocks[host]
	if ok && block.AuthDisabled {
		return registry.AuthConfig{}, nil
	}
	if ok && block.Username == tokenUser {
		return registry.AuthConfig{IdentityToken: block.Password, ServerAddress: key(host)}, nil
	}
	if ok && block.Username != "" {
		return registry.AuthConfig{Username: block.Username, Password: block.Password, ServerAddress: key(host)}, nil
	}
	file, err := configOf(block)
	if err != nil {
		return registry.AuthConfig{}, fmt.Errorf("credentials of %s: %w", host, err)
	}
	auth, err := file.GetAuthConfig(host)
	if err != nil {
		return registry.AuthConfig{}, fmt.Errorf("credentials of %s: %w", host, helperError(file, host, err))
	}
	return engineAuth(auth, host), nil
}

// configOf is the file a block names, docker's own for an empty block.
func configOf(block RegistryAuth) (*configfile.ConfigFile, error) {
	switch {
	case block.ConfigFileContent != "":
		return parseConfig(block.ConfigFileContent)
	case block.ConfigFile != "":
		return loadConfigFile(expandHome(block.ConfigFile), false)
	default:
		return loadConfigFile(defaultConfigFile(), true)
	}
}

// helperError says which helper failed. What a helper prints is not repeated: it may be a secret.
func helperError(file *configfile.ConfigFile, host string, err error) error {
	name := file.CredentialHelpers[key(host)]
	if name == "" {
		name = file.CredentialHelpers[host]
	}
	if name == "" {
		name = file.CredentialsStore
	}
	if name == "" {
		return fmt.Errorf("docker's configuration cannot be used: %w", errs.ErrInvalid)
	}
	program := "docker-credential-" + name
	if errors.Is(err, exec.ErrNotFound) || strings.Contains(err.Error(), "not found in") {
		return fmt.Errorf("credential helper %s is not installed (credsStore or credHelpers in docker's config.json names it): %w", program, errs.ErrInvalid)
	}
	return fmt.Errorf("credential helper %s failed; try: echo %s | %s get: %w", program, key(host), program, errs.ErrUnauthorized)
}

// key is how docker's configuration and engines call a registry.
func key(host string) string {
	if host == hub {
		return hubKey
	}
	return host
}

func engineAuth(auth types.AuthConfig, host string) registry.AuthConfig {
	if auth.Username == "" && auth.Password == "" && auth.Auth == "" && auth.IdentityToken == "" && auth.RegistryToken == "" {
		return registry.AuthConfig{}
	}
	return registry.AuthConfig{
		Username: auth.Username, Password: auth.Password, Auth: auth.Auth, ServerAddress: key(host),
		IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken,
	}
}

// RegistryAuth returns the credentials for pulling or pushing an image, encoded for the RegistryAuth of moby's
// options; "" when there are none, or auth_disabled is set. A reference nobody can read is errs.ErrInvalid.
func (c *Client) RegistryAuth(ctx context.Context, ref string) (string, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", fmt.Errorf("image %q: %w: %w", ref, err, errs.ErrInvalid)
	}
	auth, err := c.auth.find(ctx, registryHost(reference.Domain(named)))
	if err != nil || auth == (registry.AuthConfig{}) {
		return "", err
	}
	encoded, err := authconfig.Encode(auth)
	if err != nil {
		return "", fmt.Errorf("credentials of %s: cannot be encoded: %w", reference.Domain(named), errs.ErrInternal)
	}
	return encoded, nil
}

// RegistryAuthConfigs returns all credentials, by the name the engine knows the registry by, for a build whose base
// images are not known beforehand. When some cannot be had the others are returned together with the error: a build
// that does not need those may go on.
func (c *Client) RegistryAuthConfigs(ctx context.Context) (map[string]registry.AuthConfig, error) {
	hosts, err := c.auth.hosts()
	failures := []error{err}
	all := map[string]registry.AuthConfig{}
	for _, host := range hosts {
		auth, err := c.auth.find(ctx, host)
		if err != nil {
			failures = append(failures, err)
		} else if auth != (registry.AuthConfig{}) {
			all[key(host)] = auth
		}
	}
	return all, errors.Join(failures...)
}
