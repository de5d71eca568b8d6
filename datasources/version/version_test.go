package version

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/system"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
)

var _ API = (*client.Client)(nil)

type fake struct {
	version moby.ServerVersionResult
	err     error
}

func (f fake) ServerVersion(context.Context, moby.ServerVersionOptions) (moby.ServerVersionResult, error) {
	return f.version, f.err
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
	str, null := types.StringValue, types.StringNull()
	tests := map[string]struct {
		want  Model
		parts []string
	}{
		"dockerd20.json": {
			want:  Model{Version: str("20.10.24+dfsg1"), MinAPIVersion: str("1.12"), Platform: null},
			parts: []string{"Engine", "containerd", "runc", "docker-init"},
		},
		"podman4.json": {
			want:  Model{Version: str("4.3.1"), MinAPIVersion: str("1.24"), Platform: str("linux/amd64/debian-12")},
			parts: []string{"Podman Engine", "Conmon", "OCI Runtime (runc)"},
		},
	}
	for file, test := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var v system.VersionResponse
			load(t, file, &v)
			got, err := DataSource{}.Read(t.Context(), fake{version: moby.ServerVersionResult{
				Platform: moby.PlatformInfo{Name: v.Platform.Name}, Version: v.Version, APIVersion: v.APIVersion, MinAPIVersion: v.MinAPIVersion,
				Os: v.Os, Arch: v.Arch, Components: v.Components,
			}}, Model{})
			if err != nil {
				t.Fatal(err)
			}
			var parts []string
			for _, c := range got.Components.Elements() {
				parts = append(parts, c.(types.Object).Attributes()["name"].(types.String).ValueString())
			}
			if diff := cmp.Diff(test.parts, parts); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			want := test.want
			want.ID, want.APIVersion, want.OS, want.Architecture = want.Version, str("1.41"), str("linux"), str("amd64")
			want.Experimental, want.Components = types.BoolValue(false), got.Components
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("model (-want +got):\n%s", diff)
			}
		})
	}
	old, err := DataSource{}.Read(t.Context(), fake{version: moby.ServerVersionResult{Version: "1.6.2", APIVersion: "1.18"}}, Model{})
	if err != nil || !old.MinAPIVersion.IsNull() || old.Components.IsNull() || len(old.Components.Elements()) > 0 {
		t.Errorf("API 1.18: %v, %v", old, err)
	}
	if _, err := (DataSource{}).Read(t.Context(), fake{err: errs.ErrUnavailable}, Model{}); errs.Class(err) != errs.ErrUnavailable {
		t.Errorf("engine away: %v", err)
	}
}
