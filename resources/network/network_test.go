package network

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
	mobynetwork "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/system"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// fake is an engine: it answers with what it was given, and counts.
type fake struct {
	networks  []mobynetwork.Inspect
	info      system.Info
	createErr error
	removeErr error
	warning   []string
	calls     []string
	// store turns a create request into the network the engine makes of it.
	store func(name string, o moby.NetworkCreateOptions) mobynetwork.Inspect
}

func (f *fake) NetworkInspect(_ context.Context, id string, _ moby.NetworkInspectOptions) (moby.NetworkInspectResult, error) {
	f.calls = append(f.calls, "inspect "+id)
	for _, n := range f.networks {
		if n.ID == id || n.Name == id {
			return moby.NetworkInspectResult{Network: n}, nil
		}
	}
	return moby.NetworkInspectResult{}, fmt.Errorf("network %s not found: %w", id, errs.ErrNotFound)
}

// NetworkList filters by part of the name, as engines do.
func (f *fake) NetworkList(_ context.Context, o moby.NetworkListOptions) (moby.NetworkListResult, error) {
	f.calls = append(f.calls, fmt.Sprintf("list %v", o.Filters))
	var r moby.NetworkListResult
	for _, n := range f.networks {
		for part := range o.Filters["name"] {
			if strings.Contains(n.Name, part) {
				r.Items = append(r.Items, mobynetwork.Summary{Network: n.Network})
			}
		}
	}
	return r, nil
}

func (f *fake) NetworkCreate(_ context.Context, name string, o moby.NetworkCreateOptions) (moby.NetworkCreateResult, error) {
	f.calls = append(f.calls, "create "+name)
	if f.createErr != nil {
		return moby.NetworkCreateResult{}, f.createErr
	}
	if f.store != nil {
		f.networks = append(f.networks, f.store(name, o))
	}
	return moby.NetworkCreateResult{ID: "id1", Warning: f.warning}, nil
}

func (f *fake) NetworkRemove(_ context.Context, id string, _ moby.NetworkRemoveOptions) (moby.NetworkRemoveResult, error) {
	f.calls = append(f.calls, "remove "+id)
	return moby.NetworkRemoveResult{}, f.removeErr
}

func (f *fake) Info(context.Context, moby.InfoOptions) (moby.SystemInfoResult, error) {
	f.calls = append(f.calls, "info")
	return moby.SystemInfoResult{Info: f.info}, nil
}

// newer is an engine that refuses a second network of a name itself.
type newer struct{ *fake }

func (newer) ClientVersion() string { return "1.47" }

func recorded(t *testing.T, file string) mobynetwork.Inspect {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var n mobynetwork.Inspect
	if err := json.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func str(s string) types.String { return types.StringValue(s) }

func strMap(pairs ...string) types.Map {
	m := map[string]attr.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = str(pairs[i+1])
	}
	return types.MapValueMust(types.StringType, m)
}

var planned = Model{Name: str("front"), Driver: str("bridge"), Internal: types.BoolValue(false), IPAMDriver: str("default")}

