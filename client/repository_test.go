package client

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// Credentials come from the request itself, the provider's blocks, docker's file and its helpers, in this order.
func TestRepositoryCredentials(t *testing.T) {
	dir := cleanEnv(t)
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		got = user + ":" + password
		fmt.Fprint(w, `{"tags":["1"]}`)
	}))
	t.Cleanup(s.Close)
	host := s.Listener.Addr().String()
	helper(t, "mine", `echo '{"Username":"helped","Secret":"h"}'`)
	write := func(content string) {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	block := RegistryAuth{Address: host, Username: "block", Password: "b"}
	own := filepath.Join(dir, "own.json")
	if err := os.WriteFile(own, []byte(config(host)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		file   string
		blocks []RegistryAuth
		access RegistryAccess
		want   string
	}{
		"given":           {config(host), []RegistryAuth{block}, RegistryAccess{Username: "me", Password: "m"}, "me:m"},
		"block":           {config(host), []RegistryAuth{block}, RegistryAccess{}, "block:b"},
		"file of a block": {`{"credsStore":"mine"}`, []RegistryAuth{{Address: host, ConfigFile: own}}, RegistryAccess{}, "file:filepass"},
		"docker's file":   {config(host), nil, RegistryAccess{}, "file:filepass"},
		"helper":          {fmt.Sprintf(`{"credHelpers":{%q:"mine"}}`, host), nil, RegistryAccess{}, "helped:h"},
		"store":           {`{"credsStore":"mine"}`, nil, RegistryAccess{}, "helped:h"},
		"nobody":          {`{}`, nil, RegistryAccess{}, ""},
		"disabled":        {config(host), []RegistryAuth{{Address: host, AuthDisabled: true}}, RegistryAccess{SkipVerify: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			write(tc.file)
			got = ""
			registries, err := NewRegistries(tc.blocks)
			if err != nil {
				t.Fatal(err)
			}
			repository, err := registries.Repository(t.Context(), host+"/team/app:1", tc.access)
			if err != nil {
				t.Fatal(err)
			}
			tags, err := repository.Tags(t.Context())
			if tc.want == "" && !errors.Is(err, errs.ErrUnauthorized) || tc.want != "" && (err != nil || !cmp.Equal(tags, []string{"1"})) {
				t.Errorf("tags %v, %v", tags, err)
			}
			if got != tc.want {
				t.Errorf("credentials %q, want %q", got, tc.want)
			}
		})
	}
	registries, err := NewRegistries(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registries.Repository(t.Context(), "Not A Name", RegistryAccess{}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("bad reference: %v", err)
	}
}

// What a provider's block says of a registry's certificate is of that registry alone, however its address is written.
func TestRepositoryTrust(t *testing.T) {
	cleanEnv(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"tags":["1"]}`) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of refused certificates
	s.StartTLS()
	t.Cleanup(s.Close)
	host := s.Listener.Addr().String()
	signed := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	other, err := acctest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(signed), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		blocks []RegistryAuth
		access RegistryAccess
		want   string
	}{
		"text":                           {blocks: []RegistryAuth{{Address: "https://" + host + "/v2/", CAMaterial: signed}}},
		"file":                           {blocks: []RegistryAuth{{Address: host, CAFile: file}}},
		"another":                        {blocks: []RegistryAuth{{Address: host, CAMaterial: other}}, want: "unknown authority"},
		"another, unverified":            {blocks: []RegistryAuth{{Address: host, CAMaterial: other, SkipVerify: true}}},
		"another, unverified by request": {blocks: []RegistryAuth{{Address: host, CAMaterial: other}}, access: RegistryAccess{SkipVerify: true}},
		"of another registry":            {blocks: []RegistryAuth{{Address: host, CAMaterial: other}, {Address: "r.example.com", CAMaterial: signed}}, want: "unknown authority"},
		"without credentials":            {blocks: []RegistryAuth{{Address: host, CAMaterial: signed, AuthDisabled: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			registries, err := NewRegistries(tc.blocks)
			if err != nil {
				t.Fatal(err)
			}
			var tags []string
			repository, err := registries.Repository(t.Context(), host+"/team/app", tc.access)
			if err == nil {
				tags, err = repository.Tags(t.Context())
			}
			if tc.want == "" && (err != nil || !cmp.Equal(tags, []string{"1"})) || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("tags %v, %v, want %q", tags, err, tc.want)
			}
		})
	}
	if _, err := NewRegistries([]RegistryAuth{{Address: host, CAFile: file, CAMaterial: signed}}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("two authorities: %v", err)
	}
}

// Certificates of registries are looked for beside docker's configuration.
func TestCertsDirs(t *testing.T) {
	dir := cleanEnv(t)
	found := map[string]bool{}
	for _, d := range certsDirs() {
		found[d] = true
	}
	if !found[filepath.Join(dir, "certs.d")] || !found["/etc/docker/certs.d"] {
		t.Errorf("%v", found)
	}
}
