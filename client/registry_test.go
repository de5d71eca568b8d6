package client

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
)

const filePassword = "ZmlsZTpmaWxlcGFzcw==" // file:filepass

func config(auths ...string) string {
	entries := make([]string, len(auths))
	for i, host := range auths {
		entries[i] = fmt.Sprintf("%q:{%q:%q}", host, "auth", filePassword)
	}
	return `{"auths":{` + strings.Join(entries, ",") + `}}`
}

// helper installs a credential helper: a shell script.
func helper(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func withAuth(t *testing.T, blocks ...RegistryAuth) *Client {
	t.Helper()
	auth, err := newCredentials(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return &Client{auth: auth}
}

func TestRegistryAuth(t *testing.T) {
	dir := cleanEnv(t)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config("https://index.docker.io/v1/", "default.example", "off.example")), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.json")
	if err := os.WriteFile(other, []byte(config("other.example:5000")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := withAuth(t,
		RegistryAuth{Address: "https://Registry-1.docker.io/v2/", Username: "me", Password: "hubpass"},
		RegistryAuth{Address: "other.example:5000", ConfigFile: other},
		RegistryAuth{Address: "content.example", ConfigFileContent: config("https://content.example/v1/")},
		RegistryAuth{Address: "off.example", AuthDisabled: true},
		RegistryAuth{Address: "token.example", Username: "<token>", Password: "t0ken"},
		RegistryAuth{Address: "default.example", SkipVerify: true},
	)
	for ref, want := range map[string]registry.AuthConfig{
		"busybox":                      {Username: "me", Password: "hubpass", ServerAddress: hubKey},
		"docker.io/a/b:c":              {Username: "me", Password: "hubpass", ServerAddress: hubKey},
		"index.docker.io/a/b":          {Username: "me", Password: "hubpass", ServerAddress: hubKey},
		"other.example:5000/x":         {Username: "file", Password: "filepass", ServerAddress: "other.example:5000"},
		"content.example/x@" + digest0: {Username: "file", Password: "filepass", ServerAddress: "content.example"},
		"default.example/x":            {Username: "file", Password: "filepass", ServerAddress: "default.example"},
		"off.example/x":                {},
		"token.example/x":              {IdentityToken: "t0ken", ServerAddress: "token.example"},
		"unknown.example/x":            {},
	} {
		encoded, err := c.RegistryAuth(t.Context(), ref)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		got := &registry.AuthConfig{}
		if encoded != "" {
			if got, err = authconfig.Decode(encoded); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
	if _, err := c.RegistryAuth(t.Context(), "Not A Reference"); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("bad reference: %v", err)
	}
	all, err := c.RegistryAuthConfigs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for address, auth := range all {
		got[address] = auth.Username
	}
	want := map[string]string{hubKey: "me", "other.example:5000": "file", "token.example": "", "content.example": "file", "default.example": "file"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
}

const digest0 = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

func TestCredentialHelpers(t *testing.T) {
	dir := cleanEnv(t)
	calls := filepath.Join(dir, "calls")
	helper(t, "good", `read host; echo "$host" >> `+calls+`
case "$host" in
good.example) echo '{"ServerURL":"good.example","Username":"u","Secret":"s3cret"}';;
token.example) echo '{"ServerURL":"token.example","Username":"<token>","Secret":"t0ken"}';;
*) echo "credentials not found in native keychain"; exit 1;;
esac`)
	helper(t, "bad", `echo "s3cret exposed"; echo "s3cret on stderr" >&2; exit 1`)
	content := `{"credHelpers":{"good.example":"good","token.example":"good","none.example":"good","bad.example":"bad","gone.example":"gone"}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c := withAuth(t)
	if _, err := os.Stat(calls); err == nil {
		t.Error("a helper ran before it was needed")
	}
	for range 3 {
		if encoded, err := c.RegistryAuth(t.Context(), "good.example/x"); err != nil || encoded == "" {
			t.Errorf("%q, %v", encoded, err)
		}
	}
	if raw, err := os.ReadFile(calls); err != nil || string(raw) != "good.example\n" {
		t.Errorf("helper was asked %q, %v; want once", raw, err)
	}
	encoded, err := c.RegistryAuth(t.Context(), "token.example/x")
	if auth, _ := authconfig.Decode(encoded); err != nil || auth.IdentityToken != "t0ken" || auth.Password != "" {
		t.Errorf("token: %v", err)
	}
	if encoded, err := c.RegistryAuth(t.Context(), "none.example/x"); err != nil || encoded != "" {
		t.Errorf("nothing stored: %q, %v", encoded, err)
	}
	for ref, want := range map[string]string{
		"bad.example/x":  "credentials of bad.example: credential helper docker-credential-bad failed",
		"gone.example/x": "credentials of gone.example: credential helper docker-credential-gone is not installed",
	} {
		_, err := c.RegistryAuth(t.Context(), ref)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v; want %q", ref, err, want)
		}
	}
	// A build goes on with what there is.
	all, err := c.RegistryAuthConfigs(t.Context())
	if err == nil || len(all) != 2 || all["good.example"].Password != "s3cret" || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("all: %d, %v", len(all), err)
	}
}

func TestRegistryAuthBlocksAreChecked(t *testing.T) {
	t.Parallel()
	for want, blocks := range map[string][]RegistryAuth{
		"registry_auth[0].address: ":             {{Username: "a", Password: "b"}},
		"registry_auth[1].address: ":             {{Address: "docker.io"}, {Address: "https://index.docker.io/v1/"}},
		"registry_auth[0].password: is needed":   {{Address: "a.example", Username: "u"}},
		"registry_auth[0].username: is needed":   {{Address: "a.example", Password: "s3cret"}},
		"registry_auth[0].config_file_content: ": {{Address: "a.example", ConfigFileContent: `{"auths":{"a.example":{"auth":"s3cret!"}}}`}},
	} {
		_, err := newCredentials(blocks)
		if !errors.Is(err, errs.ErrInvalid) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

func TestMissingConfigFile(t *testing.T) {
	cleanEnv(t)
	c := withAuth(t, RegistryAuth{Address: "a.example", ConfigFile: "/nonexistent/config.json"})
	if _, err := c.RegistryAuth(t.Context(), "a.example/x"); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), "config_file: open /nonexistent/config.json") {
		t.Errorf("%v", err)
	}
	if encoded, err := c.RegistryAuth(t.Context(), "b.example/x"); err != nil || encoded != "" {
		t.Errorf("docker's own file may be missing: %q, %v", encoded, err)
	}
}
