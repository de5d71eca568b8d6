package registry

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	types "github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// Tokens are those of the service a real registry names, by each kind of credentials, and the registry believes them.
func TestToken(t *testing.T) {
	t.Parallel()
	const secret, identity = "s3cret-of-tests", "identity-of-tests"
	service := acctest.NewTokenService(t, map[string]acctest.TokenUser{
		"":    {Actions: []string{"pull"}},
		"me":  {Password: secret, Actions: []string{"pull", "push"}},
		"old": {Password: secret, Actions: []string{"pull"}, OnlyGET: true},
		"acr": {Refresh: identity, Actions: []string{"pull"}},
	})
	registry := acctest.NewTokenRegistry(t, service)
	c, err := New(Config{Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		auth    types.AuthConfig
		granted []string
		refused bool
	}{
		"OAuth2":         {auth: types.AuthConfig{Username: "me", Password: secret}, granted: []string{"me: repository:team/a:pull,push", "me: registry:catalog:"}},
		"GET":            {auth: types.AuthConfig{Username: "old", Password: secret}, granted: []string{"old: repository:team/a:pull", "old: registry:catalog:"}},
		"identity token": {auth: types.AuthConfig{IdentityToken: identity}, granted: []string{"acr: repository:team/a:pull", "acr: registry:catalog:"}},
		"nobody":         {granted: []string{": repository:team/a:pull", ": registry:catalog:"}},
		"wrong password": {auth: types.AuthConfig{Username: "me", Password: "wrong-secret"}, refused: true},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: Granted is of all
			before := time.Now()
			token, err := c.Token(t.Context(), registry.Address, []string{"repository:team/a:pull,push", "registry:catalog:*"}, tc.auth)
			if tc.refused {
				if !errors.Is(err, errs.ErrUnauthorized) || strings.Contains(err.Error(), "wrong-secret") {
					t.Errorf("error %v, want unauthorized", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.granted, service.Granted()); diff != "" {
				t.Errorf("granted (-want +got):\n%s", diff)
			}
			if lower, upper := before.Add(300*time.Second), time.Now().Add(300*time.Second); token.Expires.Before(lower) || token.Expires.After(upper) {
				t.Errorf("expires %s, want between %s and %s", token.Expires, lower, upper)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+registry.Address+"/v2/team/a/tags/list", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token.Value)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusNotFound { // let in: there is no such repository
				t.Errorf("the registry answers the token with %s", response.Status)
			}
		})
	}
}

// What gives no tokens says why; what a service leaves out has the specification's value.
func TestTokenOddities(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		challenge string
		answer    any
		auth      types.AuthConfig
		want      Token
		life      time.Duration
		err       string
	}{
		"everybody":      {err: "lets everybody in"},
		"basic":          {challenge: `Basic realm="x"`, err: "wants user name and password"},
		"no realm":       {challenge: `Bearer service="x"`, err: "names no service for tokens"},
		"no token":       {challenge: `Bearer realm="%/token",service="x"`, answer: map[string]any{}, err: "did not include a token"},
		"nothing more":   {challenge: `Bearer realm="%/token",service="x"`, answer: map[string]any{"access_token": "T"}, want: Token{Value: "T"}, life: time.Minute},
		"issued":         {challenge: `Bearer realm="%/token"`, answer: map[string]any{"token": "T", "issued_at": "2026-01-02T03:04:05Z", "expires_in": 10}, want: Token{Value: "T", Expires: time.Date(2026, 1, 2, 3, 4, 15, 0, time.UTC)}},
		"of the machine": {auth: types.AuthConfig{RegistryToken: "R"}, want: Token{Value: "R"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(nil)
			t.Cleanup(server.Close)
			server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/token":
					_ = json.NewEncoder(w).Encode(tc.answer)
				case tc.challenge != "":
					w.Header().Set("WWW-Authenticate", strings.ReplaceAll(tc.challenge, "%", server.URL))
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			c, err := New(Config{Log: hclog.NewNullLogger()})
			if err != nil {
				t.Fatal(err)
			}
			before := time.Now()
			got, err := c.Token(t.Context(), strings.TrimPrefix(server.URL, "http://"), []string{"repository:a:pull"}, tc.auth)
			if err == nil && tc.err != "" || err != nil && (tc.err == "" || !strings.Contains(err.Error(), tc.err)) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			if tc.life > 0 && !got.Expires.Before(before.Add(tc.life)) {
				got.Expires = time.Time{}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("token (-want +got):\n%s", diff)
			}
		})
	}
}
