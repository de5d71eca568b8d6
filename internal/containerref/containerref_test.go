package containerref_test

import (
	"testing"

	"github.com/cleat-dev/cleat/internal/containerref"
)

func TestName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names []string
		want  string
	}{
		"its own":            {[]string{"/web"}, "web"},
		"podman's":           {[]string{"web"}, "web"},
		"that of a link too": {[]string{"/proxy/backend", "/web"}, "web"},
		"only that":          {[]string{"/proxy/backend"}, ""},
		"none":               {nil, ""},
	} {
		if got := containerref.Name(c.names); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
