package registryimagetags

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

func TestRead(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/none/tags/list":
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}`)
		case r.URL.Query().Get("last") == "":
			w.Header().Set("Link", `</v2/team/app/tags/list?last=1.9.0>; rel="next"`)
			fmt.Fprint(w, `{"tags":["latest","1.10.0","1.9.0"]}`)
		default:
			fmt.Fprint(w, `{"tags":["1.10.0-rc.1","1.10","v2.0.0","01.0.0","2"]}`)
		}
	}))
	t.Cleanup(s.Close)
	host := s.Listener.Addr().String()
	registries, err := client.NewRegistries([]client.RegistryAuth{{Address: host, AuthDisabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	name := types.StringValue(host + "/team/app")
	for strict, want := range map[bool][]string{
		false: {"01.0.0", "1.10", "1.10.0", "1.10.0-rc.1", "1.9.0", "2", "latest", "v2.0.0"},
		true:  {"1.9.0", "1.10.0-rc.1", "1.10.0"},
	} {
		got, err := DataSource{}.Read(t.Context(), registries, Model{Name: name, StrictSemver: types.BoolValue(strict)})
		if err != nil {
			t.Fatal(err)
		}
		answer := Model{ID: name, Name: name, StrictSemver: types.BoolValue(strict), Tags: flatten.Texts(want)}
		if diff := cmp.Diff(answer, got); diff != "" {
			t.Errorf("strict %t (-want +got):\n%s", strict, diff)
		}
	}
	_, err = DataSource{}.Read(t.Context(), registries, Model{Name: types.StringValue(host + "/none")})
	if at, _ := contract.PathOf(err); at != "name" || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("at %q: %v", at, err)
	}
}
