package plugin

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyplugin "github.com/moby/moby/api/types/plugin"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// fake has one plugin, or none at all.
type fake struct{ none error }

func (f fake) NeedPlugins(context.Context) error { return f.none }

func (fake) PluginInspect(_ context.Context, name string, _ moby.PluginInspectOptions) (moby.PluginInspectResult, error) {
	if name != "p1" && name != "fs" && name != "fs:latest" {
		return moby.PluginInspectResult{}, fmt.Errorf("plugin %q not found: %w", name, errs.ErrNotFound)
	}
	p := mobyplugin.Plugin{ID: "p1long", Name: "fs:latest", PluginReference: "docker.io/team/fs:latest", Enabled: true}
	p.Config.Description = "does nothing"
	p.Config.Interface.Types = []mobyplugin.CapabilityID{{Prefix: "docker", Capability: "volumedriver", Version: "1.0"}}
	p.Settings.Env = []string{"MODE=", "DEBUG=1"}
	return moby.PluginInspectResult{Plugin: p}, nil
}

func TestRead(t *testing.T) {
	t.Parallel()
	str := types.StringValue
	for name, c := range map[string]struct {
		config Model
		fake   fake
		path   string
		class  error
		id     string
		alias  string
	}{
		"by id":       {config: Model{ID: str("p1")}, id: "p1", alias: "fs:latest"},
		"by alias":    {config: Model{Alias: str("fs")}, id: "p1long", alias: "fs"},
		"by both":     {config: Model{ID: str("p1"), Alias: str("docker.io/library/fs")}, id: "p1", alias: "docker.io/library/fs"},
		"that differ": {config: Model{ID: str("p1"), Alias: str("other")}, path: "alias", class: errs.ErrInvalid},
		"by nothing":  {path: "alias", class: errs.ErrInvalid},
		"no such id":  {config: Model{ID: str("x")}, path: "id", class: errs.ErrNotFound},
		"no plugins":  {config: Model{ID: str("p1")}, fake: fake{none: errs.ErrInvalid}, class: errs.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := DataSource{}.Read(t.Context(), c.fake, c.config)
			path, _ := contract.PathOf(err)
			if path != c.path || !errors.Is(err, c.class) {
				t.Fatalf("at %q: %v", path, err)
			}
			if err != nil {
				return
			}
			want := Model{
				ID: str(c.id), Alias: str(c.alias), Name: str("fs:latest"), PluginReference: str("docker.io/team/fs:latest"), Enabled: types.BoolValue(true),
				Env: env([]string{"DEBUG=1", "MODE="}), GrantAllPermissions: types.BoolNull(), Description: str("does nothing"), Interfaces: flatten.Texts([]string{"docker.volumedriver/1.0"}),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
