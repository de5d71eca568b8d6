package registryimagemanifests

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

func manifest(mediaType, digest, architecture, os string) map[string]attr.Value {
	text := func(s string) attr.Value {
		if s == "" {
			return types.StringNull()
		}
		return types.StringValue(s)
	}
	return map[string]attr.Value{"media_type": text(mediaType), "sha256_digest": text(digest), "architecture": text(architecture), "os": text(os)}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestRead: of a list, of an image for one platform, of one whose configuration is another, and with credentials of its own.
func TestRead(t *testing.T) {
	t.Parallel()
	a, b := digest.FromString("a"), digest.FromString("b")
	config := `{"architecture":"arm64","os":"linux","rootfs":{}}`
	of := func(size int, config digest.Digest, mediaType string) string {
		return marshal(t, map[string]any{
			"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "layers": []any{},
			"config": ocispec.Descriptor{MediaType: mediaType, Digest: config, Size: int64(size)},
		})
	}
	manifests := map[string]string{
		"list": marshal(t, map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageIndex, "manifests": []any{
			ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: a, Size: 1, Platform: &ocispec.Platform{OS: "linux", Architecture: "amd64"}},
			ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: b, Size: 1},
		}}),
		"one":      of(len(config), digest.FromString(config), ocispec.MediaTypeImageConfig),
		"artifact": of(2, ocispec.DescriptorEmptyJSON.Digest, ocispec.MediaTypeEmptyJSON),
		"liar":     of(len(config), a, ocispec.MediaTypeImageConfig),
		"huge":     of(1<<30, digest.FromString(config), ocispec.MediaTypeImageConfig),
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "mine" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.Contains(r.URL.Path, "/blobs/") {
			_, _ = w.Write([]byte(config))
			return
		}
		content, ok := manifests[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		var kind struct{ MediaType string }
		_ = json.Unmarshal([]byte(content), &kind)
		w.Header().Set("Content-Type", kind.MediaType)
		_, _ = w.Write([]byte(content))
	}))
	t.Cleanup(s.Close)
	host := s.Listener.Addr().String()
	registries, err := client.NewRegistries([]client.RegistryAuth{{Address: host, Username: "other", Password: "other"}})
	if err != nil {
		t.Fatal(err)
	}
	auth := contract.BlocksOf(AuthConfig{Address: types.StringValue(host), Username: types.StringValue("me"), Password: types.StringValue("mine")})
	digestOf := func(tag string) string { return digest.FromString(manifests[tag]).String() }
	for tag, want := range map[string][]map[string]attr.Value{
		"list":     {manifest(ocispec.MediaTypeImageManifest, a.String(), "amd64", "linux"), manifest(ocispec.MediaTypeImageManifest, b.String(), "", "")},
		"one":      {manifest(ocispec.MediaTypeImageManifest, digestOf("one"), "arm64", "linux")},
		"artifact": {manifest(ocispec.MediaTypeImageManifest, digestOf("artifact"), "", "")},
		"liar":     nil,
		"huge":     nil,
		"none":     nil,
	} {
		asked := Model{Name: types.StringValue(host + "/team/app:" + tag), AuthConfig: auth}
		got, err := DataSource{}.Read(t.Context(), registries, asked)
		if want == nil {
			if at, _ := contract.PathOf(err); at != "name" || (tag == "none") != errors.Is(err, errs.ErrNotFound) {
				t.Errorf("%s: at %q: %v", tag, at, err)
			}
			continue
		}
		asked.ID, asked.Manifests = asked.Name, object.Set(want)
		if diff := cmp.Diff(asked, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tag, err, diff)
		}
	}
	if _, err := (DataSource{}).Read(t.Context(), registries, Model{Name: types.StringValue(host + "/team/app:one")}); !errors.Is(err, errs.ErrUnauthorized) {
		t.Errorf("with the provider's credentials: %v", err)
	}
}
