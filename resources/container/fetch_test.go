package container

import (
	"errors"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// TestCreatePulls: an image the engine lacks is pulled, once, and only one that has a name.
func TestCreatePulls(t *testing.T) {
	t.Parallel()
	id := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		image, platform string
		fail            string
		calls           []string
		want            error
	}{
		"there":    {"h2base", "", "", []string{"create web", "start"}, nil},
		"missing":  {"registry.test/app:v1", "", "", []string{"create web", "pull registry.test/app:v1 auth=secret platforms=0", "create web", "start"}, nil},
		"platform": {"app:v1", "linux/arm64", "", []string{"create web", "pull app:v1 auth=secret platforms=1", "create web", "start"}, nil},
		"an id":    {id, "", "", []string{"create web"}, errs.ErrNotFound},
		"refused":  {"app:v1", "", "pull", []string{"create web", "pull app:v1 auth=secret platforms=0"}, errs.ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			if c.fail != "" {
				e.fail[c.fail] = cerrdefs.ErrUnauthenticated
			}
			m := declared(func(m *Model) {
				m.Image = str(c.image)
				if c.platform != "" {
					m.Platform = str(c.platform)
				}
			})
			p := plan(t, e, object(t, m), host(t).Node().Null())
			e.calls = nil
			_, err := host(t).Create(t.Context(), e, p.Planned)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if at, _ := contract.PathOf(err); err != nil && at != "image" {
				t.Errorf("error of %q: %v", at, err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		image types.String
		calls []string
	}{
		"there":   {str("h2base"), []string{"image"}},
		"missing": {str("app:v1"), []string{"image", "pull app:v1 auth=secret platforms=0"}},
		"an id":   {str("sha256:" + strings.Repeat("0", 64)), nil},
		"unknown": {types.StringUnknown(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			if err := host(t).Fetch(t.Context(), e, object(t, declared(func(m *Model) { m.Image = c.image }))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}
