package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyplugin "github.com/moby/moby/api/types/plugin"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// engine has one plugin at most and a registry with one, which asks for two permissions and takes two variables.
type engine struct {
	plugin *mobyplugin.Plugin
	inUse  bool
	// fails are the calls that fail, with what.
	fails map[string]error
	// said is what the engine says while it installs.
	said  string
	calls []string
}

var asked = mobyplugin.Privileges{{Name: "network", Value: []string{"host"}}, {Name: "capabilities", Value: []string{"CAP_SYS_ADMIN", "CAP_NET_ADMIN"}}}

func (e *engine) called(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	e.calls = append(e.calls, call)
	name, _, _ := strings.Cut(call, " ")
	return e.fails[name]
}

func (e *engine) NeedPlugins(context.Context) error { return e.fails["need"] }

func (e *engine) RegistryAuth(context.Context, string) (string, error) {
	return "secret", e.fails["auth"]
}

func (e *engine) PluginInstall(ctx context.Context, name string, o moby.PluginInstallOptions) (moby.PluginInstallResult, error) {
	if !o.AcceptAllPermissions {
		if ok, err := o.AcceptPermissionsFunc(ctx, asked); !ok || err != nil {
			return moby.PluginInstallResult{}, err
		}
	}
	if err := e.called("install %s as %q disabled=%t auth=%s", o.RemoteRef, name, o.Disabled, o.RegistryAuth); err != nil {
		return moby.PluginInstallResult{}, err
	}
	if e.plugin != nil {
		return moby.PluginInstallResult{}, fmt.Errorf("plugin %s already exists: %w", name, errs.ErrConflict)
	}
	if name == "" {
		name = o.RemoteRef
	}
	zero, none := "0", ""
	p := mobyplugin.Plugin{ID: "p1", Name: imageref.Local(name), PluginReference: "docker.io/" + o.RemoteRef}
	p.Config.Env = []mobyplugin.Env{{Name: "DEBUG", Value: &zero, Settable: []string{"value"}}, {Name: "MODE", Value: &none, Settable: []string{"value"}}, {Name: "FIXED", Value: &zero}}
	p.Settings.Env = []string{"DEBUG=0", "MODE=", "FIXED=0"}
	if !strings.Contains(e.said, "error") {
		e.plugin = &p
	}
	return moby.PluginInstallResult{ReadCloser: io.NopCloser(strings.NewReader(e.said))}, nil
}

func (e *engine) found(name string) error {
	if e.plugin == nil || name != e.plugin.ID && name != e.plugin.Name {
		return fmt.Errorf("plugin %q not found: %w", name, errs.ErrNotFound)
	}
	return nil
}

func (e *engine) PluginInspect(_ context.Context, name string, _ moby.PluginInspectOptions) (moby.PluginInspectResult, error) {
	if err := errors.Join(e.called("inspect"), e.found(name)); err != nil {
		return moby.PluginInspectResult{}, err
	}
	p := *e.plugin
	p.Settings.Env = slices.Clone(p.Settings.Env)
	return moby.PluginInspectResult{Plugin: p}, nil
}

func (e *engine) PluginSet(_ context.Context, name string, o moby.PluginSetOptions) (moby.PluginSetResult, error) {
	if err := errors.Join(e.called("set %s", strings.Join(o.Args, ",")), e.found(name)); err != nil {
		return moby.PluginSetResult{}, err
	}
	if e.plugin.Enabled {
		return moby.PluginSetResult{}, fmt.Errorf("cannot set on an active plugin: %w", errs.ErrConflict)
	}
	for _, arg := range o.Args {
		name, _ := split(arg)
		i := slices.IndexFunc(e.plugin.Settings.Env, func(s string) bool { return strings.HasPrefix(s, name+"=") })
		if i < 0 || name == "FIXED" {
			return moby.PluginSetResult{}, fmt.Errorf("%q is not settable: %w", name, errs.ErrInvalid)
		}
		e.plugin.Settings.Env[i] = arg
	}
	return moby.PluginSetResult{}, nil
}

