package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	types "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// in returns a repository of a private registry.
func in(t *testing.T, r *acctest.Registry, name string, config Config, auth types.AuthConfig) *Repository {
	t.Helper()
	config.Log = hclog.NewNullLogger()
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	named, err := reference.ParseNormalizedNamed(r.Ref(name))
	if err != nil {
		t.Fatal(err)
	}
	repository, err := client.Repository(named, auth)
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

// push puts an image of one layer into a repository under the tag 1.
func push(t *testing.T, r *Repository) (ocispec.Descriptor, error) {
	t.Helper()
	blob := func(mediaType string, raw []byte) (ocispec.Descriptor, error) {
		desc := descOf(raw)
		desc.MediaType = mediaType
		_, err := r.PushBlob(t.Context(), desc, "", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
		return desc, err
	}
	config, err := blob(ocispec.MediaTypeImageConfig, []byte(`{"architecture":"amd64","os":"linux"}`))
	if err != nil {
		return config, err
	}
	layer, err := blob(ocispec.MediaTypeImageLayer, random(1000))
	if err != nil {
		return layer, err
	}
	raw, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer},
	})
	if err != nil {
		t.Fatal(err)
	}
	manifest := descOf(raw)
	manifest.MediaType = ocispec.MediaTypeImageManifest
	return manifest, r.PushManifest(t.Context(), "1", manifest, raw)
}

// TestTokenRegistry: a real registry that believes tokens alone, with each way to get one, and rights for the one thing that
// is done and nothing else.
func TestTokenRegistry(t *testing.T) {
	t.Parallel()
	const secret, identity = "s3cret-of-tests", "identity-of-tests"
	all := []string{"pull", "push", "delete"}
	service := acctest.NewTokenService(t, map[string]acctest.TokenUser{
		"":          {Actions: nil},
		"me":        {Password: secret, Actions: all},
		"_json_key": {Password: secret, Actions: all, OnlyGET: true},
		"acr":       {Refresh: identity, Actions: all},
		"reader":    {Password: secret, Actions: []string{"pull"}},
	})
	registry := acctest.NewTokenRegistry(t, service)
	for name, tc := range map[string]struct {
		auth types.AuthConfig
		as   string
		// pushes, pulls and deletes say what is let in.
		pushes, pulls, deletes bool
	}{
		"password by OAuth2":       {types.AuthConfig{Username: "me", Password: secret}, "me", true, true, true},
		"password by GET":          {types.AuthConfig{Username: "_json_key", Password: secret}, "_json_key", true, true, true},
		"identity token":           {types.AuthConfig{Username: "00000000-0000-0000-0000-000000000000", IdentityToken: identity}, "acr", true, true, true},
		"reader":                   {types.AuthConfig{Username: "reader", Password: secret}, "reader", false, true, false},
		"nobody":                   {auth: types.AuthConfig{}},
		"wrong password":           {auth: types.AuthConfig{Username: "me", Password: "wrong"}},
		"identity token that ends": {auth: types.AuthConfig{IdentityToken: "old"}},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: Granted is of all
			repository := "team/" + strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "-"))
			check := func(what string, allowed bool, err error) {
				t.Helper()
				if allowed && err != nil || !allowed && !errors.Is(err, errs.ErrUnauthorized) {
					t.Errorf("%s: %v, allowed: %v", what, err, allowed)
				}
				if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), identity)) {
					t.Errorf("%s: a secret is in the error: %v", what, err)
				}
			}
			r := in(t, registry, repository, Config{}, tc.auth)
			manifest, err := push(t, r)
			check("push", tc.pushes, err)
			if !tc.pushes {
				if manifest, err = push(t, in(t, registry, repository, Config{}, types.AuthConfig{Username: "me", Password: secret})); err != nil {
					t.Fatal(err)
				}
			}
			service.Granted()
			r = in(t, registry, repository, Config{}, tc.auth)
			found, err := r.Resolve(t.Context(), "1")
			check("resolve", tc.pulls, err)
			if tc.pulls && found.Digest != manifest.Digest {
				t.Errorf("found %s, want %s", found.Digest, manifest.Digest)
			}
			tags, err := r.Tags(t.Context())
			check("tags", tc.pulls, err)
			if tc.pulls && !cmp.Equal(tags, []string{"1"}) {
				t.Errorf("tags %v", tags)
			}
			if diff := cmp.Diff([]string{tc.as + ": repository:" + repository + ":pull"}, slices.Compact(service.Granted())); tc.pulls && diff != "" {
				t.Errorf("what reading asked the right for (-want +got):\n%s", diff)
			}
			check("delete", tc.deletes, r.Delete(t.Context(), manifest.Digest, "1"))
			if _, err := in(t, registry, repository, Config{}, types.AuthConfig{Username: "me", Password: secret}).Resolve(t.Context(), "1"); errors.Is(err, errs.ErrNotFound) != tc.deletes {
				t.Errorf("after deletion: %v", err)
			}
		})
	}
}

