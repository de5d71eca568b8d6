package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	types "github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	// maxSearch bounds the answer of an index in bytes.
	maxSearch = 8 << 20
	// DefaultSearchLimit is how many results a search asks for without a limit, MaxSearchLimit the most it may.
	DefaultSearchLimit = 25
	MaxSearchLimit     = 100
)

// Search asks an index for repositories. A term that begins with a registry's name, "registry.example.com:5000/nginx",
// is searched there, others in the configured index. limit 0 means DefaultSearchLimit; others than 1 to MaxSearchLimit
// are errs.ErrInvalid.
func (c *Client) Search(ctx context.Context, term string, limit int, auth types.AuthConfig) ([]types.SearchResult, error) {
	if limit == 0 {
		limit = DefaultSearchLimit
	}
	if limit < 0 || limit > MaxSearchLimit {
		return nil, fmt.Errorf("limit %d is outside the range of [1, %d]: %w", limit, MaxSearchLimit, errs.ErrInvalid)
	}
	if strings.Contains(term, "://") {
		return nil, fmt.Errorf("invalid repository name: repository name (%s) should not have a scheme: %w", term, errs.ErrInvalid)
	}
	bases, host, rest := c.index(term)
	client, err := c.client(host, c.Insecure(host))
	if err != nil {
		return nil, err
	}
	query := url.Values{"q": {rest}, "n": {strconv.Itoa(limit)}}.Encode()
	var first error
	for _, base := range bases {
		var results []types.SearchResult
		if results, err = c.search(ctx, client, base+"/v1/search?"+query, auth); err == nil {
			return results[:min(limit, len(results))], nil
		}
		if first == nil || speaksHTTP(first) {
			first = err
		}
	}
	return nil, first
}

// index returns where a term is searched and what is left of it.
func (c *Client) index(term string) (bases []string, host, rest string) {
	domain, path, found := strings.Cut(term, "/")
	if !found || !strings.ContainsAny(domain, ".:") && domain != "localhost" || domain == hubName || domain == "index."+hubName {
		if found && strings.HasSuffix(domain, hubName) {
			term = path
		}
		u, err := url.Parse(c.config.Index)
		if err != nil { // New checked it
			return nil, "", term
		}
		return []string{strings.TrimRight(c.config.Index, "/")}, u.Host, strings.TrimPrefix(term, "library/")
	}
	bases = []string{"https://" + domain}
	if c.Insecure(domain) {
		bases = append(bases, "http://"+domain)
	}
	return bases, domain, path
}

func (c *Client) search(ctx context.Context, client *http.Client, target string, auth types.AuthConfig) ([]types.SearchResult, error) {
	ctx, watch := c.watch(ctx)
	defer watch.stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	request.Header.Set("User-Agent", c.config.UserAgent)
	request.Header.Set("X-Docker-Token", "true")
	if auth.Username != "" {
		request.SetBasicAuth(auth.Username, auth.Password)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, watch.explain(unreachable(err), request.URL.Host)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		//lint:ignore ST1005 dockerd's words
		return nil, fmt.Errorf("Unexpected status code %d: %w", response.StatusCode, errs.ErrInternal)
	}
	var body types.SearchResults
	if err := json.NewDecoder(io.LimitReader(watch.reader(response.Body), maxSearch)).Decode(&body); err != nil {
		return nil, watch.explain(fmt.Errorf("error decoding registry search results: %w: %w", err, errs.ErrInternal), request.URL.Host)
	}
	return body.Results, nil
}

// Login checks credentials with the registry they name, docker.io when they name none, and returns the token the
// registry gives in place of a password, if it gives one. Wrong ones are errs.ErrUnauthorized.
func (c *Client) Login(ctx context.Context, auth types.AuthConfig) (identityToken string, err error) {
	ctx, watch := c.watch(ctx)
	defer watch.stop()
	domain := Domain(auth.ServerAddress)
	named, err := reference.ParseNormalizedNamed(domain + "/login")
	if err != nil {
		return "", fmt.Errorf("invalid registry address %q: %w", auth.ServerAddress, errs.ErrInvalid)
	}
	who := c.authorizer(nil, &auth, true)
	places, err := c.places(named, who)
	if err != nil {
		return "", err
	}
	r := &Repository{client: c, name: named, places: places}
	var first error
	for _, p := range places {
		if p.mirror {
			continue
		}
		response, err := r.at(ctx, p, call{method: http.MethodGet, url: p.base.String() + "/"})
		if err == nil {
			response.Body.Close()
			who.mu.Lock()
			defer who.mu.Unlock()
			return who.refresh, nil
		}
		if Denied(err) {
			return "", fmt.Errorf("login attempt to %s/ failed: %w", p.base.String(), err)
		}
		if first == nil || speaksHTTP(first) {
			first = err
		}
	}
	return "", watch.explain(first, domain)
}

// Domain returns the registry a server address of a login stands for, as it is in image names. Old clients give the
// address of docker.io's index.
func Domain(serverAddress string) string {
	address := strings.TrimPrefix(strings.TrimPrefix(serverAddress, "https://"), "http://")
	address, _, _ = strings.Cut(address, "/")
	switch address {
	case "", hubHost, "index." + hubName:
		return hubName
	}
	return address
}
