package registryimage

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

func TestRead(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x").String()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/v2/secret/"):
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodHead && (r.URL.Path == "/v2/team/app/manifests/latest" || r.URL.Path == "/v2/team/app/manifests/"+d):
			w.Header().Set("Docker-Content-Digest", d)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	host := s.Listener.Addr().String()
	registries, err := client.NewRegistries([]client.RegistryAuth{{Address: host, AuthDisabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"/team/app": nil, "/team/app:latest": nil, "/team/app:1@" + d: nil, "/team/app:2": errs.ErrNotFound, "/secret/app": errs.ErrUnauthorized,
	} {
		asked := Model{Name: types.StringValue(host + name)}
		got, err := DataSource{}.Read(t.Context(), registries, asked)
		if want != nil {
			if at, _ := contract.PathOf(err); at != "name" || !errors.Is(err, want) || errors.Is(want, errs.ErrUnauthorized) && !strings.Contains(err.Error(), "registry_auth") {
				t.Errorf("%s: at %q: %v", name, at, err)
			}
			continue
		}
		asked.ID, asked.SHA256Digest = types.StringValue(d), types.StringValue(d)
		if diff := cmp.Diff(asked, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}
