package volume

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyvolume "github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

type fake map[string]mobyvolume.Volume

func (f fake) VolumeInspect(_ context.Context, name string, _ moby.VolumeInspectOptions) (moby.VolumeInspectResult, error) {
	if v, ok := f[name]; ok {
		return moby.VolumeInspectResult{Volume: v}, nil
	}
	return moby.VolumeInspectResult{}, errs.ErrNotFound
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
	var v mobyvolume.Volume
	load(t, "dockerd20.json", &v)
	str := types.StringValue
	got, err := DataSource{}.Read(t.Context(), fake{"v3": v}, Model{Name: str("v3")})
	if err != nil {
		t.Fatal(err)
	}
	want := Model{
		ID: str("v3"), Name: str("v3"), Driver: str("local"), Scope: str("local"), Created: str("2026-11-22T04:09:17Z"),
		Mountpoint: str("/tmp/h4/d/data/volumes/v3/_data"), Labels: flatten.TextMap(map[string]string{"a": "b"}),
		DriverOpts: flatten.TextMap(map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "uid=1000,nodev"}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("model (-want +got):\n%s", diff)
	}
	_, err = DataSource{}.Read(t.Context(), fake{}, Model{Name: str("none")})
	if path, _ := contract.PathOf(err); path != "name" || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("missing volume: %v", err)
	}
}
