package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/distribution/reference"
	types "github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
)

// defaultTokenLife is how long a token holds whose service says nothing, by the distribution specification.
const defaultTokenLife = time.Minute

// Token is what allows some scopes of a registry for some time.
type Token struct {
	Value string
	// Expires is when it ends; zero for one of the configuration, which does not say.
	Expires time.Time
}

// Token asks the token service of a registry, by its name in image references, for a token for some scopes
// ("repository:team/app:pull"). A service gives what is asked for only as far as its user may have it. A registry without
// such a service is errs.ErrInvalid.
func (c *Client) Token(ctx context.Context, domain string, scopes []string, config types.AuthConfig) (Token, error) {
	if config.RegistryToken != "" {
		return Token{Value: config.RegistryToken}, nil
	}
	ctx, watch := c.watch(ctx)
	defer watch.stop()
	named, err := reference.ParseNormalizedNamed(domain + "/token")
	if err != nil {
		return Token{}, fmt.Errorf("invalid registry address %q: %w", domain, errs.ErrInvalid)
	}
	places, err := c.places(named, c.authorizer(nil, nil, false))
	if err != nil {
		return Token{}, err
	}
	var first error
	for _, p := range places {
		if p.mirror {
			continue
		}
		challenge, err := c.challenge(ctx, p, domain)
		if err == nil {
			token, err := c.fetchToken(ctx, p, domain, challenge, scopes, config)
			return token, watch.explain(err, domain)
		}
		if errors.Is(err, errs.ErrInvalid) {
			return Token{}, err
		}
		if first == nil || speaksHTTP(first) {
			first = err
		}
	}
	return Token{}, watch.explain(first, domain)
}

// challenge asks a registry who gives its tokens.
func (c *Client) challenge(ctx context.Context, p *place, domain string) (auth.Challenge, error) {
	none := auth.Challenge{}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base.String()+"/", nil)
	if err != nil {
		return none, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	request.Header.Set("User-Agent", c.config.UserAgent)
	response, err := p.client.Do(request)
	if err != nil {
		return none, unreachable(err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		response.Body.Close()
		return none, fmt.Errorf("%s gives no tokens: it lets everybody in: %w", domain, errs.ErrInvalid)
	case http.StatusUnauthorized:
	default:
		return none, refusal(response)
	}
	response.Body.Close()
	challenges := auth.ParseAuthHeader(response.Header)
	i := slices.IndexFunc(challenges, func(c auth.Challenge) bool { return c.Scheme == auth.BearerAuth })
	if i < 0 {
		return none, fmt.Errorf("%s gives no tokens: it wants user name and password with every request: %w", domain, errs.ErrInvalid)
	}
	return challenges[i], nil
}

// fetchToken asks by OAuth2 first where there is a secret, and the older way where a service does not know that.
func (c *Client) fetchToken(ctx context.Context, p *place, domain string, challenge auth.Challenge, scopes []string, config types.AuthConfig) (Token, error) {
	user, secret := config.Username, config.Password
	if config.IdentityToken != "" {
		user, secret = "", config.IdentityToken
	}
	options, err := auth.GenerateTokenOptions(ctx, domain, user, secret, challenge)
	if err != nil {
		return Token{}, fmt.Errorf("%s names no service for tokens: %w: %w", domain, err, errs.ErrInternal)
	}
	options.Scopes = scopes
	header := http.Header{"User-Agent": {c.config.UserAgent}}
	if secret != "" {
		given, err := auth.FetchTokenWithOAuth(ctx, p.client, header, "cleat", options)
		if err == nil {
			return newToken(given.AccessToken, given.IssuedAt, given.ExpiresInSeconds), nil
		}
		if !slices.Contains([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed}, tokenStatus(err)) {
			return Token{}, tokenError(err)
		}
	}
	given, err := auth.FetchToken(ctx, p.client, header, options)
	if err != nil {
		return Token{}, tokenError(err)
	}
	return newToken(given.Token, given.IssuedAt, given.ExpiresInSeconds), nil
}

// tokenError is without the address that was asked: it may hold what belongs to nobody's eyes.
func tokenError(err error) error {
	if refused := (remoteerrors.ErrUnexpectedStatus{}); errors.As(err, &refused) {
		class := error(errs.ErrInternal)
		if refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden {
			class = errs.ErrUnauthorized
		}
		return fmt.Errorf("its token service answers %s: %w", refused.Status, class)
	}
	return unreachable(err)
}

func newToken(value string, issued time.Time, seconds int) Token {
	if issued.IsZero() {
		issued = time.Now()
	}
	life := time.Duration(seconds) * time.Second
	if life <= 0 {
		life = defaultTokenLife
	}
	return Token{Value: value, Expires: issued.Add(life)}
}
