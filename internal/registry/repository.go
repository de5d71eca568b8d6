package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"
	types "github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
)

// Repository is a repository of a registry for one pull or push, with one user's credentials.
type Repository struct {
	client *Client
	name   reference.Named
	path   string // in the registry
	scope  string

	mu     sync.Mutex
	places []*place
}

// Repository returns the repository of an image name. auth may be the zero value: nobody.
func (c *Client) Repository(name reference.Named, auth types.AuthConfig) (*Repository, error) {
	config := &auth
	if auth == (types.AuthConfig{}) {
		config = nil
	}
	places, err := c.places(name, c.authorizer(nil, config, false))
	if err != nil {
		return nil, err
	}
	path := reference.Path(name)
	return &Repository{client: c, name: name, path: path, scope: "repository:" + path + ":pull", places: places}, nil
}

// call is one request to a repository.
type call struct {
	method string
	path   []string // below the repository; one of these two
	url    string   // as the registry gave it
	query  url.Values
	header http.Header
	// body returns what is sent, from its beginning, as often as it is needed.
	body func() (io.Reader, int64, error)
	// push asks for the right to write.
	push bool
	// remove asks for the right to delete.
	remove bool
	ok     []int // statuses besides 200
}

// do asks the places one after the other and returns the first answer that is what was wanted. A registry that
// answers but refuses is the answer unless it is a mirror. Body is the caller's to close.
func (r *Repository) do(ctx context.Context, c call) (*http.Response, *place, error) {
	r.mu.Lock()
	places := r.places
	r.mu.Unlock()
	var first error
	for _, p := range places {
		if (c.push || c.remove) && p.mirror {
			continue
		}
		response, err := r.at(ctx, p, c)
		if err == nil {
			if !p.mirror {
				r.settle(p)
			}
			return response, p, nil
		}
		if ctx.Err() != nil {
			return nil, nil, err
		}
		var refused *Error
		if errors.As(err, &refused) && !p.mirror {
			return nil, nil, err
		}
		if p.mirror {
			r.client.config.Log.Warn("registry mirror does not answer; trying the next", "mirror", p.base.Host, "error", err)
			continue
		}
		if first == nil || speaksHTTP(first) {
			first = err
		}
	}
	if first == nil {
		first = fmt.Errorf("no registry to ask for %s: %w", r.name.Name(), errs.ErrInternal)
	}
	return nil, nil, first
}

// speaksHTTP reports whether an error is TLS with a server that speaks plain HTTP: no news for anyone.
func speaksHTTP(err error) bool {
	return strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// settle leaves out the other ways to the same registry once one has worked.
func (r *Repository) settle(p *place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.places[len(r.places)-1] == p && (len(r.places) == 1 || r.places[len(r.places)-2].mirror) {
		return
	}
	var kept []*place
	for _, other := range r.places {
		if other.mirror || other == p {
			kept = append(kept, other)
		}
	}
	r.places = kept
}

// at sends a call to one place, again with credentials when it asks for them.
func (r *Repository) at(ctx context.Context, p *place, c call) (*http.Response, error) {
	scope := r.scope
	if c.push {
		scope += ",push"
	}
	if c.remove {
		scope += ",delete"
	}
	if r.scope != "" {
		ctx = docker.WithScope(ctx, scope)
	}
	var answers []*http.Response
	for {
		request, err := r.request(ctx, p, c)
		if err != nil {
			return nil, err
		}
		if request.URL.Host == p.base.Host {
			if err := p.auth.sign(ctx, request); err != nil {
				return nil, authError(err)
			}
		}
		response, err := p.client.Do(request)
		if err != nil {
			return nil, unreachable(err)
		}
		if response.StatusCode == http.StatusOK || contains(c.ok, response.StatusCode) {
			return response, nil
		}
		if response.StatusCode != http.StatusUnauthorized || len(answers) >= 2 || response.Request.URL.Host != p.base.Host {
			return nil, refusal(response)
		}
		answers = append(answers, response)
		if err := p.auth.AddResponses(ctx, answers); err != nil || len(answers) == 2 {
			refused := refusal(response)
			if errors.Is(err, docker.ErrInvalidAuthorization) && Code(refused) == "" {
				return nil, authError(err)
			}
			if p.auth.config == nil || p.auth.config.Username == "" && p.auth.config.IdentityToken == "" {
				return nil, fmt.Errorf("no basic auth credentials: %w", errs.ErrUnauthorized)
			}
			return nil, refused
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxErrorBody)) // so that the connection can be used again
		response.Body.Close()
	}
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// authError is an error of the exchange of credentials for a token.
func authError(err error) error {
	if errors.Is(err, docker.ErrInvalidAuthorization) {
		return fmt.Errorf("%w: %w", err, errs.ErrUnauthorized)
	}
	if status := tokenStatus(err); status == http.StatusUnauthorized || status == http.StatusForbidden {
		return fmt.Errorf("unauthorized: %w: %w", err, errs.ErrUnauthorized)
	}
	return unreachable(err)
}

// request makes the request of a call at a place.
func (r *Repository) request(ctx context.Context, p *place, c call) (*http.Request, error) {
	target := c.url
	if target == "" {
		u := p.base
		u.Path += "/" + r.path + "/" + strings.Join(c.path, "/")
		u.RawQuery = c.query.Encode()
		if p.mirror {
			u.RawQuery = url.Values{"ns": {reference.Domain(r.name)}}.Encode()
		}
		target = u.String()
	}
	var body io.Reader
	var size int64
	if c.body != nil {
		var err error
		if body, size, err = c.body(); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, c.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errs.ErrInternal)
	}
	if body != nil {
		request.ContentLength = size
	}
	for key, values := range c.header {
		request.Header[key] = values
	}
	request.Header.Set("User-Agent", r.client.config.UserAgent)
	return request, nil
}
