package badinput

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cleat-dev/cleat/internal/acctest"
)

const volume = `resource "docker_volume" "a" {
  name = "bad-a"
}
`

// trouble is an engine that cannot be used.
type trouble struct {
	// env is what leads to it.
	env []string
	// says are parts of what has to be told, in order: what is wrong, what to do next.
	says []string
}

// TestEngineTrouble: what is wrong with an engine is told with the next step, and the exit code is 1.
func TestEngineTrouble(t *testing.T) {
	t.Parallel()
	p := build(t)
	for name, c := range troubles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "main.tf", volume)
			env := append(os.Environ(), "DOCKER_CONFIG="+dir, "TF_CLI_CONFIG_FILE="+p.config, "CHECKPOINT_DISABLE=1", "DOCKER_HOST=", "DOCKER_TLS_VERIFY=", "DOCKER_CERT_PATH=", "DOCKER_API_VERSION=", "DOCKER_CONTEXT=")
			env = append(env, c.env...)
			for _, command := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"destroy", "-auto-approve"}, {"show"}, {"unlock", "-force"}} {
				code, text := p.run(t, dir, env, p.cleat, command...)
				if code != 1 {
					t.Errorf("cleat %s exits with %d, want 1", command[0], code)
				}
				inOrder(t, "cleat "+command[0], text, c.says)
			}
			write(t, dir, "zz_terraform.tf", required)
			code, text := p.ask(t, dir, env)
			if code != 1 {
				t.Errorf("terraform plan exits with %d, want 1", code)
			}
			inOrder(t, "terraform plan", text, c.says)
		})
	}
}

func inOrder(t *testing.T, who, text string, parts []string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Errorf("%s: no %q (in this order: %q) in\n%s", who, part, parts, text)
			return
		}
		rest = after
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func troubles(t *testing.T) map[string]trouble {
	t.Helper()
	answers := func(status int, body string) []string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintln(w, body)
		}))
		t.Cleanup(server.Close)
		return []string{"DOCKER_HOST=tcp://" + server.Listener.Addr().String()}
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are the point
	secure.StartTLS()
	t.Cleanup(secure.Close)
	address := "DOCKER_HOST=tcp://" + secure.Listener.Addr().String()
	return map[string]trouble{
		"no socket":     {[]string{"DOCKER_HOST=unix:///does/not/exist.sock"}, []string{"/does/not/exist.sock", "start"}},
		"nobody there":  {[]string{"DOCKER_HOST=tcp://127.0.0.1:1"}, []string{"127.0.0.1:1", "refused"}},
		"no such name":  {[]string{"DOCKER_HOST=tcp://engine.invalid:2375"}, []string{"engine.invalid", "cannot be resolved", "check the name"}},
		"not an engine": {answers(404, "nothing here"), []string{"not a docker engine", "check host and port"}},
		"too old":       {answers(200, `{"Version":"1.5.0","ApiVersion":"1.17"}`), []string{"1.17", "cleat needs 1.18"}},
		"too new":       {answers(200, `{"Version":"99","ApiVersion":"1.99","MinAPIVersion":"1.90"}`), []string{"1.90", "newer"}},
		"pin too old":   {append(answers(200, `{"Version":"20.10","ApiVersion":"1.41","MinAPIVersion":"1.12"}`), "DOCKER_API_VERSION=1.17"), []string{"DOCKER_API_VERSION", "too old"}},
		"denied":        {answers(401, `{"message":"authorization denied by plugin"}`), []string{"refuses access", "authorization denied by plugin", "check"}},
		"plain to TLS":  {[]string{address}, []string{"speaks TLS", "set cert_path"}},
		"unknown CA":    {[]string{address, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + certificates(t)}, []string{"unknown authority", "give the authority's certificate"}},
		"no such CA":    {[]string{address, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=/does/not/exist"}, []string{"/does/not/exist"}},
		"no context":    {[]string{"DOCKER_CONTEXT=nowhere"}, []string{"nowhere"}},
	}
}

// certificates is a directory with a CA nobody knows, and a client's certificate of it.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, dir, "ca.pem", certificate)
	write(t, dir, "cert.pem", certificate)
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRegistryTrouble: a registry that is down or refuses is told at apply, with the exit code 1 when nothing was done,
// and nothing was removed before.
func TestRegistryTrouble(t *testing.T) {
	e := acctest.Dockerd(t)
	p := build(t)
	registry := acctest.NewRegistry(t, acctest.Auth{Username: "someone", Password: "secret-word"})
	for name, c := range map[string]struct {
		image    string
		provider string
		says     []string
	}{
		"down":           {"127.0.0.1:1/app:v1", "", []string{"main.tf line", "127.0.0.1:1", "refused", "run again"}},
		"no credentials": {registry.Ref("app:v1"), "", []string{"main.tf line", registry.Address, "registry_auth"}},
		"wrong password": {registry.Ref("app:v1"), fmt.Sprintf("provider \"docker\" {\n  registry_auth {\n    address  = %q\n    username = \"someone\"\n    password = \"another-word\"\n  }\n}\n", registry.Address), []string{"main.tf line", registry.Address, "unauthorized", "registry_auth"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "main.tf", c.provider+fmt.Sprintf("resource \"docker_image\" \"app\" {\n  name = %q\n}\n", c.image))
			env := append(p.env(e, e.Host), "DOCKER_CONFIG="+dir)
			code, text := p.run(t, dir, env, p.cleat, "-project=registry-"+strings.ReplaceAll(name, " ", "-"), "apply", "-auto-approve")
			if code != 1 {
				t.Errorf("cleat apply exits with %d, want 1", code)
			}
			inOrder(t, "cleat apply", text, c.says)
			if strings.Contains(text, "-word") {
				t.Errorf("a password is told:\n%s", text)
			}
		})
	}
}