func TestCreate(t *testing.T) {
	t.Parallel()
	front := mobynetwork.Inspect{Network: mobynetwork.Network{Name: "front", ID: "other"}}
	frontend := mobynetwork.Inspect{Network: mobynetwork.Network{Name: "frontend", ID: "other"}}
	tests := map[string]struct {
		engine    *fake
		newer     bool
		calls     []string
		path      string // of the error; "" for success
		wantWords string
	}{
		"made": {engine: &fake{}, calls: []string{"list map[name:map[front:true]]", "create front"}},
		"another name with this in it": {
			engine: &fake{networks: []mobynetwork.Inspect{frontend}},
			calls:  []string{"list map[name:map[front:true]]", "create front"},
		},
		"taken": {
			engine: &fake{networks: []mobynetwork.Inspect{front}},
			calls:  []string{"list map[name:map[front:true]]"}, path: "name", wantWords: "adopt",
		},
		"taken meanwhile, ours goes": {
			engine: &fake{warning: []string{"Network with name front (id : 14b2) already exists"}},
			calls:  []string{"list map[name:map[front:true]]", "create front", "remove id1"}, path: "name", wantWords: "adopt",
		},
		"taken, said by podman": {
			engine: &fake{createErr: fmt.Errorf("network name front already used: network already exists: %w", errs.ErrInternal)},
			calls:  []string{"list map[name:map[front:true]]", "create front"}, path: "name", wantWords: "adopt",
		},
		"taken, said by a newer engine": {
			engine: &fake{createErr: fmt.Errorf("network with name front already exists: %w", errs.ErrConflict)}, newer: true,
			calls: []string{"create front"}, path: "name", wantWords: "adopt",
		},
		"subnet in use": {
			engine: &fake{createErr: fmt.Errorf("Pool overlaps with other one on this address space: %w", errs.ErrInternal)},
			calls:  []string{"list map[name:map[front:true]]", "create front"}, path: "ipam_config", wantWords: "another subnet",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e API = test.engine
			if test.newer {
				e = newer{test.engine}
			}
			got, err := Type{}.Create(t.Context(), e, planned)
			if diff := cmp.Diff(test.calls, test.engine.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			path, _ := contract.PathOf(err)
			if path != test.path || (err == nil) != (test.path == "") {
				t.Fatalf("error %v, want one at %q", err, test.path)
			}
			if err == nil && got.ID.ValueString() != "id1" {
				t.Errorf("id %s", got.ID)
			}
			if err != nil && !strings.Contains(err.Error(), test.wantWords) {
				t.Errorf("error %v, want %q", err, test.wantWords)
			}
			if path == "name" && !errors.Is(err, errs.ErrConflict) {
				t.Errorf("error %v is no conflict", err)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	model := Model{ID: str("x"), Name: str("front")}
	plain := func() []mobynetwork.Inspect {
		return []mobynetwork.Inspect{withID(recorded(t, "dockerd20-plain"), "x")}
	}
	tests := map[string]struct {
		engine *fake
		want   string // of the error
		class  error
		calls  []string
	}{
		"removed":             {engine: &fake{networks: plain()}, calls: []string{"inspect x", "remove x"}},
		"gone already":        {engine: &fake{}, calls: []string{"inspect x"}},
		"gone while we asked": {engine: &fake{networks: plain(), removeErr: errs.ErrNotFound}, calls: []string{"inspect x", "remove x"}},
		"in use on dockerd": {
			engine: &fake{networks: []mobynetwork.Inspect{withID(recorded(t, "dockerd20-attached"), "x")}},
			want:   `network "front" is in use by c3`, class: errs.ErrConflict, calls: []string{"inspect x"},
		},
		"in use on podman, which would remove it": {
			engine: &fake{networks: []mobynetwork.Inspect{withID(recorded(t, "podman4-attached"), "x")}},
			want:   `network "front" is in use by c1, c2, c3`, class: errs.ErrConflict, calls: []string{"inspect x"},
		},
		"something else": {
			engine: &fake{networks: plain(), removeErr: errs.ErrUnavailable},
			want:   `network "front"`, class: errs.ErrUnavailable, calls: []string{"inspect x", "remove x"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Type{}.Delete(t.Context(), test.engine, model)
			if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || !errors.Is(err, test.class)) {
				t.Errorf("error %v, want %q of class %v", err, test.want, test.class)
			}
			if diff := cmp.Diff(test.calls, test.engine.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func withID(n mobynetwork.Inspect, id string) mobynetwork.Inspect {
	n.ID = id
	return n
}

func TestImport(t *testing.T) {
	t.Parallel()
	null := types.MapNull(types.StringType)
	custom := system.Info{DefaultAddressPools: []system.NetworkAddressPool{{Base: mustPrefix("10.202.0.0/16"), Size: 24}}}
	tests := map[string]struct {
		file   string
		info   system.Info
		want   []IPAMConfig
		asked  bool // for the engine's address pools
		labels int
	}{
		"dockerd, chosen from its pools":     {file: "dockerd20-plain", info: custom, asked: true},
		"dockerd, not from its pools":        {file: "dockerd20-plain", asked: true, want: []IPAMConfig{{Subnet: str("10.202.0.0/24"), Gateway: str("10.202.0.1"), AuxAddress: null}}},
		"dockerd, internal chosen":           {file: "dockerd20-int", info: custom, asked: true},
		"dockerd, subnet without a gateway":  {file: "dockerd20-subonly", want: []IPAMConfig{{Subnet: str("10.203.6.0/24"), AuxAddress: null}}},
		"dockerd, host bits":                 {file: "dockerd20-hostbits", want: []IPAMConfig{{Subnet: str("10.203.2.7/24"), AuxAddress: null}}},
		"dockerd, both families without one": {file: "dockerd20-dual", want: []IPAMConfig{{Subnet: str("10.203.5.0/24"), AuxAddress: null}, {Subnet: str("fd00:5::/64"), AuxAddress: null}}},
		"dockerd, everything": {file: "dockerd20-declared", labels: 1, want: []IPAMConfig{{
			Subnet: str("10.203.1.0/24"), Gateway: str("10.203.1.254"), IPRange: str("10.203.1.128/25"), AuxAddress: strMap("a", "10.203.1.5"),
		}}},
		"podman, chosen":             {file: "podman4-plain"},
		"podman, both chosen":        {file: "podman4-six0"},
		"podman, declared elsewhere": {file: "podman4-declared", labels: 1, want: []IPAMConfig{{Subnet: str("10.204.1.0/24"), Gateway: str("10.204.1.254"), AuxAddress: null}}},
		"podman, no addresses":       {file: "podman4-mac"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := recorded(t, test.file)
			f := &fake{networks: []mobynetwork.Inspect{n}, info: test.info}
			got, err := Type{}.Import(t.Context(), f, n.Name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(contract.BlocksOf(test.want...), got.IPAMConfig); diff != "" {
				t.Errorf("ipam_config (-want +got):\n%s", diff)
			}
			if len(got.IPAM.Elements()) != len(n.IPAM.Config) {
				t.Errorf("ipam %s, the engine has %v", got.IPAM, n.IPAM.Config)
			}
			if asked := len(f.calls) == 2; asked != test.asked {
				t.Errorf("calls %v", f.calls)
			}
			if len(got.Labels.Items) != test.labels || !got.Options.IsNull() && name != "dockerd, everything" || !got.IPAMOptions.IsNull() {
				t.Errorf("labels %v, options %s, IPAM options %s", got.Labels, got.Options, got.IPAMOptions)
			}
		})
	}
}
