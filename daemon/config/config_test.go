package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"

	"github.com/cleat-dev/cleat/api/version"
)

// load reads a file and a command line; FILE stands for the file's path in what is returned.
func load(t testing.TB, source string, args ...string) (Config, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.hcl")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	set := pflag.NewFlagSet("cleatd", pflag.ContinueOnError)
	flags := NewFlags(set)
	if err := set.Parse(append([]string{"--config-file", path}, args...)); err != nil {
		t.Fatal(err)
	}
	c, err := flags.Load()
	if err == nil {
		return c, nil
	}
	problems := strings.Split(strings.ReplaceAll(err.Error(), path, "FILE"), "\n")
	sort.Strings(problems)
	return c, problems
}

func defaults() Config {
	return Config{
		Hosts: []string{"unix:///run/cleat/cleat.sock"}, Group: "cleat", DataRoot: "/var/lib/cleat", ExecRoot: "/run/cleat/exec",
		Bridge: "cleat0", ICC: true, Masquerade: true, CertsDirs: []string{"/etc/cleat/certs.d", "/etc/docker/certs.d"},
		APIMin: version.Of(1, 2), APIMax: version.Of(1, 44),
		Downloads: 3, LogLevel: "info", LogFormat: "text",
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		source string
		args   []string
		want   func(*Config)
	}{
		"defaults": {"", nil, func(*Config) {}},
		"file": {`
host                 = ["unix:///s", "tcp://127.0.0.1:2375"]
data-root            = "/data"
bip                  = "10.1.0.1/16"
default-address-pool = ["base=10.8.0.0/16,size=24", "size=28,base=10.9.0.0/24"]
insecure-registry    = ["10.0.0.0/8", "reg:5000", "[::1]:5000"]
registry-mirror      = "https://mirror"
icc                  = false
mtu                  = 1400
label                = []
`, nil, func(c *Config) {
			c.Hosts = []string{"unix:///s", "tcp://127.0.0.1:2375"}
			c.DataRoot, c.BIP, c.ICC, c.MTU, c.Labels = "/data", netip.MustParsePrefix("10.1.0.1/16"), false, 1400, []string{}
			c.Pools = []Pool{{netip.MustParsePrefix("10.8.0.0/16"), 24}, {netip.MustParsePrefix("10.9.0.0/24"), 28}}
			c.InsecureRegistries = []string{"10.0.0.0/8", "reg:5000", "[::1]:5000"}
			c.Mirrors = []string{"https://mirror"}
		}},
		"flags": {"", []string{
			"-H", "fd://", "--host=tcp://0.0.0.0", "--tlsverify", "--tlscacert=ca", "--tlscert=c", "--tlskey=k",
			"--ip", "192.0.2.1", "--api-max=1.18", "--api-min=1.12", "--metrics-addr", ":9323", "--label", "a=b", "--log-format=json", "--search-index", "http://i",
		}, func(c *Config) {
			c.Hosts = []string{"fd://", "tcp://0.0.0.0"}
			c.TLSVerify, c.TLSCACert, c.TLSCert, c.TLSKey = true, "ca", "c", "k"
			c.APIMin, c.APIMax = version.Of(1, 12), version.Of(1, 18)
			c.HostIP, c.MetricsAddr, c.Labels = netip.MustParseAddr("192.0.2.1"), ":9323", []string{"a=b"}
			c.LogFormat, c.SearchIndex = "json", "http://i"
		}},
		"a flag wins": {`
host      = ["unix:///from/file"]
log-level = "debug"
bip       = "wrong, but not used"
`, []string{"--host", "unix:///from/flag", "--bip", "10.1.0.1/16"}, func(c *Config) {
			c.Hosts, c.LogLevel, c.BIP = []string{"unix:///from/flag"}, "debug", netip.MustParsePrefix("10.1.0.1/16")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := defaults()
			tc.want(&want)
			got, problems := load(t, tc.source, tc.args...)
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}), cmpopts.EquateEmpty()); diff != "" || problems != nil {
				t.Errorf("%v (-want +got):\n%s", problems, diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		source string
		args   []string
		want   []string
	}{
		{"host = [\n", nil, []string{"FILE:2: missing expression; Expected the start of an expression, but found the end of the file."}},
		{"\nblock {\n}\n", nil, []string{`FILE:2: unexpected "block" block; Blocks are not allowed here.`}},
		{"\nhots = []\nconfig-file = \"x\"\n", nil, []string{
			`FILE:2: found "hots", which is no option: "cleatd --help" lists them`,
			`FILE:3: found "config-file", which is no option: "cleatd --help" lists them`}},
		{"icc = \"yes\"", nil, []string{`FILE:1: icc: found "yes", want true or false`}},
		{"mtu = \"1400\"\nbip = 5\nhost = true\ndata-root = null\ngroup = [\"a\"]\n", nil, []string{
			`FILE:1: mtu: found "1400", want a number`, `FILE:2: bip: found 5, want a string`, `FILE:3: host: found true, want a list of strings`,
			`FILE:4: data-root: found null, want a string`, `FILE:5: group: found a tuple, want a string`}},
		{"mtu = 1.5\nhost = [1]\nlabel = {}", nil, []string{
			`FILE:1: mtu: found "1.5", want a whole number`, `FILE:2: host: found 1 in the list, want strings`,
			`FILE:3: label: found a object, want a list of strings`}},
		{"group = var.x", nil, []string{"FILE:1: group: Variables may not be used here."}},
		{"group = f(1)", nil, []string{"FILE:1: group: Functions may not be called here."}},
		{"# a comment\nhost = [\"npipe://x\", \"unix:///s\"]\n", nil, []string{`FILE:2: host: found "npipe://x", want unix://PATH, tcp://HOST:PORT or fd://`}},
		{"host = []", nil, []string{`FILE:1: host: found "[]", want at least one address`}},
		{"", []string{"--data-root", "data", "--exec-root=/", "--pidfile=p"}, []string{
			`command line: --data-root: found "data", want an absolute path other than /`,
			`command line: --exec-root: found "/", want an absolute path other than /`,
			`command line: --pidfile: found "p", want an absolute path`}},
		{"data-root = \"/x\"", []string{"--exec-root", "/x/"}, []string{`command line: --exec-root: found "/x/", want another folder than data-root`}},
		{"bridge = \"a name too long for the kernel\"\nbip = \"10.0.0.0/8\"\nip = \"localhost\"\nmtu = 10", nil, []string{
			`FILE:1: bridge: found "a name too long for the kernel", want 1 to 15 letters, digits, _, . or -`,
			`FILE:2: bip: found "10.0.0.0/8", want an IPv4 address of a host with its subnet, as 172.20.0.1/16`,
			`FILE:3: ip: found "localhost", want an IP address`,
			`FILE:4: mtu: found "10", want 68 to 65535 bytes`}},
		{`default-address-pool = ["10.0.0.0/8", "base=10.0.0.0/8", "base=10.0.0.0/16,size=8", "base=10.0.0.1/16,size=24", "base=10.0.0.0/8,size=x"]`, nil, []string{
			`FILE:1: default-address-pool: found "10.0.0.0/8", want base=CIDR,size=BITS, as base=10.8.0.0/16,size=24`,
			`FILE:1: default-address-pool: found "base=10.0.0.0/16,size=8", want base=CIDR,size=BITS, as base=10.8.0.0/16,size=24`,
			`FILE:1: default-address-pool: found "base=10.0.0.0/8", want base=CIDR,size=BITS, as base=10.8.0.0/16,size=24`,
			`FILE:1: default-address-pool: found "base=10.0.0.0/8,size=x", want base=CIDR,size=BITS, as base=10.8.0.0/16,size=24`,
			`FILE:1: default-address-pool: found "base=10.0.0.1/16,size=24", want base=CIDR,size=BITS, as base=10.8.0.0/16,size=24`}},
		{"", []string{"--insecure-registry=https://reg", "--registry-mirror=mirror", "--registry-mirror=https://u:p@m", "--search-index=x", "--label=x",
			"--max-concurrent-downloads=0", "--log-level=loud", "--log-format=xml", "--metrics-addr=9323"}, []string{
			`command line: --insecure-registry: found "https://reg", want HOST, HOST:PORT or CIDR, without https://`,
			`command line: --label: found "x", want KEY=VALUE`,
			`command line: --log-format: found "xml", want text or json`,
			`command line: --log-level: found "loud", want trace, debug, info, warn or error`,
			`command line: --max-concurrent-downloads: found "0", want 1 or more`,
			`command line: --metrics-addr: found "9323", want HOST:PORT`,
			`command line: --registry-mirror: found "https://u:xxxxx@m", want http://HOST or https://HOST, without user, query and fragment`,
			`command line: --registry-mirror: found "mirror", want http://HOST or https://HOST, without user, query and fragment`,
			`command line: --search-index: found "x", want http://HOST or https://HOST`}},
		{"tlsverify = true\ntlscert = \"c\"", nil, []string{
			`command line: --tlscacert: found "", want the authority of client certificates, because tlsverify is on`,
			`command line: --tlskey: found "", want the key of the daemon's certificate, because TLS is on`}},
		{"api-max = \"1.45\"", []string{"--api-min", "latest"}, []string{
			`FILE:1: api-max: found "1.45", want a version of the API from 1.2 to 1.44`,
			`command line: --api-min: found "latest", want a version of the API from 1.2 to 1.44`}},
		{"api-max = 1.18", nil, []string{"FILE:1: api-max: found 1.18, want a string"}},
		{"api-min = \"1.24\"", []string{"--api-max=1.18"}, []string{`command line: --api-max: found "1.18", want api-min or later, which is 1.24`}},
		{"tlskey = \"k\"", nil, []string{`FILE:1: tlskey: found "k", want tls or tlsverify with it`}},
		{"", []string{"--config-file", "/none.hcl"}, []string{"configuration file: open /none.hcl: no such file or directory"}},
	} {
		_, problems := load(t, tc.source, tc.args...)
		if diff := cmp.Diff(tc.want, problems); diff != "" {
			t.Errorf("%q %q (-want +got):\n%s", tc.source, tc.args, diff)
		}
	}
}

// The default file need not exist.
func TestNoFile(t *testing.T) {
	t.Parallel()
	set := pflag.NewFlagSet("cleatd", pflag.ContinueOnError)
	flags := NewFlags(set)
	flags.raw.file = filepath.Join(t.TempDir(), "none.hcl") // as if it were the default
	if _, err := flags.Load(); err != nil {
		t.Error(err)
	}
}

func FuzzFile(f *testing.F) {
	for _, s := range []string{`host = ["unix:///s"]`, `mtu = 1e99`, `bip = "${1}"`, "a = <<E\nE\n", `host = [for x in [1]: x]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, problems := load(t, source)
		if problems == nil && (len(c.Hosts) == 0 || c.DataRoot == "") {
			t.Errorf("%q was taken as %+v", source, c)
		}
	})
}
