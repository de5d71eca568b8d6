package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// cleanEnv makes the test independent of the machine's docker configuration and returns the directory it may use.
func cleanEnv(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION", "DOCKER_AUTH_CONFIG"} {
		t.Setenv(name, "")
	}
	return dir
}

// fakeEngine answers GET /version and counts.
func fakeEngine(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/version":
			_, _ = w.Write([]byte(version))
		case strings.HasSuffix(r.URL.Path, "/attach"):
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Write([]byte("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n" + r.URL.Path))
		default:
			http.Error(w, `{"message":"no such thing: `+r.URL.Path+`"}`, http.StatusNotFound)
		}
	})
}

const docker20 = `{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12","Components":[{"Name":"Engine"}]}`

func serveUnix(t *testing.T, handler http.Handler) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cleat")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "d.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); _ = os.RemoveAll(dir) })
	return "unix://" + path
}

func TestHostOrder(t *testing.T) {
	dir := cleanEnv(t)
	contexts := store.New(filepath.Join(dir, "contexts"), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} })))
	for name, host := range map[string]string{"one": "unix:///one.sock", "two": "ssh://me@two", "three": "tcp://three:1"} {
		err := contexts.CreateOrUpdate(store.Metadata{Name: name, Endpoints: map[string]any{docker.DockerEndpoint: docker.EndpointMeta{Host: host}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Each step adds what wins over everything before.
	for _, step := range []struct {
		set        func()
		cfg        Config
		host, from string
	}{
		{func() {}, Config{}, moby.DefaultDockerHost, "default socket"},
		{func() {
			if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"currentContext":"one"}`), 0o600); err != nil {
				t.Fatal(err)
			}
		}, Config{}, "unix:///one.sock", `context "one"`},
		{func() { t.Setenv("DOCKER_CONTEXT", "two") }, Config{}, "ssh://me@two", `context "two"`},
		{func() { t.Setenv("DOCKER_HOST", "tcp://env:2375") }, Config{}, "tcp://env:2375", "DOCKER_HOST"},
		{func() {}, Config{Context: "three"}, "tcp://three:1", `context "three"`},
		{func() {}, Config{Context: "default"}, "tcp://env:2375", "DOCKER_HOST"},
		{func() {}, Config{Context: "three", Host: "tcp://h:1"}, "tcp://h:1", "host"},
	} {
		step.set()
		ep, err := resolve(step.cfg)
		if err != nil || ep.host != step.host || ep.origin != step.from {
			t.Errorf("got %+v, %v; want %s from %s", ep, err, step.host, step.from)
		}
	}
	_, err := resolve(Config{Context: "four"})
	if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), `context: docker context "four" does not exist`) || !strings.Contains(err.Error(), "one") {
		t.Errorf("unknown context: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	cleanEnv(t)
	for _, tc := range []struct{ host, network, address, base, bad string }{
		{host: "unix:///run/d.sock", network: "unix", address: "/run/d.sock"},
		{host: "tcp://a:1/base/", network: "tcp", address: "a:1", base: "/base"},
		{host: "tcp://a", network: "tcp", address: "a:2375"},
		{host: "tcp://[::1]", network: "tcp", address: "[::1]:2375"},
		{host: "https://a", network: "tcp", address: "a:443"},
		{host: "http://a", network: "tcp", address: "a:80"},
		{host: "ssh://me@a:22/run/x.sock", network: "ssh", address: "me@a:22/run/x.sock"},
		{host: "/run/d.sock", bad: "host: "},
		{host: "unix://", bad: "host: "},
		{host: "unix:///" + strings.Repeat("x", 199), bad: "has 200 bytes"},
		{host: "unix://d.sock", bad: "not absolute"},
		{host: "ftp://a", bad: `unknown scheme "ftp"`},
		{host: "tcp://:2375", bad: "want tcp://HOST:PORT"},
		{host: "tcp://u:secret@a:1", bad: "want tcp://HOST:PORT"},
		{host: "tcp://a:b", bad: "not an address"},
	} {
		ep, err := resolve(Config{Host: tc.host})
		if tc.bad != "" {
			if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), tc.bad) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", tc.host, err)
			}
			continue
		}
		if err != nil || ep.network != tc.network || ep.address != tc.address || ep.base != tc.base {
			t.Errorf("%s: %+v, %v", tc.host, ep, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	dir := cleanEnv(t)
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(html.Close)
	secure := httptest.NewTLSServer(fakeEngine(docker20))
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(fakeEngine(docker20))
	t.Cleanup(plain.Close)
	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(rude.Close)
	ca := filepath.Join(dir, "certs")
	writeCA(t, ca)
	tcp := func(url string) string { return "tcp://" + url[strings.Index(url, "://")+3:] }
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"no socket":  {Config{Host: "unix:///nonexistent/d.sock"}, "the socket does not exist; start the engine"},
		"refused":    {Config{Host: "tcp://127.0.0.1:1"}, "nothing listens there"},
		"no name":    {Config{Host: "tcp://engine.invalid:1"}, "cannot be resolved"},
		"html":       {Config{Host: tcp(html.URL)}, "what answers is not a docker engine (GET /version gave status 200)"},
		"tls server": {Config{Host: tcp(secure.URL)}, "the answer is not plain HTTP; the engine speaks TLS there: set cert_path"},
		"unknown ca": {Config{Host: tcp(secure.URL), CertPath: ca}, "signed by an unknown authority"},
		"tls client": {Config{Host: tcp(plain.URL), CertPath: ca}, "the answer is not TLS"},
		"aborted":    {Config{Host: tcp(rude.URL)}, "closed in the middle of a call"},
		"ssh":        {Config{Host: "ssh://cleat.invalid", SSHOpts: []string{"-o", "BatchMode=yes"}}, "docker engine at ssh://cleat.invalid: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(t.Context(), tc.cfg)
			if !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v; want %q", err, tc.want)
			}
		})
	}
}

// The words survive moby's client, which looks for causes in errors.
func TestUnreachableLater(t *testing.T) {
	cleanEnv(t)
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", acctest.FreePort(t))) // one nobody takes when it is free again
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: fakeEngine(docker20)}}
	server.Start()
	c, err := New(t.Context(), Config{Host: "tcp://" + server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	_, err = c.Info(t.Context(), moby.InfoOptions{})
	var unreachable *Unreachable
	if !errors.Is(err, errs.ErrUnavailable) || !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "nothing listens there") {
		t.Errorf("call: %v", err)
	}
	_, err = c.ContainerAttach(t.Context(), "x", moby.ContainerAttachOptions{})
	if !errors.Is(err, errs.ErrUnavailable) {
		t.Errorf("attach: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = c.Info(ctx, moby.InfoOptions{}); !errors.Is(err, context.Canceled) || errors.Is(err, errs.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTLSWithClientCertificate(t *testing.T) {
	dir := cleanEnv(t)
	ca := newCA(t, dir)
	server := httptest.NewUnstartedServer(fakeEngine(docker20))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	host := "tcp://" + server.Listener.Addr().String()
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	for name, cfg := range map[string]Config{
		"directory": {Host: host, CertPath: dir},
		"text":      {Host: host, CAMaterial: read("ca.pem"), CertMaterial: read("cert.pem"), KeyMaterial: read("key.pem")},
		"files": {Host: host, CAMaterial: filepath.Join(dir, "ca.pem"), CertMaterial: filepath.Join(dir, "cert.pem"),
			KeyMaterial: filepath.Join(dir, "key.pem")},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			attached, err := c.ContainerAttach(t.Context(), "abc", moby.ContainerAttachOptions{Stream: true})
			if err != nil {
				t.Fatal(err)
			}
			defer attached.Close()
			got := make([]byte, 64)
			n, _ := attached.Reader.Read(got)
			if string(got[:n]) != "/v1.41/containers/abc/attach" {
				t.Errorf("attached to %q", got[:n])
			}
		})
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("DOCKER_HOST", host)
		t.Setenv("DOCKER_CERT_PATH", dir)
		t.Setenv("DOCKER_TLS_VERIFY", "1")
		if _, err := New(t.Context(), Config{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("without", func(t *testing.T) {
		_, err := New(t.Context(), Config{Host: host, CAMaterial: read("ca.pem")})
		if !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), "refused our client certificate") {
			t.Error(err)
		}
	})
	for name, cfg := range map[string]Config{
		"cert_path: directory":    {Host: host, CertPath: "/nonexistent"},
		"key_material: neither":   {Host: host, KeyMaterial: "a\nsecret\nkey"},
		"cert_material: a client": {Host: host, CertMaterial: read("cert.pem")},
		"ca_material: neither":    {Host: host, CAMaterial: "/nonexistent"},
	} {
		if _, err := New(t.Context(), cfg); !errors.Is(err, errs.ErrInvalid) || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVersions(t *testing.T) {
	for name, tc := range map[string]struct{ answer, pin, env, want, bad string }{
		"newest":      {answer: `{"Version":"99","ApiVersion":"1.99","MinAPIVersion":"1.44"}`, want: moby.MaxAPIVersion},
		"engine's":    {answer: docker20, want: "1.41"},
		"old":         {answer: `{"Version":"1.6.2","ApiVersion":"1.18"}`, want: "1.18"},
		"pinned":      {answer: docker20, pin: "1.24", want: "1.24"},
		"environment": {answer: docker20, env: "1.30", want: "1.30"},
		"too old":     {answer: `{"Version":"1.5.0","ApiVersion":"1.17"}`, bad: "dockerd 1.5.0 and speaks API 1.17 at most: cleat needs 1.18"},
		"ancient":     {answer: `{"Version":"0.4.2"}`, bad: "dockerd 0.4.2, which is too old"},
		"too new":     {answer: `{"Version":"9","ApiVersion":"2.9","MinAPIVersion":"2.0"}`, bad: "a newer one is needed"},
		"pin too new": {answer: docker20, pin: "1.44", bad: "APIVersion: 1.44 is too new"},
		"pin too old": {answer: docker20, env: "1.17", bad: "DOCKER_API_VERSION: 1.17 is too old"},
		"nonsense":    {answer: docker20, env: "latest", bad: `DOCKER_API_VERSION: API version "latest"`},
	} {
		t.Run(name, func(t *testing.T) {
			cleanEnv(t)
			t.Setenv("DOCKER_API_VERSION", tc.env)
			c, err := New(t.Context(), Config{Host: serveUnix(t, fakeEngine(tc.answer)), APIVersion: tc.pin})
			if tc.bad != "" {
				if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), tc.bad) {
					t.Errorf("%v; want %q", err, tc.bad)
				}
				return
			}
			if err != nil || c.ClientVersion() != tc.want || c.Requests() != 1 {
				t.Fatalf("%v, %v", c, err)
			}
			// The version is what goes over the wire, also where moby's client would refuse it.
			_, err = c.ContainerInspect(t.Context(), "abc", moby.ContainerInspectOptions{})
			if !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), "/v"+tc.want+"/containers/abc/json") {
				t.Errorf("inspect: %v", err)
			}
			if c.Requests() != 2 {
				t.Errorf("%d requests, want 2", c.Requests())
			}
		})
	}
}

func TestLazyProbesOnceAndTriesAgain(t *testing.T) {
	cleanEnv(t)
	var well atomic.Bool
	var probes atomic.Int64
	host := serveUnix(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		probes.Add(1)
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fakeEngine(docker20).ServeHTTP(w, r)
	}))
	l := NewLazy(Config{Host: host})
	if probes.Load() != 0 {
		t.Error("probed before it was needed")
	}
	if _, err := l.Get(t.Context()); !errors.Is(err, errs.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	well.Store(true)
	first, err := l.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := l.Get(t.Context()); second != first || err != nil || probes.Load() != 2 {
		t.Errorf("%v, %v, %d probes", second, err, probes.Load())
	}
}

// One pool serves an engine: parallel calls connect once each, and calls after them not at all.
func TestConnectionsAreReused(t *testing.T) {
	cleanEnv(t)
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(fakeEngine(docker20))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	var traced atomic.Int64
	c, err := New(t.Context(), Config{Host: "tcp://" + server.Listener.Addr().String(), Trace: func(method, path string, status int, d time.Duration) {
		if method != http.MethodGet || path == "" || status == 0 || d <= 0 {
			t.Errorf("trace %s %s %d %v", method, path, status, d)
		}
		traced.Add(1)
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				if _, err := c.ContainerInspect(t.Context(), fmt.Sprint("c", i), moby.ContainerInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if n := connections.Load(); n > 33 {
		t.Errorf("%d connections for 32 parallel calls", n)
	}
	if c.Requests() != 321 || traced.Load() != 321 {
		t.Errorf("%d requests, %d traced, want 321", c.Requests(), traced.Load())
	}
}

type authority struct {
	server tls.Certificate
	pool   *x509.CertPool
}

func writeCA(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	newCA(t, dir)
}

// newCA writes ca.pem, cert.pem and key.pem of a client into dir.
func newCA(t *testing.T, dir string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cleat test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(name, kind string, der []byte) []byte {
		raw := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	caPEM := encode("ca.pem", "CERTIFICATE", der)
	pair, err := tls.X509KeyPair(encode("cert.pem", "CERTIFICATE", leafDER), encode("key.pem", "PRIVATE KEY", keyDER))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(caPEM)
	return authority{server: pair, pool: pool}
}