// TestAuthorityOfRegistry: a real registry with TLS and a password; its authority is a file or a text, and a wrong one is an
// error that says what to do. Though it is on the loopback interface.
func TestAuthorityOfRegistry(t *testing.T) {
	t.Parallel()
	auth := types.AuthConfig{Username: "me", Password: "s3cret-of-tests"}
	registry := acctest.NewTLSRegistry(t, acctest.Auth{Username: auth.Username, Password: auth.Password})
	image := registry.Ref("team/app:1")
	if _, err := push(t, in(t, registry, "team/app", Config{}, auth)); err != nil { // unverified, as engines do there
		t.Fatal(err)
	}
	other, err := acctest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(registry.Authority), 0o600); err != nil {
		t.Fatal(err)
	}
	advice := "certificate signed by unknown authority (name the authority that signed it: ca_file in the provider's registry_auth block for " + registry.Address
	for name, tc := range map[string]struct {
		authority Authority
		insecure  bool
		want      string
	}{
		"text":                {authority: Authority{Material: registry.Authority}},
		"file":                {authority: Authority{File: file}},
		"another":             {authority: Authority{Material: other}, want: advice},
		"another, unverified": {authority: Authority{Material: other}, insecure: true},
		"no certificate":      {authority: Authority{Material: "nothing"}, want: "certificate authority of registry " + registry.Address + ": the authority given has no certificate"},
		"no file":             {authority: Authority{File: file + "s"}, want: "ca.pems: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := Config{Authorities: map[string]Authority{registry.Address: tc.authority}, Log: hclog.NewNullLogger()}
			if tc.insecure {
				config.Insecure = []string{registry.Address}
			}
			client, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			named, err := reference.ParseNormalizedNamed(image)
			if err != nil {
				t.Fatal(err)
			}
			repository, err := client.Repository(named, auth)
			if err == nil {
				_, err = repository.Resolve(t.Context(), "1")
				err = Advise(err, image)
			} else if !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("%v is not of class invalid", err)
			}
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// TestAdvise: an error of the way to a registry names the way out, and has no word of ours at its end.
func TestAdvise(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	closed.Close()
	for name, tc := range map[string]struct{ host, want string }{
		"nobody listens": {closed.Listener.Addr().String(), "connection refused (see whether " + closed.Listener.Addr().String() + " is reachable from here: "},
		"no TLS":         {plain.Listener.Addr().String(), "server gave HTTP response to HTTPS client (the registry has no TLS: insecure_skip_verify allows that)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := Config{Log: hclog.NewNullLogger(), Authorities: map[string]Authority{}}
			authority, err := acctest.NewAuthority()
			if err != nil {
				t.Fatal(err)
			}
			config.Authorities[tc.host] = Authority{Material: authority} // to be asked with TLS alone
			client, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			named, err := reference.ParseNormalizedNamed(tc.host + "/team/app:1")
			if err != nil {
				t.Fatal(err)
			}
			repository, err := client.Repository(named, types.AuthConfig{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = repository.Resolve(t.Context(), "1")
			if !errors.Is(err, errs.ErrInternal) {
				t.Errorf("%v is not of class internal", err)
			}
			if err = Advise(err, named.String()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}
