package volume

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyvolume "github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// config returns a declaration with everything else null.
func config(t *testing.T, r contract.Resource, values map[string]attr.Value) types.Object {
	t.Helper()
	all := map[string]attr.Value{}
	for _, a := range r.Node().Attributes {
		all[a.Name] = a.Null
	}
	for _, b := range r.Node().Blocks {
		typ := blockType(t, r, b.Name)
		all[b.Name] = types.SetValueMust(typ, nil)
		if b.Nesting == contract.List {
			all[b.Name] = types.ListValueMust(typ, nil)
		}
	}
	for name, v := range values {
		all[name] = v
	}
	object, err := r.Node().Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func labelSet(t *testing.T, r contract.Resource, pairs ...string) attr.Value {
	t.Helper()
	typ := blockType(t, r, "labels")
	var items []attr.Value
	for i := 0; i < len(pairs); i += 2 {
		items = append(items, types.ObjectValueMust(typ.AttrTypes, map[string]attr.Value{"label": str(pairs[i]), "value": str(pairs[i+1])}))
	}
	return types.SetValueMust(typ, items)
}

func clusterList(t *testing.T, r contract.Resource, pairs ...string) attr.Value {
	t.Helper()
	typ := blockType(t, r, "cluster")
	values := map[string]attr.Value{}
	for name := range typ.AttrTypes {
		values[name] = types.StringNull()
	}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = str(pairs[i+1])
	}
	return types.ListValueMust(typ, []attr.Value{types.ObjectValueMust(typ.AttrTypes, values)})
}

func blockType(t *testing.T, r contract.Resource, name string) types.ObjectType {
	t.Helper()
	switch typ := r.Node().Null().AttributeTypes(t.Context())[name].(type) {
	case types.SetType:
		return typ.ElemType.(types.ObjectType)
	case types.ListType:
		return typ.ElemType.(types.ObjectType)
	default:
		t.Fatalf("%s is %T", name, typ)
		return types.ObjectType{}
	}
}

