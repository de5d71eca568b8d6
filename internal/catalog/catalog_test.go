package catalog

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Every type and data source fits the contract, has a documented schema and a name of its own.
func TestCatalogIsSound(t *testing.T) {
	t.Parallel()
	resources, err := Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range resources {
		if seen[r.Name()] {
			t.Errorf("resource %q is listed twice", r.Name())
		}
		seen[r.Name()] = true
		undocumented(t, "docker_"+r.Name(), r.Node())
	}
	data, err := DataSources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen = map[string]bool{}
	for _, d := range data {
		if seen[d.Name()] {
			t.Errorf("data source %q is listed twice", d.Name())
		}
		seen[d.Name()] = true
		undocumented(t, "data docker_"+d.Name(), d.Node())
	}
	n, err := contract.CompileProvider(t.Context(), Provider())
	if err != nil {
		t.Fatal(err)
	}
	undocumented(t, "provider", n)
}

func undocumented(t *testing.T, at string, n *contract.Node) {
	t.Helper()
	if n.Description == "" && !strings.Contains(at, ".") {
		t.Errorf("%s: no description", at)
	}
	for _, a := range n.Attributes {
		if a.Description == "" {
			t.Errorf("%s.%s: no description", at, a.Name)
		}
	}
	for _, b := range n.Blocks {
		if b.Description == "" {
			t.Errorf("%s.%s: no description", at, b.Name)
		}
		undocumented(t, at+"."+b.Name, b.Node)
	}
}

// block returns a provider block with these values, the rest not given.
func block(t *testing.T, given map[string]attr.Value, registries ...map[string]attr.Value) types.Object {
	t.Helper()
	n, err := contract.CompileProvider(t.Context(), Provider())
	if err != nil {
		t.Fatal(err)
	}
	values := n.Empty()
	maps.Copy(values, given)
	if len(registries) > 0 {
		auth, _ := n.Block("registry_auth")
		items := make([]attr.Value, len(registries))
		for i, r := range registries {
			item := auth.Node.Empty()
			maps.Copy(item, r)
			if items[i], err = auth.Node.Object(item); err != nil {
				t.Fatal(err)
			}
		}
		values["registry_auth"] = types.SetValueMust(auth.Node.Type(), items)
	}
	object, err := n.Object(values)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// engines are bundled_engine blocks with these values, the rest not given.
func engines(t *testing.T, given ...map[string]attr.Value) types.List {
	t.Helper()
	n, err := contract.CompileProvider(t.Context(), Provider())
	if err != nil {
		t.Fatal(err)
	}
	engine, _ := n.Block("bundled_engine")
	items := make([]attr.Value, len(given))
	for i, g := range given {
		values := engine.Node.Empty()
		maps.Copy(values, g)
		if items[i], err = engine.Node.Object(values); err != nil {
			t.Fatal(err)
		}
	}
	return types.ListValueMust(engine.Node.Type(), items)
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		if i := slices.Index(pairs, name); i >= 0 {
			return pairs[i+1]
		}
		return ""
	}
}

type values = map[string]attr.Value

var s = types.StringValue

func TestHostOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		block types.Object
		env   func(string) string
		want  Host
		// wakes: an engine is to be started first.
		wakes bool
	}{
		"nothing": {block: block(t, nil), env: env(), want: Host{}},
		"all": {
			block: block(t, values{
				"host": s("tcp://h:1"), "ca_material": s("CA"), "cert_material": s("C"), "key_material": s("K"),
				"ssh_opts":                    types.ListValueMust(types.StringType, []attr.Value{s("-o"), s("A=b")}),
				"disable_docker_daemon_check": types.BoolValue(true),
			}),
			env: env("DOCKER_CA_MATERIAL", "other"),
			want: Host{Unchecked: true, Config: client.Config{
				Host: "tcp://h:1", CAMaterial: "CA", CertMaterial: "C", KeyMaterial: "K", SSHOpts: []string{"-o", "A=b"},
			}},
		},
		"material from the environment": {
			block: block(t, nil), env: env("DOCKER_CA_MATERIAL", "CA", "DOCKER_CERT_MATERIAL", "C", "DOCKER_KEY_MATERIAL", "K"),
			want: Host{Config: client.Config{CAMaterial: "CA", CertMaterial: "C", KeyMaterial: "K"}},
		},
		"cert_path before the environment": {
			block: block(t, values{"cert_path": s("/c")}), env: env("DOCKER_CA_MATERIAL", "CA"),
			want: Host{Config: client.Config{CertPath: "/c"}},
		},
		"context overrides host": {
			block: block(t, values{"host": s("tcp://h:1"), "context": s("far")}), env: env(),
			want: Host{Config: client.Config{Context: "far"}},
		},
		"bundled engine": {
			block: block(t, values{"bundled_engine": engines(t, nil)}), env: env("DOCKER_HOST", "tcp://h:1"),
			want: Host{Config: client.Config{Host: "unix:///run/cleat/cleat.sock"}}, wakes: true,
		},
		"bundled engine below a directory": {
			block: block(t, values{"bundled_engine": engines(t, nil)}), env: env("CLEAT_ENGINE_DIR", "/x"),
			want: Host{Config: client.Config{Host: "unix:///x/run/cleat.sock"}}, wakes: true,
		},
		"bundled engine with a data root": {
			block: block(t, values{"bundled_engine": engines(t, values{"data_root": s("/srv/a")})}), env: env("CLEAT_ENGINE_DIR", "/x"),
			want: Host{Config: client.Config{Host: "unix:///srv/a/cleat.sock"}}, wakes: true,
		},
		"bundled engine with a socket": {
			block: block(t, values{"bundled_engine": engines(t, values{"data_root": s("/srv/a"), "socket": s("/run/a.sock")})}), env: env(),
			want: Host{Config: client.Config{Host: "unix:///run/a.sock"}}, wakes: true,
		},
		"unknown bundled engine": {
			block: block(t, values{"bundled_engine": engines(t, values{"data_root": types.StringUnknown()})}), env: env(),
			want: Host{Unknown: []string{"bundled_engine"}},
		},
		"unknown": {
			block: block(t, values{"host": types.StringUnknown(), "ssh_opts": types.ListValueMust(types.StringType, []attr.Value{types.StringUnknown()})}), env: env(),
			want: Host{Unknown: []string{"host", "ssh_opts"}, Config: client.Config{SSHOpts: []string{""}}},
		},
		"unknown credentials are no unknown host": {
			block: block(t, nil, values{"address": s("a"), "username": s("u"), "password": types.StringUnknown()}, values{"address": s("b"), "username": s("u"), "password": s("p")}),
			env:   env(), want: Host{Config: client.Config{RegistryAuth: []client.RegistryAuth{{Address: "b", Username: "u", Password: "p"}}}},
		},
		"registries": {
			block: block(t, nil,
				values{"address": s("env")},
				values{"address": s("half"), "username": s("me")},
				values{"address": s("user"), "username": s("u"), "password": s("p"), "config_file": s("/f")},
				values{"address": s("content"), "config_file": s("/f"), "config_file_content": s("{}")},
				values{"address": s("file"), "config_file": s("/f")},
				values{"address": s("off"), "auth_disabled": types.BoolValue(true), "ca_file": s("/ca"), "insecure_skip_verify": types.BoolValue(true)},
				values{"address": s("trust"), "ca_material": s("CA")}),
			env: env("DOCKER_REGISTRY_USER", "eu", "DOCKER_REGISTRY_PASS", "ep"),
			want: Host{Config: client.Config{RegistryAuth: []client.RegistryAuth{
				{Address: "env", Username: "eu", Password: "ep"},
				{Address: "half", Username: "me", Password: "ep"},
				{Address: "user", Username: "u", Password: "p"},
				{Address: "content", ConfigFileContent: "{}"},
				{Address: "file", ConfigFile: "/f"},
				{Address: "off", AuthDisabled: true, CAFile: "/ca", SkipVerify: true},
				{Address: "trust", Username: "eu", Password: "ep", CAMaterial: "CA"},
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := HostOf(c.block, c.env)
			slices.SortFunc(got.Config.RegistryAuth, byAddress)
			slices.SortFunc(c.want.Config.RegistryAuth, byAddress)
			ignoreFuncs := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Trace" || p.Last().String() == ".Wake" }, cmp.Ignore())
			if (got.Config.Wake != nil) != c.wakes {
				t.Errorf("an engine to start: %v, want %v", got.Config.Wake != nil, c.wakes)
			}
			if diff := cmp.Diff(c.want, got, ignoreFuncs); diff != "" {
				t.Errorf("host (-want +got):\n%s", diff)
			}
		})
	}
}

func byAddress(a, b client.RegistryAuth) int { return strings.Compare(a.Address, b.Address) }

func TestValidateProvider(t *testing.T) {
	t.Parallel()
	authority, err := acctest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		block types.Object
		env   func(string) string
		// want is, for each diagnostic, severity, path's first step and a part of the detail.
		want []string
	}{
		"nothing":            {block: block(t, nil)},
		"unix":               {block: block(t, values{"host": s("unix:///var/run/docker.sock")})},
		"npipe":              {block: block(t, values{"host": s("npipe:////./pipe/docker_engine")})},
		"ssh":                {block: block(t, values{"host": s("ssh://me@far:22")})},
		"tcp":                {block: block(t, values{"host": s("tcp://[::1]:2376")})},
		"empty is not given": {block: block(t, values{"host": s("")})},
		"unknown":            {block: block(t, values{"host": types.StringUnknown(), "key_material": types.StringUnknown(), "cert_material": s("C")})},
		"no scheme":          {block: block(t, values{"host": s("far:2376")}), want: []string{`Error host: found "far:2376" without a scheme`}},
		"scheme":             {block: block(t, values{"host": s("ftp://far")}), want: []string{`Error host: found scheme "ftp"`}},
		"no path":            {block: block(t, values{"host": s("unix://")}), want: []string{`Error host: found "unix://" without a path`}},
		"no name":            {block: block(t, values{"host": s("tcp://:2376")}), want: []string{`Error host: found tcp:// without a host name`}},
		"no url":             {block: block(t, values{"host": s("tcp://u:se%cret@far")}), want: []string{`Error host: found an address that is no URL`}},
		"password":           {block: block(t, values{"host": s("ssh://me:hunter2@far")}), want: []string{`Error host: a password in the address`}},
		"host and context":   {block: block(t, values{"host": s("tcp://h:1"), "context": s("c")}), want: []string{`Warning host: context is given too`}},
		"path and material": {
			block: block(t, values{"cert_path": s("/c"), "ca_material": s("CA")}), want: []string{"Error ca_material: ca_material excludes cert_path"},
		},
		"key missing": {block: block(t, values{"cert_material": s("C")}), want: []string{"Error cert_material: cert_material needs key_material"}},
		"registries": {
			block: block(t, nil, values{"address": s("docker.io"), "username": s("u"), "password": s("p")}, values{"address": s("https://r.example.com:5000/v2/")}),
		},
		"registry address": {
			block: block(t, nil, values{"address": s("a b")}), want: []string{`Error registry_auth: found "a b", want HOST`},
		},
		"registry twice": {
			block: block(t, nil, values{"address": s("r:1")}, values{"address": s("https://r:1/")}), want: []string{`Error registry_auth: found a second registry_auth block for "r:1"`},
		},
		"half credentials": {
			block: block(t, nil, values{"address": s("r"), "username": s("u")}), want: []string{"Error registry_auth: username needs password"},
		},
		"other half in the environment": {
			block: block(t, nil, values{"address": s("r"), "username": s("u")}), env: env("DOCKER_REGISTRY_PASS", "p"),
		},
		"no json": {
			block: block(t, nil, values{"address": s("r"), "config_file_content": s("auths: x")}), want: []string{"Error registry_auth: the text is not JSON"},
		},
		"credentials and file": {
			block: block(t, nil, values{"address": s("r"), "username": s("u"), "password": s("p"), "config_file": s("/f")}), want: []string{"Warning registry_auth: username and password are given"},
		},
		"authority": {block: block(t, nil, values{"address": s("r"), "ca_material": s(authority)}, values{"address": s("q"), "ca_file": s("/ca.pem")})},
		"no authority": {
			block: block(t, nil, values{"address": s("r"), "ca_material": s("/etc/ca.pem")}), want: []string{"Error registry_auth: found no certificate in the text, want PEM"},
		},
		"two authorities": {
			block: block(t, nil, values{"address": s("r"), "ca_material": s(authority), "ca_file": s("/ca.pem")}), want: []string{"Error registry_auth: ca_material excludes ca_file"},
		},
		"authority for nothing": {
			block: block(t, nil, values{"address": s("r"), "ca_file": s("/ca.pem"), "insecure_skip_verify": types.BoolValue(true)}), want: []string{"Warning registry_auth: insecure_skip_verify is true"},
		},
		"off": {
			block: block(t, nil, values{"address": s("r"), "auth_disabled": types.BoolValue(true), "config_file": s("/f")}), want: []string{"Warning registry_auth: auth_disabled is true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.env == nil {
				c.env = env()
			}
			diags := ValidateProvider(c.block, c.env)
			if len(diags) != len(c.want) {
				t.Fatalf("got %v, want %d diagnostics", diags, len(c.want))
			}
			for i, d := range diags {
				got := d.Severity().String() + " " + firstStep(d) + ": " + d.Detail()
				if !strings.HasPrefix(got, c.want[i]) {
					t.Errorf("got %q, want %q", got, c.want[i])
				}
				for _, secret := range []string{"hunter2", "se%cret"} {
					if strings.Contains(got, secret) {
						t.Errorf("%q is in a message: %s", secret, got)
					}
				}
			}
		})
	}
}

