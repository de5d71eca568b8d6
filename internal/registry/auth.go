package registry

import (
	"context"
	"net/http"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	types "github.com/moby/moby/api/types/registry"
)

// authorizer answers the challenges of one registry with one user's credentials. It keeps tokens for its life, which is
// one pull or push.
type authorizer struct {
	docker.Authorizer
	config *types.AuthConfig // nil: nobody
	client *http.Client

	mu      sync.Mutex
	refresh string
}

// authorizer returns who answers for a client. With offline it asks for a token that can take a password's place.
func (c *Client) authorizer(client *http.Client, config *types.AuthConfig, offline bool) *authorizer {
	a := &authorizer{config: config, client: client}
	transport := roundTripper(func(r *http.Request) (*http.Response, error) { return a.client.Transport.RoundTrip(r) })
	options := []docker.AuthorizerOpt{
		docker.WithAuthClient(&http.Client{Transport: transport}), // of the registry, known only later
		docker.WithAuthHeader(http.Header{"User-Agent": {c.config.UserAgent}}),
		docker.WithAuthCreds(func(string) (string, string, error) {
			switch {
			case a.config == nil:
				return "", "", nil
			case a.config.IdentityToken != "":
				return "", a.config.IdentityToken, nil
			}
			return a.config.Username, a.config.Password, nil
		}),
	}
	if offline {
		options = append(options, docker.WithFetchRefreshToken(func(_ context.Context, token string, _ *http.Request) {
			a.mu.Lock()
			a.refresh = token
			a.mu.Unlock()
		}))
	}
	a.Authorizer = docker.NewDockerAuthorizer(options...)
	return a
}

// sign adds what is known to satisfy the registry.
func (a *authorizer) sign(ctx context.Context, r *http.Request) error {
	if a.config != nil && a.config.RegistryToken != "" {
		r.Header.Set("Authorization", "Bearer "+a.config.RegistryToken)
		return nil
	}
	return a.Authorize(ctx, r)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
