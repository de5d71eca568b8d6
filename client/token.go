package client

import (
	"context"

	"github.com/cleat-dev/cleat/internal/registry"
)

// Token returns a token for scopes of a registry ("repository:team/app:pull"), by the credentials there are for it. The
// address is written as in a registry_auth block.
func (r *Registries) Token(ctx context.Context, address string, scopes []string, access RegistryAccess) (registry.Token, error) {
	host := registryHost(address)
	auth, err := r.auth.find(ctx, host)
	if err != nil {
		return registry.Token{}, err
	}
	client, err := r.auth.registries.get(host, access.SkipVerify)
	if err != nil {
		return registry.Token{}, err
	}
	return client.Token(ctx, host, scopes, auth)
}
