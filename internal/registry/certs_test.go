package registry

import (
	"context"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/hashicorp/go-hclog"
	types "github.com/moby/moby/api/types/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestCertificates: a certificate nobody knows is refused, unless an authority is there for this registry or it is insecure.
func TestCertificates(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { send(w, ocispec.MediaTypeImageManifest, cloudManifest) }))
	t.Cleanup(s.Close)
	const domain = "example.com" // what the server's certificate is for; a loopback address would not be verified
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	dirs := func(host, content string) []string {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, host), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, host, "ca.crt"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{filepath.Join(dir, "none"), dir}
	}
	for name, tc := range map[string]struct {
		config Config
		want   string
	}{
		"unknown authority": {Config{}, "certificate signed by unknown authority"},
		"known authority":   {Config{CertsDirs: dirs(domain, string(authority))}, ""},
		"of another":        {Config{CertsDirs: dirs("other.example.com", string(authority))}, "certificate signed by unknown authority"},
		"no certificate":    {Config{CertsDirs: dirs(domain, "nothing")}, "ca.crt has no certificate"},
		"insecure":          {Config{Insecure: []string{domain}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.config.Log = hclog.NewNullLogger()
			c, err := New(tc.config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			client, err := c.client(domain, c.Insecure(domain))
			if err == nil {
				client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
				}
				var named reference.Named
				if named, err = reference.ParseNormalizedNamed(domain + "/team/app"); err != nil {
					t.Fatal(err)
				}
				var r *Repository
				if r, err = c.Repository(named, types.AuthConfig{}); err == nil {
					_, err = r.Resolve(t.Context(), "1")
				}
			}
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}
