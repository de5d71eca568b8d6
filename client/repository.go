package client

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/distribution/reference"
	"github.com/hashicorp/go-hclog"
	apiregistry "github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/internal/version"
)

// Registries are the image registries a configuration gives access to. They need no engine.
type Registries struct{ auth *credentials }

// NewRegistries returns the registries of these credentials, and of docker's own configuration. A block nobody can use is a
// [*ConfigError].
func NewRegistries(blocks []RegistryAuth) (*Registries, error) {
	auth, err := newCredentials(blocks)
	if err != nil {
		return nil, err
	}
	return &Registries{auth: auth}, nil
}

// RegistryAccess is how a registry is reached for one image, where that is not for the configuration to say.
type RegistryAccess struct {
	// Username and Password come before all other credentials, when there is a user name.
	Username, Password string
	// SkipVerify accepts certificates nobody knows, and plain HTTP.
	SkipVerify bool
}

// Repository returns the repository of an image's name, with the credentials there are for its registry. It asks the
// registry nothing yet. A reference nobody can read is errs.ErrInvalid.
func (r *Registries) Repository(ctx context.Context, image string, access RegistryAccess) (*registry.Repository, error) {
	return r.auth.repository(ctx, image, access)
}

// Repository is [Registries.Repository] with the credentials of this client.
func (c *Client) Repository(ctx context.Context, image string, access RegistryAccess) (*registry.Repository, error) {
	return c.auth.repository(ctx, image, access)
}

func (c *credentials) repository(ctx context.Context, image string, access RegistryAccess) (*registry.Repository, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w: %w", image, err, errs.ErrInvalid)
	}
	domain := reference.Domain(named)
	auth := apiregistry.AuthConfig{Username: access.Username, Password: access.Password}
	if access.Username == "" {
		if auth, err = c.find(ctx, registryHost(domain)); err != nil {
			return nil, err
		}
	}
	client, err := c.registries.get(domain, access.SkipVerify)
	if err != nil {
		return nil, err
	}
	return client.Repository(named, auth)
}

// registryClients are made when they are needed. All registries that are verified share one, with its connections.
type registryClients struct {
	// authorities and insecure are what the provider's blocks say, by normalised address.
	authorities map[string]registry.Authority
	insecure    map[string]bool

	mu       sync.Mutex
	verified *registry.Client
	trusted  map[string]*registry.Client // by name
}

// trust notes what a provider's block says of a registry's certificate.
func (c *registryClients) trust(host string, block RegistryAuth) {
	if block.CAFile != "" || block.CAMaterial != "" {
		if c.authorities == nil {
			c.authorities = map[string]registry.Authority{}
		}
		c.authorities[host] = registry.Authority{File: expandHome(block.CAFile), Material: block.CAMaterial}
	}
	if block.SkipVerify {
		if c.insecure == nil {
			c.insecure = map[string]bool{}
		}
		c.insecure[host] = true
	}
}

// get returns the client of a registry.
func (c *registryClients) get(domain string, skipVerify bool) (*registry.Client, error) {
	skipVerify = skipVerify || c.insecure[registryHost(domain)]
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.trusted[domain]; skipVerify && known != nil {
		return known, nil
	}
	if !skipVerify && c.verified != nil {
		return c.verified, nil
	}
	config := registry.Config{
		CertsDirs: certsDirs(), Authorities: c.authorities, UserAgent: "cleat/" + version.String(), Log: hclog.NewNullLogger(),
	}
	if skipVerify {
		config.Insecure = []string{domain}
	}
	made, err := registry.New(config)
	switch {
	case err != nil:
		return nil, err
	case !skipVerify:
		c.verified = made
	case c.trusted == nil:
		c.trusted = map[string]*registry.Client{domain: made}
	default:
		c.trusted[domain] = made
	}
	return made, nil
}

// certsDirs are where certificates of registries may be, by registry: docker's, of the user and of the machine. Of several
// all count.
func certsDirs() []string {
	dirs := []string{filepath.Join(configDir(), "certs.d")}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".config", "docker", "certs.d")) // of a rootless dockerd
	}
	return append(dirs, "/etc/docker/certs.d")
}
