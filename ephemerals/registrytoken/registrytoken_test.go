package registrytoken

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Registries)(nil)

// fake is registries that note what they are asked for.
type fake struct {
	asked []string
	token registry.Token
	err   error
}

func (f *fake) Token(_ context.Context, address string, scopes []string, _ client.RegistryAccess) (registry.Token, error) {
	f.asked = append([]string{address}, scopes...)
	return f.token, f.err
}

func set(words ...string) types.Set {
	var all []attr.Value
	for _, w := range words {
		all = append(all, types.StringValue(w))
	}
	return types.SetValueMust(types.StringType, all)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	none, text := types.SetNull(types.StringType), types.StringValue
	ends := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		m       Model
		fake    fake
		asked   []string
		expires types.String
		at, err string
	}{
		"repository":       {m: Model{Address: text("r.example.com:5000"), Repository: text("team/app"), Actions: none, Scopes: none}, fake: fake{token: registry.Token{Value: "T", Expires: ends}}, asked: []string{"r.example.com:5000", "repository:team/app:pull"}, expires: text("2026-01-02T03:04:05Z")},
		"of Docker Hub":    {m: Model{Address: text("docker.io"), Repository: text("nginx"), Actions: set("push", "pull"), Scopes: none}, fake: fake{token: registry.Token{Value: "T"}}, asked: []string{"docker.io", "repository:library/nginx:pull,push"}, expires: types.StringNull()},
		"an old address":   {m: Model{Address: text("https://index.docker.io/v1/"), Repository: text("me/x"), Actions: none, Scopes: set("registry:catalog:*")}, fake: fake{token: registry.Token{Value: "T"}}, asked: []string{"https://index.docker.io/v1/", "repository:me/x:pull", "registry:catalog:*"}, expires: types.StringNull()},
		"scopes":           {m: Model{Address: text("r.example.com"), Actions: none, Scopes: set("b:c:d", "a:b:c")}, fake: fake{token: registry.Token{Value: "T"}}, asked: []string{"r.example.com", "a:b:c", "b:c:d"}, expires: types.StringNull()},
		"nothing":          {m: Model{Address: text("r.example.com"), Actions: none, Scopes: none}, at: "repository", err: "one of repository and scopes"},
		"actions of none":  {m: Model{Address: text("r.example.com"), Actions: set("pull"), Scopes: set("a:b:c")}, at: "actions", err: "there is none"},
		"who has no right": {m: Model{Address: text("r.example.com"), Repository: text("a"), Actions: none, Scopes: none}, fake: fake{err: errs.ErrUnauthorized}, asked: []string{"r.example.com", "repository:a:pull"}, at: "address", err: "registry_auth block for r.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Ephemeral{}.Open(t.Context(), &c.fake, c.m)
			if at, _ := contract.PathOf(err); err == nil && c.err != "" || err != nil && (c.err == "" || at != c.at || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("error %v at %q, want %q at %q", err, at, c.err, c.at)
			}
			if diff := cmp.Diff(c.asked, c.fake.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if err == nil && (got.Token.ValueString() != "T" || !got.ExpiresAt.Equal(c.expires)) {
				t.Errorf("token %s until %s, want T until %s", got.Token, got.ExpiresAt, c.expires)
			}
		})
	}
}
