package volume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/swarm"
	mobyvolume "github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// fake is an engine with the habits of dockerd 20.10: creating what exists returns it.
type fake struct {
	volumes    map[string]mobyvolume.Volume
	containers []container.Summary
	calls      []string
	// before runs ahead of a create, as another client would.
	before func()
}

func (f *fake) VolumeInspect(_ context.Context, name string, _ moby.VolumeInspectOptions) (moby.VolumeInspectResult, error) {
	f.calls = append(f.calls, "inspect "+name)
	v, ok := f.volumes[name]
	if !ok {
		return moby.VolumeInspectResult{}, fmt.Errorf("no such volume: %w", errs.ErrNotFound)
	}
	return moby.VolumeInspectResult{Volume: v}, nil
}

func (f *fake) VolumeCreate(_ context.Context, o moby.VolumeCreateOptions) (moby.VolumeCreateResult, error) {
	f.calls = append(f.calls, "create "+o.Name)
	if f.before != nil {
		f.before()
	}
	if o.Name == "" {
		o.Name = "0123456789ab"
	}
	if v, ok := f.volumes[o.Name]; ok {
		return moby.VolumeCreateResult{Volume: v}, nil
	}
	v := mobyvolume.Volume{Name: o.Name, Driver: o.Driver, Options: o.DriverOpts, Labels: o.Labels, Mountpoint: "/var/lib/docker/volumes/" + o.Name + "/_data", Scope: "local"}
	if o.ClusterVolumeSpec != nil {
		v.ClusterVolume = &mobyvolume.ClusterVolume{ID: "swarm1", Spec: *o.ClusterVolumeSpec}
		v.ClusterVolume.Version = swarm.Version{Index: 7}
	}
	f.volumes[o.Name] = v
	return moby.VolumeCreateResult{Volume: v}, nil
}

func (f *fake) VolumeUpdate(_ context.Context, name string, o moby.VolumeUpdateOptions) (moby.VolumeUpdateResult, error) {
	f.calls = append(f.calls, fmt.Sprintf("update %s version %d %s", name, o.Version.Index, o.Spec.Availability))
	v := f.volumes[name]
	v.ClusterVolume.Spec = *o.Spec
	f.volumes[name] = v
	return moby.VolumeUpdateResult{}, nil
}

func (f *fake) VolumeRemove(_ context.Context, name string, _ moby.VolumeRemoveOptions) (moby.VolumeRemoveResult, error) {
	f.calls = append(f.calls, "remove "+name)
	if _, ok := f.volumes[name]; !ok {
		return moby.VolumeRemoveResult{}, fmt.Errorf("no such volume: %w", errs.ErrNotFound)
	}
	if len(f.containers) > 0 {
		return moby.VolumeRemoveResult{}, fmt.Errorf("volume is in use: %w", errs.ErrConflict)
	}
	delete(f.volumes, name)
	return moby.VolumeRemoveResult{}, nil
}

func (f *fake) ContainerList(_ context.Context, o moby.ContainerListOptions) (moby.ContainerListResult, error) {
	f.calls = append(f.calls, fmt.Sprintf("containers all=%t %v", o.All, o.Filters))
	return moby.ContainerListResult{Items: f.containers}, nil
}

func newFake(volumes ...mobyvolume.Volume) *fake {
	f := &fake{volumes: map[string]mobyvolume.Volume{}}
	for _, v := range volumes {
		f.volumes[v.Name] = v
	}
	return f
}

func recorded(t *testing.T, file string) mobyvolume.Volume {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var v mobyvolume.Volume
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func str(s string) types.String { return types.StringValue(s) }

func strMap(pairs ...string) types.Map {
	m := map[string]attr.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = str(pairs[i+1])
	}
	return types.MapValueMust(types.StringType, m)
}