func (e *engine) PluginEnable(_ context.Context, name string, o moby.PluginEnableOptions) (moby.PluginEnableResult, error) {
	err := errors.Join(e.called("enable %d", o.Timeout), e.found(name))
	if err == nil {
		e.plugin.Enabled = true
	}
	return moby.PluginEnableResult{}, err
}

func (e *engine) PluginDisable(_ context.Context, name string, o moby.PluginDisableOptions) (moby.PluginDisableResult, error) {
	if err := errors.Join(e.called("disable force=%t", o.Force), e.found(name)); err != nil {
		return moby.PluginDisableResult{}, err
	}
	if e.inUse && !o.Force {
		return moby.PluginDisableResult{}, fmt.Errorf("plugin is in use: %w", errs.ErrConflict)
	}
	e.plugin.Enabled = false
	return moby.PluginDisableResult{}, nil
}

func (e *engine) PluginRemove(_ context.Context, name string, o moby.PluginRemoveOptions) (moby.PluginRemoveResult, error) {
	if err := errors.Join(e.called("remove force=%t", o.Force), e.found(name)); err != nil {
		return moby.PluginRemoveResult{}, err
	}
	if e.plugin.Enabled && !o.Force {
		return moby.PluginRemoveResult{}, fmt.Errorf("plugin is enabled: %w", errs.ErrConflict)
	}
	e.plugin = nil
	return moby.PluginRemoveResult{}, nil
}

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type config = map[string]attr.Value

