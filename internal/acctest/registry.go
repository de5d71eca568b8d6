package acctest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Auth is what a registry asks for; the zero value lets everyone in.
type Auth struct{ Username, Password string }

// Registry is a running image registry, without TLS unless it was asked for. Engines accept both because it is on the
// loopback address.
type Registry struct {
	// Address is host and port, the first part of an image name: "127.0.0.1:40123".
	Address string
	// Auth is what it asks for.
	Auth Auth
	// Authority is the PEM text of who signed its certificate, empty without TLS.
	Authority string

	tls     *keyPair
	tokens  *TokenService
	dir     workdir
	process *os.Process
	done    <-chan struct{}
}

// NewRegistry starts a registry (Debian's docker-registry) that lives as long as the test. Deleting is allowed.
func NewRegistry(tb testing.TB, auth Auth) *Registry {
	tb.Helper()
	return newRegistry(tb, func(r *Registry) error {
		r.Auth = auth
		return nil
	})
}

// NewTLSRegistry starts one that speaks TLS, with a certificate of an authority of its own.
func NewTLSRegistry(tb testing.TB, auth Auth) *Registry {
	tb.Helper()
	return newRegistry(tb, func(r *Registry) error {
		r.Auth = auth
		authority, err := newKeyPair("authority of a test", nil)
		if err != nil {
			return err
		}
		r.Authority = authority.certificate()
		r.tls, err = newKeyPair("127.0.0.1", authority)
		return err
	})
}

// NewTokenRegistry starts one that lets in who shows a token of this service, for what the token allows.
func NewTokenRegistry(tb testing.TB, tokens *TokenService) *Registry {
	tb.Helper()
	return newRegistry(tb, func(r *Registry) error {
		r.tokens = tokens
		return nil
	})
}

func newRegistry(tb testing.TB, prepare func(*Registry) error) *Registry {
	tb.Helper()
	switchedOff(tb)
	r, err := startRegistry(tb.Context(), prepare)
	require(tb, "registry", err)
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// Ref returns the full name of an image in this registry.
func (r *Registry) Ref(name string) string { return r.Address + "/" + name }

// StartRegistry starts a registry for a program that is no test, after [Isolate]. The caller closes it.
func StartRegistry(ctx context.Context, auth Auth) (*Registry, error) {
	return startRegistry(ctx, func(r *Registry) error {
		r.Auth = auth
		return nil
	})
}

func startRegistry(ctx context.Context, prepare func(*Registry) error) (*Registry, error) {
	if err := programs("docker-registry"); err != nil {
		return nil, err
	}
	if !isolated() {
		return nil, missingf("tests are not isolated: root on Linux is needed, and TestMain must call acctest.Main")
	}
	dir, err := newWorkdir("r")
	if err != nil {
		return nil, err
	}
	r := &Registry{dir: dir}
	if err = prepare(r); err == nil {
		err = r.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Registry) start(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	r.Address = fmt.Sprintf("127.0.0.1:%d", port)
	config, err := r.config()
	if err != nil {
		return err
	}
	log, err := os.Create(r.dir.join("log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("docker-registry", "serve", config)
	cmd.Env = append(cleanEnv(), "OTEL_TRACES_EXPORTER=none")
	cmd.Stdout, cmd.Stderr = log, log
	if r.done, err = launch(cmd); err != nil {
		return fmt.Errorf("start docker-registry: %w", err)
	}
	r.process = cmd.Process
	return r.ready(ctx)
}

// config writes the registry's configuration and the files it names.
func (r *Registry) config() (string, error) {
	var auth, tls string
	if r.tls != nil {
		certificate, key, err := r.tls.write(r.dir, "tls")
		if err != nil {
			return "", err
		}
		tls = fmt.Sprintf(", tls: {certificate: %q, key: %q}", certificate, key)
	}
	if r.tokens != nil {
		certificate, _, err := r.tokens.key.write(r.dir, "tokens")
		if err != nil {
			return "", err
		}
		auth = fmt.Sprintf("auth:\n  token:\n    realm: %q\n    service: %q\n    issuer: %q\n    rootcertbundle: %q\n",
			r.tokens.URL, tokenService, tokenIssuer, certificate)
	}
	if r.Auth != (Auth{}) {
		htpasswd, err := r.htpasswd()
		if err != nil {
			return "", err
		}
		auth = fmt.Sprintf("auth:\n  htpasswd:\n    realm: cleat\n    path: %q\n", htpasswd)
	}
	return r.dir.write("config.yml", fmt.Sprintf(`version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
http: {addr: %q, secret: tests-only%s}
%s`, r.dir.join("data"), r.Address, tls, auth))
}

// htpasswd has the password hashed by Apache's tool, which reads it from its input: arguments are for all to see.
func (r *Registry) htpasswd() (string, error) {
	if err := programs("htpasswd"); err != nil {
		return "", err
	}
	cmd := exec.Command("htpasswd", "-n", "-i", "-B", "-C", "4", r.Auth.Username)
	cmd.Stdin = strings.NewReader(r.Auth.Password)
	line, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("htpasswd: %w", err)
	}
	return r.dir.write("htpasswd", strings.TrimSpace(string(line))+"\n")
}

// ready waits until the registry answers, be it with a demand for credentials.
func (r *Registry) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		if conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.Address); err == nil {
			return conn.Close()
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.done:
			timer.Stop()
			return fmt.Errorf("docker-registry ended while starting:\n%s", tail(r.dir.join("log"), 20))
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("docker-registry: %w", ctx.Err())
		}
	}
}

// Close ends the registry and removes its images.
func (r *Registry) Close() error {
	if r.process != nil {
		_ = r.process.Kill() // gone already is fine
		<-r.done
	}
	return r.dir.remove()
}

// Do sends a request to the registry's API with its credentials: Do(ctx, "GET", "/v2/_catalog").
func (r *Registry) Do(ctx context.Context, method, path string) (*http.Response, error) {
	scheme, client := "http://", http.DefaultClient
	if r.tls != nil {
		scheme, client = "https://", trusting(r.Authority)
	}
	request, err := http.NewRequestWithContext(ctx, method, scheme+r.Address+path, nil)
	if err != nil {
		return nil, err
	}
	// Without these the registry answers 404 for the manifests podman pushes.
	request.Header["Accept"] = []string{"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json", "application/json"}
	if r.Auth != (Auth{}) {
		request.SetBasicAuth(r.Auth.Username, r.Auth.Password)
	}
	return client.Do(request)
}