func labels(pairs ...string) contract.Blocks[Label] {
	var b contract.Blocks[Label]
	for i := 0; i < len(pairs); i += 2 {
		b.Items = append(b.Items, Label{str(pairs[i]), str(pairs[i+1])})
	}
	return b
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	dockerd := "/tmp/h4/d/data/volumes/"
	podman := "/tmp/h4/p/graph/volumes/"
	tests := map[string]struct {
		volume mobyvolume.Volume
		last   Model
		want   Model
	}{
		"dockerd, nothing declared": {
			volume: recorded(t, "dockerd20-v1.json"),
			want:   Model{DriverOpts: types.MapNull(types.StringType), Mountpoint: str(dockerd + "v1/_data")},
		},
		"podman, an empty map stays one": {
			volume: recorded(t, "podman4-v1.json"),
			last:   Model{DriverOpts: strMap()},
			want:   Model{DriverOpts: strMap(), Mountpoint: str(podman + "v1/_data")},
		},
		"dockerd, options and a label": {
			volume: recorded(t, "dockerd20-v3.json"),
			want:   Model{DriverOpts: strMap("type", "tmpfs", "device", "tmpfs", "o", "uid=1000,nodev"), Labels: labels("a", "b"), Mountpoint: str(dockerd + "v3/_data")},
		},
		"podman, what it derives from options is not declared": {
			volume: recorded(t, "podman4-v3.json"),
			want:   Model{DriverOpts: strMap("type", "tmpfs", "device", "tmpfs", "o", "uid=1000,nodev"), Labels: labels("a", "b"), Mountpoint: str(podman + "v3/_data")},
		},
		"podman, a declared option is never filtered": {
			volume: recorded(t, "podman4-v3.json"),
			last:   Model{DriverOpts: strMap("UID", "1000")},
			want:   Model{DriverOpts: strMap("type", "tmpfs", "device", "tmpfs", "o", "uid=1000,nodev", "UID", "1000"), Labels: labels("a", "b"), Mountpoint: str(podman + "v3/_data")},
		},
		"labels follow the order of last, the engine's own is left out": {
			volume: mobyvolume.Volume{Name: "v", Driver: "local", Labels: map[string]string{"a": "1", "b": "2", "c": "3", anonymousLabel: ""}},
			last:   Model{Labels: labels("c", "old", "gone", "x")},
			want:   Model{DriverOpts: types.MapNull(types.StringType), Mountpoint: str(""), Labels: labels("c", "3", "a", "1", "b", "2")},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := test.want
			want.ID, want.Name, want.Driver = str(test.volume.Name), str(test.volume.Name), str("local")
			if diff := cmp.Diff(want, flatten(test.volume, test.last)); diff != "" {
				t.Errorf("model (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	planned := Model{ID: types.StringUnknown(), Name: str("data"), Driver: str("local"), Mountpoint: types.StringUnknown(), Labels: labels("a", "b")}

	t.Run("makes it and knows everything without another call", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		got, err := Type{}.Create(t.Context(), f, planned)
		if err != nil {
			t.Fatal(err)
		}
		want := planned
		want.ID, want.Mountpoint, want.DriverOpts = str("data"), str("/var/lib/docker/volumes/data/_data"), types.MapNull(types.StringType)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("model (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"inspect data", "create data"}, f.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
	t.Run("a name the engine chooses needs no look", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		unnamed := planned
		unnamed.Name = types.StringUnknown()
		got, err := Type{}.Create(t.Context(), f, unnamed)
		if err != nil || got.Name.ValueString() != "0123456789ab" || got.ID != got.Name {
			t.Errorf("got %v, %v", got.Name, err)
		}
		if diff := cmp.Diff([]string{"create "}, f.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
	t.Run("refuses one that exists and touches nothing", func(t *testing.T) {
		t.Parallel()
		f := newFake(mobyvolume.Volume{Name: "data", Driver: "local", Labels: map[string]string{"a": "b"}})
		_, err := Type{}.Create(t.Context(), f, planned)
		wantTaken(t, err)
		if diff := cmp.Diff([]string{"inspect data"}, f.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
	t.Run("refuses one made by another between look and create", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.before = func() { f.volumes["data"] = mobyvolume.Volume{Name: "data", Driver: "local"} }
		_, err := Type{}.Create(t.Context(), f, planned)
		wantTaken(t, err)
		if _, ok := f.volumes["data"]; !ok {
			t.Error("the other one's volume was removed")
		}
	})
}

func wantTaken(t *testing.T, err error) {
	t.Helper()
	path, _ := contract.PathOf(err)
	if !errors.Is(err, errs.ErrConflict) || path != "name" || !strings.Contains(err.Error(), "adopt") {
		t.Errorf("got %v, want a conflict about name that says how to adopt", err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	model := Model{ID: str("data"), Name: str("data")}
	t.Run("gone already", func(t *testing.T) {
		t.Parallel()
		if err := (Type{}).Delete(t.Context(), newFake(), model); err != nil {
			t.Error(err)
		}
	})
	t.Run("in use names the containers", func(t *testing.T) {
		t.Parallel()
		f := newFake(mobyvolume.Volume{Name: "data"})
		f.containers = []container.Summary{{ID: "2", Names: []string{"/web"}}, {ID: "1", Names: []string{"/db"}}, {ID: "9"}}
		err := Type{}.Delete(t.Context(), f, model)
		if !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "9, db, web") {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff([]string{"remove data", "containers all=true map[volume:map[data:true]]"}, f.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}