func object(t *testing.T, r contract.Resource, values config) types.Object {
	t.Helper()
	all := r.Node().Empty()
	for name, v := range values {
		all[name] = v
	}
	o, err := r.Node().Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func str(s string) attr.Value { return types.StringValue(s) }

func strs(all ...string) attr.Value {
	values := []attr.Value{}
	for _, s := range all {
		values = append(values, str(s))
	}
	return types.SetValueMust(types.StringType, values)
}

func with(values ...any) config {
	c := config{"name": str("team/p:1"), "grant_all_permissions": types.BoolValue(true)}
	for i := 0; i < len(values); i += 2 {
		c[values[i].(string)] = values[i+1].(attr.Value)
	}
	return c
}

func plan(t *testing.T, r contract.Resource, e *engine, c config, observed types.Object) contract.Plan {
	t.Helper()
	if d := r.Validate(t.Context(), object(t, r, c)); d.HasError() {
		t.Fatal(d)
	}
	p, err := r.Plan(t.Context(), e, contract.Request{Config: object(t, r, c), Observed: observed})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func create(t *testing.T, r contract.Resource, e *engine, c config) types.Object {
	t.Helper()
	p := plan(t, r, e, c, r.Node().Null())
	made, err := r.Create(t.Context(), e, p.Planned)
	if err != nil {
		t.Fatal(err)
	}
	observed, err := r.Read(t.Context(), e, made)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range []types.Object{made, observed} {
		if err := r.Check(p.Planned, result); err != nil {
			t.Error(err)
		}
	}
	return observed
}

func changes(all contract.Changes) string {
	var words []string
	for _, c := range all {
		words = append(words, c.Path+" "+c.Effect.String())
	}
	return strings.Join(words, ", ")
}

func TestCreate(t *testing.T) {
	t.Parallel()
	install := func(name string) string { return fmt.Sprintf("install team/p:1 as %q disabled=true auth=secret", name) }
	for name, c := range map[string]struct {
		config config
		want   []string
		alias  string
	}{
		"plain":        {with(), []string{install(""), "inspect", "enable 0"}, "team/p:1"},
		"disabled":     {with("enabled", types.BoolValue(false)), []string{install(""), "inspect"}, "team/p:1"},
		"timeout":      {with("enable_timeout", types.Int64Value(7)), []string{install(""), "inspect", "enable 7"}, "team/p:1"},
		"alias":        {with("alias", str("fs")), []string{install("fs"), "inspect", "enable 0"}, "fs"},
		"settings":     {with("env", strs("DEBUG=1", "MODE=")), []string{install(""), "inspect", "set DEBUG=1", "enable 0"}, "team/p:1"},
		"as they are":  {with("env", strs("DEBUG=0")), []string{install(""), "inspect", "enable 0"}, "team/p:1"},
		"no variables": {with("env", strs()), []string{install(""), "inspect", "enable 0"}, "team/p:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, e := host(t), &engine{said: `{"status":"Downloading"}` + "\n" + `{"status":"done"}`}
			observed := create(t, r, e, c.config)
			if diff := cmp.Diff(c.want, e.calls[:len(e.calls)-1]); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if got := observed.Attributes()["alias"]; !got.Equal(str(c.alias)) {
				t.Errorf("alias %s", got)
			}
			if got := changes(plan(t, r, e, c.config, observed).Changes); got != "" {
				t.Errorf("plan afterwards: %s", got)
			}
		})
	}
}

func TestCreateFails(t *testing.T) {
	t.Parallel()
	granted := func(name string, values ...string) contract.Blocks[Grant] {
		return contract.BlocksOf(Grant{Name: types.StringValue(name), Value: strs(values...).(types.Set)})
	}
	for name, c := range map[string]struct {
		model      func(*Model)
		engine     engine
		path, text string
		class      error
		partial    bool
	}{
		"nothing granted": {func(m *Model) { m.GrantAllPermissions = types.BoolNull() }, engine{}, "grant_permissions",
			`capabilities ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"], network ["host"]; add grant_permissions blocks`, errs.ErrInvalid, false},
		"too little granted": {func(m *Model) {
			m.GrantAllPermissions, m.GrantPermissions = types.BoolNull(), granted("capabilities", "CAP_NET_ADMIN")
		}, engine{}, "grant_permissions", `not granted: capabilities ["CAP_SYS_ADMIN"], network ["host"];`, errs.ErrInvalid, false},
		"there already":    {nil, engine{plugin: &mobyplugin.Plugin{Name: "team/p:1"}}, "name", "import it (terraform import, cleat adopt)", errs.ErrConflict, false},
		"no access":        {nil, engine{fails: map[string]error{"install": errs.ErrUnauthorized}}, "name", "add a registry_auth block for docker.io", errs.ErrUnauthorized, false},
		"no plugin":        {nil, engine{fails: map[string]error{"install": errs.ErrNotFound}}, "name", "has no such plugin", errs.ErrNotFound, false},
		"said late":        {nil, engine{said: `{"status":"x"}{"error":"pull access denied"}`}, "name", "pull access denied", errs.ErrUnauthorized, false},
		"broken off":       {nil, engine{said: `{"status":"x"}{"error`}, "name", "stopped in the middle", errs.ErrUnavailable, false},
		"no start":         {nil, engine{fails: map[string]error{"enable": errs.ErrInternal}}, "enabled", "did not start", errs.ErrInternal, true},
		"no such variable": {func(m *Model) { m.Env = strs("FIXED=1").(types.Set) }, engine{}, "env", "it takes DEBUG, MODE", errs.ErrInvalid, true},
		"no credentials":   {nil, engine{fails: map[string]error{"auth": errs.ErrUnauthorized}}, "", "credentials of docker.io", errs.ErrUnauthorized, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Model{Name: types.StringValue("team/p:1"), Enabled: types.BoolValue(true), GrantAllPermissions: types.BoolValue(true), Env: types.SetUnknown(types.StringType), Alias: types.StringUnknown()}
			if c.model != nil {
				c.model(&m)
			}
			made, err := Type{}.Create(t.Context(), &c.engine, m)
			path, below := contract.PathOf(err)
			var partial *contract.Partial
			if path != c.path || errs.Class(err) != c.class || err == nil || !strings.Contains(below.Error(), c.text) || errors.As(err, &partial) != c.partial {
				t.Fatalf("at %q, class %v, %T: %v", path, errs.Class(err), err, err)
			}
			if c.partial && made.ID.ValueString() != "p1" {
				t.Errorf("id %s", made.ID)
			}
		})
	}
	all := Model{GrantPermissions: contract.BlocksOf(
		Grant{Name: types.StringValue("network"), Value: strs("host").(types.Set)},
		Grant{Name: types.StringValue("capabilities"), Value: strs("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_CHOWN").(types.Set)},
	)}
	if err := missing("p", asked, all); err != nil {
		t.Errorf("all is granted: %v", err)
	}
	if err := (Type{}).Supported(t.Context(), &engine{fails: map[string]error{"need": errs.ErrInvalid}}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("an engine without plugins: %v", err)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after config
		disturb       func(e *engine)
		plan          string
		want          []string
	}{
		"disable":            {with(), with("enabled", types.BoolValue(false)), nil, "enabled update", []string{"inspect", "disable force=false"}},
		"enable":             {with("enabled", types.BoolValue(false)), with(), nil, "enabled update", []string{"inspect", "enable 0"}},
		"set":                {with("env", strs("DEBUG=1")), with("env", strs("DEBUG=2")), nil, "env update", []string{"inspect", "disable force=false", "set DEBUG=2", "enable 0"}},
		"set while disabled": {with("enabled", types.BoolValue(false)), with("enabled", types.BoolValue(false), "env", strs("MODE=x")), nil, "env update", []string{"inspect", "set MODE=x"}},
		"give back":          {with("env", strs("DEBUG=1", "MODE=x")), with("env", strs("MODE=x")), nil, "env update", []string{"inspect", "disable force=false", "set DEBUG=0", "enable 0"}},
		"declare the preset": {with(), with("env", strs("DEBUG=0")), nil, "env update", []string{"inspect"}},
		"drift of settings":  {with("env", strs("DEBUG=1")), with("env", strs("DEBUG=1")), func(e *engine) { e.plugin.Settings.Env[0] = "DEBUG=5" }, "env update", []string{"inspect", "disable force=false", "set DEBUG=1", "enable 0"}},
		"drift of another":   {with("env", strs("DEBUG=1")), with("env", strs("DEBUG=1")), func(e *engine) { e.plugin.Settings.Env[1] = "MODE=x" }, "env update", []string{"inspect", "disable force=false", "set MODE=", "enable 0"}},
		"drift of state":     {with(), with(), func(e *engine) { e.plugin.Enabled = false }, "enabled update", []string{"inspect", "enable 0"}},
		"only recorded":      {with(), with("force_destroy", types.BoolValue(true), "enable_timeout", types.Int64Value(3), "force_disable", types.BoolValue(true)), nil, "enable_timeout update, force_destroy update, force_disable update", nil},
		"in use": {with(), with("enabled", types.BoolValue(false), "force_disable", types.BoolValue(true)), func(e *engine) { e.inUse = true }, "enabled update, force_disable update",
			[]string{"inspect", "disable force=true"}},
		"other plugin":  {with(), with("name", str("team/p:2")), nil, "name replace", nil},
		"other alias":   {with(), with("alias", str("fs")), nil, "alias replace", nil},
		"spelled":       {with("alias", str("fs")), with("name", str("docker.io/team/p:1"), "alias", str("fs:latest")), nil, "", nil},
		"its own alias": {with(), with("alias", str("team/p:1")), nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, e := host(t), &engine{}
			observed := create(t, r, e, c.before)
			if c.disturb != nil {
				c.disturb(e)
				var err error
				if observed, err = r.Read(t.Context(), e, observed); err != nil {
					t.Fatal(err)
				}
			}
			p := plan(t, r, e, c.after, observed)
			if diff := cmp.Diff(c.plan, changes(p.Changes)); diff != "" {
				t.Fatalf("plan (-want +got):\n%s", diff)
			}
			if len(p.Changes) == 0 || p.Changes.Effect() == contract.Replace {
				return
			}
			e.calls = nil
			result, err := r.Update(t.Context(), e, observed, p.Planned, p.Changes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if result, err = r.Read(t.Context(), e, result); err != nil {
				t.Fatal(err)
			}
			if err := r.Check(p.Planned, result); err != nil {
				t.Error(err)
			}
			if got := changes(plan(t, r, e, c.after, result).Changes); got != "" {
				t.Errorf("plan afterwards: %s", got)
			}
		})
	}
}

