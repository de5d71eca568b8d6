package apply_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// What the engine made for an apply that was killed meanwhile may be there only after the next one has planned. It is
// taken when it is what was to be made, and made anew when it is not and may go; anything else of that name stays a conflict.
func TestCreatedLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made    string // by the apply that was killed
		foreign bool
		want    string
		planned string // beside the name
	}{
		"as planned":       {net("front", ""), false, "", ""},
		"not as planned":   {net("front", "color = \"red\""), false, "", ""},
		"protected":        {net("front", "color = \"red\""), false, `network name "front" is taken`, "lifecycle {\n prevent_destroy = true\n}"},
		"somebody else's":  {"", true, `network name "front" is taken`, ""},
		"another address":  {strings.Replace(net("front", ""), "docker_network\" \"front", "docker_network\" \"other", 1), false, `network name "front" is taken`, ""},
		"nothing was late": {"", false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.plan(net("front", c.planned), options{})
			if c.made != "" {
				w.run(c.made, options{})
			}
			if c.foreign {
				w.engine("").foreign("network", thing{Name: types.StringValue("front")})
			}
			end := p.apply(t.Context())
			if c.want != "" {
				if !strings.Contains(end.errs, c.want) {
					t.Errorf("ended with %q, want %q", end.errs, c.want)
				}
				return
			}
			want(t, "errors", end.errs, "")
			want(t, "plan afterwards", w.plan(net("front", c.planned), options{}).text(), "")
		})
	}
}
