package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyimage "github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

type fake map[string]mobyimage.InspectResponse

func (f fake) ImageInspect(_ context.Context, name string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	i, ok := f[name]
	if !ok {
		return moby.ImageInspectResult{}, fmt.Errorf("no such image: %w", errs.ErrNotFound)
	}
	return moby.ImageInspectResult{InspectResponse: i}, nil
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	str := types.StringValue
	common := Model{
		Name: str("cleat/test:1"), OS: str("linux"), Architecture: str("amd64"),
		Env: flatten.Texts([]string{"PATH=/bin", "HELLO=world"}), Command: flatten.Texts([]string{"sh", "-c", "echo out; echo err >&2"}),
		Entrypoint: flatten.Texts([]string{"/bin/busybox"}), ExposedPorts: flatten.Texts([]string{"53/udp", "80/tcp"}),
		Volumes: flatten.Texts([]string{"/data"}), User: str("1000"), WorkingDir: str("/srv"),
	}
	dockerd := common
	dockerd.ID = str("sha256:0120fe5e57c10be372028652e5b46519cc6fcee0f204f8a33d4a89ca370ffd58")
	dockerd.RepoDigests, dockerd.Tags = flatten.Texts([]string{}), flatten.Texts([]string{"cleat/test:1"})
	dockerd.Created, dockerd.Size = str("2026-11-22T04:04:55.041946801Z"), types.Int64Value(1982256)
	dockerd.Labels = flatten.TextMap(map[string]string{"org.test": "cleat"})
	dockerd.Layers = flatten.Texts([]string{"sha256:827bc36f1994389dfb3e5afad56934669b1bae24188abb36627bffaea3640c21", "sha256:a969ecb66f9d15522c61f940b10d14eda3d1086372fa128f98a947903bb93241"})
	podman := common
	podman.ID = str("sha256:7440bed2cac656ce2161524a2b5f229494e8703b5350e9e3bfbd6477a697b055")
	digest := "docker.io/cleat/test@sha256:ac0178b6bf1d613b9f6f87233174baa1ed41f312ba5334b6d9e2ef73f930068f"
	podman.RepoDigest, podman.RepoDigests, podman.Tags = str(digest), flatten.Texts([]string{digest}), flatten.Texts([]string{"docker.io/cleat/test:1"})
	podman.Created, podman.Size = str("2026-11-22T04:04:56.28429776Z"), types.Int64Value(1988036)
	podman.Labels = flatten.TextMap(map[string]string{"org.test": "cleat", "io.buildah.version": "1.28.2"})
	podman.Layers = flatten.Texts([]string{"sha256:d29a8294df5c0ea139791aec6bf2986aac26d178767a5917689c6a03258f2e39"})
	for file, want := range map[string]Model{"dockerd20.json": dockerd, "podman4.json": podman} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var i mobyimage.InspectResponse
			load(t, file, &i)
			got, err := DataSource{}.Read(t.Context(), fake{"cleat/test:1": i}, Model{Name: types.StringValue("cleat/test:1")})
			if err != nil {
				t.Fatal(err)
			}
			want.ImageID = want.ID
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("model (-want +got):\n%s", diff)
			}
		})
	}
	_, err := DataSource{}.Read(t.Context(), fake{}, Model{Name: str("none")})
	if path, _ := contract.PathOf(err); path != "name" || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("missing image: %v", err)
	}
	if _, err := (DataSource{}).Read(t.Context(), fake{"bare": {ID: "sha256:1"}}, Model{Name: str("bare")}); err != nil {
		t.Errorf("image without configuration: %v", err)
	}
}

func TestRepoDigest(t *testing.T) {
	t.Parallel()
	const a, b, hub = "a.example/x@sha256:0120fe5e57c10be372028652e5b46519cc6fcee0f204f8a33d4a89ca370ffd58", "b.example/x@sha256:0120fe5e57c10be372028652e5b46519cc6fcee0f204f8a33d4a89ca370ffd58",
		"nginx@sha256:0120fe5e57c10be372028652e5b46519cc6fcee0f204f8a33d4a89ca370ffd58"
	tests := map[string]struct {
		digests []string
		want    types.String
	}{
		"b.example/x:1":   {[]string{a, b}, types.StringValue(b)},
		"c.example/x":     {[]string{b, a}, types.StringValue(a)},
		"docker.io/nginx": {[]string{a, hub}, types.StringValue(hub)},
		"sha256:0120":     {[]string{b}, types.StringValue(b)},
		"x":               {nil, types.StringNull()},
	}
	for name, test := range tests {
		if got := repoDigest(name, test.digests); got != test.want {
			t.Errorf("repoDigest(%q, %v) = %s, want %s", name, test.digests, got, test.want)
		}
	}
}

func TestSortedPorts(t *testing.T) {
	t.Parallel()
	got := sortedPorts(map[string]struct{}{"443/tcp": {}, "80/udp": {}, "80/tcp": {}, "8080": {}})
	if diff := cmp.Diff([]string{"80/tcp", "80/udp", "443/tcp", "8080"}, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}