// A plugin whose settings are refused runs again as it did.
func TestUpdateFails(t *testing.T) {
	t.Parallel()
	r, e := host(t), &engine{}
	observed := create(t, r, e, with())
	p := plan(t, r, e, with("env", strs("FIXED=1")), observed)
	if _, err := r.Update(t.Context(), e, observed, p.Planned, p.Changes); !errors.Is(err, errs.ErrInvalid) || !e.plugin.Enabled {
		t.Errorf("runs: %t, %v", e.plugin.Enabled, err)
	}
	e.inUse = true
	p = plan(t, r, e, with("enabled", types.BoolValue(false)), observed)
	if _, err := r.Update(t.Context(), e, observed, p.Planned, p.Changes); !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "set force_disable") {
		t.Errorf("in use: %v", err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config config
		change func(e *engine)
		want   []string
		class  error
	}{
		"runs":          {with(), nil, []string{"remove force=false", "disable force=false", "remove force=false"}, nil},
		"does not run":  {with("enabled", types.BoolValue(false)), nil, []string{"remove force=false"}, nil},
		"gone":          {with(), func(e *engine) { e.plugin = nil }, []string{"remove force=false"}, nil},
		"in use":        {with(), func(e *engine) { e.inUse = true }, []string{"remove force=false", "disable force=false"}, errs.ErrConflict},
		"in use, force": {with("force_destroy", types.BoolValue(true)), func(e *engine) { e.inUse = true }, []string{"remove force=true"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, e := host(t), &engine{}
			observed := create(t, r, e, c.config)
			if c.change != nil {
				c.change(e)
			}
			e.calls = nil
			if err := r.Delete(t.Context(), e, observed); errs.Class(err) != c.class {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(c.want, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"p1", "fs:latest"} {
		r, e := host(t), &engine{}
		create(t, r, e, with("alias", str("fs"), "env", strs("DEBUG=1")))
		imported, err := r.Import(t.Context(), e, id)
		if err != nil {
			t.Fatal(err)
		}
		c := with("alias", str("fs"), "env", strs("DEBUG=1"))
		if got := changes(plan(t, r, e, c, imported).Changes); got != "grant_all_permissions update" { // nobody reports what was granted
			t.Errorf("%s: plan after import: %s", id, got)
		}
	}
	if _, err := host(t).Import(t.Context(), &engine{}, "x"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("no such plugin: %v", err)
	}
}

func TestValidateAndClaims(t *testing.T) {
	t.Parallel()
	r := host(t)
	twice := Model{GrantAllPermissions: types.BoolValue(true), GrantPermissions: contract.BlocksOf(Grant{})}
	if d := (Type{}).Validate(t.Context(), twice); !d.HasError() {
		t.Error("all and some are granted")
	}
	for name, c := range map[string]config{
		"name": with("name", str("A B")), "alias": with("alias", str("p@sha256:"+strings.Repeat("ab", 32))), "env": with("env", strs("DEBUG")),
		"twice": with("env", strs("A=1", "A=2")), "timeout": with("enable_timeout", types.Int64Value(-1)),
	} {
		if d := r.Validate(t.Context(), object(t, r, c)); !d.HasError() {
			t.Errorf("%s is taken", name)
		}
	}
	for want, m := range map[string]Model{
		"plugin name team/p:latest": {Name: types.StringValue("team/p")}, "plugin name fs:latest": {Name: types.StringValue("team/p"), Alias: types.StringValue("fs")},
	} {
		got := Type{}.Claims(m)
		if len(got) != 1 || string(got[0].Kind)+" "+got[0].Value != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	if got := (Type{}).Claims(Model{Name: types.StringUnknown()}); got != nil {
		t.Errorf("an unknown name claims %v", got)
	}
}

// Whatever an engine says, reading it ends, and a failure it tells is one.
func FuzzDrain(f *testing.F) {
	for _, s := range []string{"", "{}", `{"error":"x"}`, `{"status":1}`, `[`, `{"error":""}{"error":"denied"}`, "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := drain(strings.NewReader(s)); err != nil && errs.Class(err) == nil {
			t.Errorf("%q: %v has no class", s, err)
		}
	})
}