func system(given string) string {
	if given == "" {
		return "linux"
	}
	return given
}

func TestValidateBundledEngine(t *testing.T) {
	t.Parallel()
	list := func(texts ...string) types.List {
		items := make([]attr.Value, len(texts))
		for i, text := range texts {
			items[i] = s(text)
		}
		return types.ListValueMust(types.StringType, items)
	}
	for name, c := range map[string]struct {
		given  values
		system string
		want   []string
	}{
		"none": {given: values{}, system: "darwin"},
		"good": {given: values{"bundled_engine": engines(t, values{
			"data_root": s("/srv/a"), "exec_root": s("/run/a"), "socket": s("/run/a.sock"), "flags": list("--mtu", "1400"),
		})}},
		"unknown":        {given: values{"bundled_engine": engines(t, values{"data_root": types.StringUnknown(), "flags": types.ListUnknown(types.StringType)})}},
		"another system": {given: values{"bundled_engine": engines(t, nil)}, system: "darwin", want: []string{"bundled_engine: found darwin: the bundled engine runs on Linux alone"}},
		"several":        {given: values{"bundled_engine": engines(t, nil, nil)}, want: []string{"bundled_engine: found 2 bundled_engine blocks, want one"}},
		"host":           {given: values{"bundled_engine": engines(t, nil), "host": s("tcp://h:1")}, want: []string{"host: host excludes bundled_engine"}},
		"context and options": {given: values{"bundled_engine": engines(t, nil), "context": s("far"), "ssh_opts": list("-v")},
			want: []string{"context: context excludes bundled_engine", "ssh_opts: ssh_opts is for an ssh:// host"}},
		"relative": {given: values{"bundled_engine": engines(t, values{"data_root": s("a"), "exec_root": s("b"), "socket": s("unix:///c")})},
			want: []string{`bundled_engine: found "a", want an absolute path`, `bundled_engine: found "b", want`, `bundled_engine: found "unix:///c", want`}},
		"long": {given: values{"bundled_engine": engines(t, values{"data_root": s("/" + strings.Repeat("a", 99))})},
			want: []string{"bundled_engine: the path of the socket, /" + strings.Repeat("a", 99) + "/cleat.sock, has 111 bytes, Linux allows 107"}},
		"flags": {given: values{"bundled_engine": engines(t, values{"flags": list("--data-root=/x", "", "--pidfile", "-H")})},
			want: []string{"bundled_engine: found --data-root: use the attribute data_root", "bundled_engine: found an empty", "bundled_engine: found --pidfile, which", "bundled_engine: found -H: use the attribute socket"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			validateEngine(block(t, c.given).Attributes(), system(c.system), &diags)
			var got []string
			for _, d := range diags {
				got = append(got, firstStep(d)+": "+d.Detail())
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %d", got, len(c.want))
			}
			for i, want := range c.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

// firstStep is the attribute a diagnostic is about.
func firstStep(d diag.Diagnostic) string {
	at, ok := d.(diag.DiagnosticWithPath)
	if !ok {
		return ""
	}
	return at.Path().Steps()[0].String()
}