// changesOf plans a declaration against what an engine has and returns "path effect" of each change.
func changesOf(t *testing.T, r contract.Resource, declared, observed types.Object) []string {
	t.Helper()
	plan, err := r.Plan(t.Context(), newFake(), contract.Request{Config: declared, Observed: observed})
	if err != nil {
		t.Fatal(err)
	}
	var changes []string
	for _, c := range plan.Changes {
		changes = append(changes, c.Path+" "+c.Effect.String())
	}
	return changes
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	r := host(t)
	tests := map[string]struct{ declared types.Object }{
		"name alone": {
			declared: config(t, r, map[string]attr.Value{"name": str("data")}),
		},
		"nothing": {
			declared: config(t, r, nil),
		},
		"all": {
			declared: config(t, r, map[string]attr.Value{
				"name": str("data"), "driver": str("local"), "driver_opts": strMap("type", "tmpfs", "o", "uid=5"), "labels": labelSet(t, r, "z", "1", "a", "2"),
			}),
		},
		"empty options": {
			declared: config(t, r, map[string]attr.Value{"name": str("data"), "driver_opts": strMap()}),
		},
		"cluster": {
			declared: config(t, r, map[string]attr.Value{
				"name": str("data"), "driver": str("csi"),
				"cluster": clusterList(t, r, "limit_bytes", "2048MiB", "topology_required", "b=2, a=1", "type", "mount"),
			}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			plan, err := r.Plan(t.Context(), f, contract.Request{Config: test.declared, Observed: r.Node().Null()})
			if err != nil {
				t.Fatal(err)
			}
			created, err := r.Create(t.Context(), f, plan.Planned)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Check(plan.Planned, created); err != nil {
				t.Error(err)
			}
			read, err := r.Read(t.Context(), f, created)
			if err != nil {
				t.Fatal(err)
			}
			if !read.Equal(created) {
				t.Errorf("created %s\nread %s", created, read)
			}
			if changes := changesOf(t, r, test.declared, read); changes != nil {
				t.Errorf("plan after create: %v", changes)
			}
			imported, err := r.Import(t.Context(), f, read.Attributes()["id"].(types.String).ValueString())
			if err != nil {
				t.Fatal(err)
			}
			if changes := changesOf(t, r, test.declared, imported); changes != nil {
				t.Errorf("plan after import: %v", changes)
			}
			if err := r.Delete(t.Context(), f, read); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(t.Context(), f, read); !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("read after delete: %v", err)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	r := host(t)
	cluster := func(pairs ...string) types.Object {
		return config(t, r, map[string]attr.Value{"name": str("data"), "driver": str("csi"), "cluster": clusterList(t, r, pairs...)})
	}
	local := mobyvolume.Volume{Name: "data", Driver: "local", Labels: map[string]string{"a": "1"}, Options: map[string]string{"type": "tmpfs"}}
	csi := mobyvolume.Volume{Name: "data", Driver: "csi", ClusterVolume: &mobyvolume.ClusterVolume{Spec: mobyvolume.ClusterVolumeSpec{
		Availability: "active", AccessMode: &mobyvolume.AccessMode{Scope: "single", Sharing: "none", BlockVolume: &mobyvolume.TypeBlock{}},
		CapacityRange: &mobyvolume.CapacityRange{LimitBytes: 1 << 30},
	}}}
	tests := map[string]struct {
		observed mobyvolume.Volume
		declared types.Object
		want     []string
	}{
		"the same":                             {local, config(t, r, map[string]attr.Value{"name": str("data"), "driver_opts": strMap("type", "tmpfs"), "labels": labelSet(t, r, "a", "1")}), nil},
		"label and options no longer declared": {local, config(t, r, map[string]attr.Value{"name": str("data")}), []string{"driver_opts replace", "labels replace"}},
		"name and driver": {
			local, config(t, r, map[string]attr.Value{"name": str("other"), "driver": str("nfs"), "driver_opts": strMap("type", "tmpfs"), "labels": labelSet(t, r, "a", "1")}),
			[]string{"driver replace", "name replace"},
		},
		"label value":              {local, config(t, r, map[string]attr.Value{"driver_opts": strMap("type", "tmpfs"), "labels": labelSet(t, r, "a", "2")}), []string{"labels replace"}},
		"size in another spelling": {csi, cluster("limit_bytes", "1024MiB"), nil},
		"availability":             {csi, cluster("limit_bytes", "1GiB", "availability", "drain"), []string{"cluster update"}},
		"size":                     {csi, cluster("limit_bytes", "2GiB"), []string{"cluster replace"}},
		"size and availability":    {csi, cluster("limit_bytes", "2GiB", "availability", "drain"), []string{"cluster replace"}},
		"no longer a cluster's":    {csi, config(t, r, map[string]attr.Value{"driver": str("csi")}), []string{"cluster replace"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			observed, err := r.Import(t.Context(), newFake(test.observed), "data")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, changesOf(t, r, test.declared, observed)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdateAvailability(t *testing.T) {
	t.Parallel()
	r, f := host(t), newFake()
	declare := func(availability string) types.Object {
		return config(t, r, map[string]attr.Value{"name": str("data"), "driver": str("csi"), "cluster": clusterList(t, r, "group", "g", "availability", availability)})
	}
	plan, err := r.Plan(t.Context(), f, contract.Request{Config: declare("active"), Observed: r.Node().Null()})
	if err != nil {
		t.Fatal(err)
	}
	observed, err := r.Create(t.Context(), f, plan.Planned)
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = r.Plan(t.Context(), f, contract.Request{Config: declare("drain"), Observed: observed}); err != nil {
		t.Fatal(err)
	}
	f.calls = nil
	updated, err := r.Update(t.Context(), f, observed, plan.Planned, plan.Changes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"inspect data", "update data version 7 drain"}, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if changes := changesOf(t, r, declare("drain"), updated); changes != nil {
		t.Errorf("plan after update: %v", changes)
	}
	if group := f.volumes["data"].ClusterVolume.Spec.Group; group != "g" {
		t.Errorf("the update lost the group: %q", group)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	r := host(t)
	tests := map[string]struct {
		values map[string]attr.Value
		want   string // part of the error, "" for none
	}{
		"good":             {map[string]attr.Value{"name": str("a.b-c_9")}, ""},
		"one character":    {map[string]attr.Value{"name": str("a")}, "at least two characters"},
		"slash":            {map[string]attr.Value{"name": str("a/b")}, "a volume name has"},
		"leading dash":     {map[string]attr.Value{"name": str("-ab")}, "starts with a letter"},
		"unknown name":     {map[string]attr.Value{"name": types.StringUnknown()}, ""},
		"duplicate label":  {map[string]attr.Value{"labels": labelSet(t, r, "a", "1", "a", "2")}, `label "a" is given twice`},
		"empty label":      {map[string]attr.Value{"labels": labelSet(t, r, "", "1")}, "at least 1"},
		"bad size":         {map[string]attr.Value{"driver": str("csi"), "cluster": clusterList(t, r, "limit_bytes", "much")}, "not a size"},
		"bad topology":     {map[string]attr.Value{"driver": str("csi"), "cluster": clusterList(t, r, "topology_required", "zone")}, "key=value"},
		"bad scope":        {map[string]attr.Value{"driver": str("csi"), "cluster": clusterList(t, r, "scope", "all")}, "scope"},
		"cluster on local": {map[string]attr.Value{"cluster": clusterList(t, r)}, "CSI driver"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := r.Validate(t.Context(), config(t, r, test.values))
			var all strings.Builder
			for _, d := range diags {
				all.WriteString(d.Summary() + ": " + d.Detail() + "\n")
			}
			if test.want == "" && diags.HasError() || test.want != "" && !strings.Contains(all.String(), test.want) {
				t.Errorf("diagnostics %q, want %q", all.String(), test.want)
			}
		})
	}
}

func TestRequires(t *testing.T) {
	t.Parallel()
	r := host(t)
	for _, c := range []struct {
		version, path string
		values        map[string]attr.Value
	}{
		{"1.20", "", nil}, // there are no volumes at all
		{"1.20", "", map[string]attr.Value{"name": str("data")}},
		{"1.22", "labels", map[string]attr.Value{"labels": labelSet(t, r, "a", "b")}},
		{"1.22", "cluster", map[string]attr.Value{"driver": str("csi"), "cluster": clusterList(t, r)}},
	} {
		_, err := r.Plan(t.Context(), newFake(), contract.Request{Config: config(t, r, c.values), Observed: r.Node().Null(), APIVersion: c.version})
		if at, _ := contract.PathOf(err); err == nil || at != c.path {
			t.Errorf("%v on API %s: %v, want an error at %q", c.values, c.version, err, c.path)
		}
	}
	if _, err := r.Plan(t.Context(), newFake(), contract.Request{Config: config(t, r, nil), Observed: r.Node().Null(), APIVersion: "1.21"}); err != nil {
		t.Errorf("on API 1.21: %v", err)
	}
}

func FuzzSizes(f *testing.F) {
	for _, s := range []string{"0", "128MiB", "2g", "-1", "1.5GiB", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseSize(s)
		if err != nil {
			return
		}
		if back, err := parseSize(formatSize(n)); err != nil || back != n {
			t.Errorf("%q is %d bytes, written %q, read %d, %v", s, n, formatSize(n), back, err)
		}
	})
}
