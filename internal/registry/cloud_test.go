package registry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	types "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// cloud is a registry of one image, team/app:1, that behaves as one of the clouds does.
type cloud struct {
	// challenge is what an anonymous request is answered with; REALM stands for the token service.
	challenge string
	// token answers the token service.
	token func(w http.ResponseWriter, r *http.Request)
	// accepts is the Authorization header that lets in.
	accepts string
	// noHead and noDigest are of registries that answer no HEAD, and name no digest.
	noHead, noDigest bool
	// keepsTagged refuses to delete a manifest that has a tag, keepsAll anything.
	keepsTagged, keepsAll bool

	realm string
	mu    sync.Mutex
	calls []string
	gone  map[string]bool
}

var (
	cloudManifest = []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `","config":{},"layers":[]}`)
	cloudDigest   = digest.FromBytes(cloudManifest)
)

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/token" {
		c.calls = append(c.calls, r.Method+" token")
		c.token(w, r)
		return
	}
	reference, ok := strings.CutPrefix(r.URL.Path, "/v2/team/app/manifests/")
	if got := r.Header.Get("Authorization"); got != c.accepts {
		status := http.StatusUnauthorized
		if got != "" && !strings.HasPrefix(c.challenge, "Basic") {
			status = http.StatusForbidden
		}
		w.Header().Set("WWW-Authenticate", strings.ReplaceAll(c.challenge, "REALM", c.realm))
		w.WriteHeader(status)
		fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"Not Authorized"}]}`)
		return
	}
	c.calls = append(c.calls, r.Method+" "+strings.TrimPrefix(reference, "sha256:")[:1])
	switch {
	case !ok || c.gone[reference] || c.gone[cloudDigest.String()]:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`)
	case r.Method == http.MethodDelete && (c.keepsAll || c.keepsTagged && reference != "1" && !c.gone["1"]):
		w.WriteHeader(http.StatusMethodNotAllowed)
		fmt.Fprint(w, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`)
	case r.Method == http.MethodDelete:
		c.gone[reference] = true
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodHead && c.noHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		if !c.noDigest {
			w.Header().Set("Docker-Content-Digest", cloudDigest.String())
		}
		send(w, ocispec.MediaTypeImageManifest, cloudManifest)
	}
}

func (c *cloud) start(t *testing.T, auth types.AuthConfig) *Repository {
	t.Helper()
	c.gone = map[string]bool{}
	r, s := serve(t, Config{}, auth, c.ServeHTTP)
	c.realm = s.URL + "/token"
	return r
}

// tokens answer with a token that lets in when a request satisfies allowed.
func tokens(field string, allowed func(r *http.Request) bool) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || !allowed(r) {
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{field: "let-me-in", "expires_in": 300})
	}
}

func basicAuth(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestClouds: how the clouds' registries let in, and what they answer to those they do not know. Passwords are in no error.
func TestClouds(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-of-the-cloud"
	withPassword := func(user string) func(r *http.Request) bool {
		return func(r *http.Request) bool {
			u, p, _ := r.BasicAuth()
			return r.Method == http.MethodGet && u == user && p == secret
		}
	}
	for name, tc := range map[string]struct {
		cloud *cloud
		auth  types.AuthConfig
		calls []string
		want  error
	}{
		"ECR": {
			cloud: &cloud{challenge: `Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"`, accepts: basicAuth("AWS", secret)},
			auth:  types.AuthConfig{Username: "AWS", Password: secret}, calls: []string{"HEAD 1"},
		},
		"ECR, token expired": {
			cloud: &cloud{challenge: `Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"`, accepts: "nothing"},
			auth:  types.AuthConfig{Username: "AWS", Password: secret}, want: errs.ErrUnauthorized,
		},
		"GCR, key of a service account": {
			cloud: &cloud{challenge: `Bearer realm="REALM",service="gcr.io",scope="repository:team/app:pull"`, accepts: "Bearer let-me-in", token: tokens("token", withPassword("_json_key"))},
			auth:  types.AuthConfig{Username: "_json_key", Password: secret}, calls: []string{"POST token", "GET token", "HEAD 1"},
		},
		"ACR, identity token": {
			cloud: &cloud{challenge: `Bearer realm="REALM",service="x.azurecr.io",scope="repository:team/app:pull"`, accepts: "Bearer let-me-in", token: tokens("access_token", func(r *http.Request) bool {
				return r.Method == http.MethodPost && r.PostForm.Get("grant_type") == "refresh_token" && r.PostForm.Get("refresh_token") == secret &&
					strings.Contains(r.PostForm.Get("scope"), "repository:team/app:pull")
			})},
			auth:  types.AuthConfig{Username: "00000000-0000-0000-0000-000000000000", IdentityToken: secret},
			calls: []string{"POST token", "HEAD 1"},
		},
		"ACR, identity token expired": {
			cloud: &cloud{challenge: `Bearer realm="REALM",service="x.azurecr.io"`, accepts: "Bearer let-me-in", token: tokens("access_token", func(*http.Request) bool { return false })},
			auth:  types.AuthConfig{IdentityToken: secret}, calls: []string{"POST token", "GET token"}, want: errs.ErrUnauthorized,
		},
		"OAuth2 with a password": {
			cloud: &cloud{challenge: `Bearer realm="REALM",service="s"`, accepts: "Bearer let-me-in", token: tokens("access_token", func(r *http.Request) bool {
				return r.Method == http.MethodPost && r.PostForm.Get("grant_type") == "password" && r.PostForm.Get("password") == secret
			})},
			auth: types.AuthConfig{Username: "me", Password: secret}, calls: []string{"POST token", "HEAD 1"},
		},
		"anonymous": {
			cloud: &cloud{challenge: `Bearer realm="REALM",service="s"`, accepts: "Bearer let-me-in", token: tokens("token", func(r *http.Request) bool {
				_, _, any := r.BasicAuth()
				return r.Method == http.MethodGet && !any
			})},
			calls: []string{"GET token", "HEAD 1"},
		},
		"token that does not let in": {
			cloud: &cloud{challenge: `Bearer realm="REALM",service="s"`, accepts: "another", token: tokens("token", withPassword("me"))},
			auth:  types.AuthConfig{Username: "me", Password: secret}, calls: []string{"POST token", "GET token"}, want: errs.ErrUnauthorized,
		},
		"wrong password": {
			cloud: &cloud{challenge: `Bearer realm="REALM",service="s"`, accepts: "Bearer let-me-in", token: tokens("token", func(*http.Request) bool { return false })},
			auth:  types.AuthConfig{Username: "me", Password: secret}, calls: []string{"POST token", "GET token"}, want: errs.ErrUnauthorized,
		},
		"no scheme we know": {
			cloud: &cloud{challenge: `Negotiate`, accepts: "x"},
			auth:  types.AuthConfig{Username: "me", Password: secret}, want: errs.ErrUnauthorized,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desc, err := tc.cloud.start(t, tc.auth).Resolve(t.Context(), "1")
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || err == nil && desc.Digest != cloudDigest {
				t.Errorf("%v, %v, want %v", desc, err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the password is in the error: %v", err)
			}
			if diff := cmp.Diff(tc.calls, tc.cloud.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// TestResolve: a digest is found also where a registry does not answer HEAD, or does not name it; a liar is not believed.
func TestResolve(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cloud *cloud
		ref   string
		calls []string
		want  error
	}{
		"tag":       {&cloud{}, "1", []string{"HEAD 1"}, nil},
		"digest":    {&cloud{}, cloudDigest.String(), []string{"HEAD " + cloudDigest.Encoded()[:1]}, nil},
		"no HEAD":   {&cloud{noHead: true}, "1", []string{"HEAD 1", "GET 1"}, nil},
		"no digest": {&cloud{noDigest: true}, "1", []string{"HEAD 1", "GET 1"}, nil},
		"another":   {&cloud{}, digest.FromString("x").String(), []string{"HEAD 2"}, errs.ErrInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desc, err := tc.cloud.start(t, types.AuthConfig{}).Resolve(t.Context(), tc.ref)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || err == nil && (desc.Digest != cloudDigest || desc.MediaType != ocispec.MediaTypeImageManifest) {
				t.Errorf("%v, %v, want %v", desc, err, tc.want)
			}
			if diff := cmp.Diff(tc.calls, tc.cloud.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		c := &cloud{}
		r := c.start(t, types.AuthConfig{})
		c.gone["1"] = true
		if _, err := r.Resolve(t.Context(), "1"); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		r, _ := serve(t, Config{StallTimeout: 200 * time.Millisecond}, types.AuthConfig{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		if _, err := r.Resolve(t.Context(), "1"); !errors.Is(err, errs.ErrInternal) {
			t.Errorf("%v", err)
		}
	})
}

// TestDelete: by digest, or by tag first where a manifest with tags may not go, and with the right to delete asked for.
func TestDelete(t *testing.T) {
	t.Parallel()
	hex := cloudDigest.Encoded()[:1]
	scopes := make(chan string, 1)
	scoped := &cloud{challenge: `Bearer realm="REALM",service="s"`, accepts: "Bearer let-me-in", token: tokens("token", func(r *http.Request) bool {
		scopes <- strings.Join(r.Form["scope"], " ")
		return true
	})}
	for name, tc := range map[string]struct {
		cloud *cloud
		tag   string
		calls []string
		want  error
	}{
		"by digest":         {&cloud{}, "1", []string{"DELETE " + hex}, nil},
		"GCR":               {&cloud{keepsTagged: true}, "1", []string{"DELETE " + hex, "DELETE 1", "DELETE " + hex}, nil},
		"GCR, no tag":       {&cloud{keepsTagged: true}, "", []string{"DELETE " + hex}, errs.ErrConflict},
		"ECR":               {&cloud{keepsAll: true}, "1", []string{"DELETE " + hex, "DELETE 1"}, errs.ErrConflict},
		"not for everybody": {&cloud{accepts: "x"}, "1", nil, errs.ErrUnauthorized},
		"scope":             {scoped, "1", []string{"GET token", "DELETE " + hex}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tc.cloud.start(t, types.AuthConfig{})
			err := r.Delete(t.Context(), cloudDigest, tc.tag)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("%v, want %v", err, tc.want)
			}
			if diff := cmp.Diff(tc.calls, tc.cloud.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if tc.want == nil {
				if err := r.Delete(t.Context(), cloudDigest, tc.tag); err != nil {
					t.Errorf("again: %v", err)
				}
			}
			if tc.cloud == scoped {
				if got := <-scopes; !slices.Contains(strings.Split(got, ","), "delete") {
					t.Errorf("scope %q has no delete", got)
				}
			}
		})
	}
}
