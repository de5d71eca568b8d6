package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

type fake struct {
	items []container.Summary
	err   error
	asked moby.ContainerListOptions
}

func (f *fake) ContainerList(_ context.Context, o moby.ContainerListOptions) (moby.ContainerListResult, error) {
	f.asked = o
	return moby.ContainerListResult{Items: f.items}, f.err
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

func set(values ...string) types.Set {
	var elements []attr.Value
	for _, v := range values {
		elements = append(elements, types.StringValue(v))
	}
	return types.SetValueMust(types.StringType, elements)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	by := func(name string, values ...string) filter.Filter {
		return filter.Filter{Name: types.StringValue(name), Values: set(values...)}
	}
	tests := map[string]struct {
		config Model
		want   moby.ContainerListOptions
	}{
		"nothing": {Model{}, moby.ContainerListOptions{}},
		"all":     {Model{All: types.BoolValue(true), Limit: types.Int64Value(3)}, moby.ContainerListOptions{All: true, Limit: 3}},
		"filters": {
			Model{Filter: contract.BlocksOf(by("label", "a=b", "c"), by("status", "exited"), by("label", "d"))},
			moby.ContainerListOptions{Filters: moby.Filters{}.Add("label", "a=b", "c", "d").Add("status", "exited")},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			if _, err := (DataSource{}).Read(t.Context(), f, test.config); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, f.asked); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]string{
		"dockerd20.json": {"c1": "exited cleat/test:1 /bin/busybox echo hi", "c2": "exited cleat/test:1 /bin/busybox sh -c 'echo out; echo err >&2'", "c3": "running cleat/test:1 /bin/busybox sleep 600"},
		"podman4.json":   {"c1": "exited docker.io/cleat/test:1 echo hi", "c2": "exited docker.io/cleat/test:1 sh -c echo out; echo err >&2"},
	}
	for file, containers := range want {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			load(t, file, &f.items)
			m, err := DataSource{}.Read(t.Context(), f, Model{All: types.BoolValue(true)})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for i, item := range m.Containers.Elements() {
				c := item.(types.Object).Attributes()
				text := func(name string) string { return c[name].(types.String).ValueString() }
				got[c["names"].(types.List).Elements()[0].(types.String).ValueString()] = text("state") + " " + text("image") + " " + text("command")
				if s := f.items[i]; text("id") != s.ID || text("image_id") != s.ImageID || text("status") != s.Status || !c["created"].Equal(types.Int64Value(s.Created)) ||
					!c["labels"].Equal(flatten.TextMap(s.Labels)) {
					t.Errorf("item %d: %s", i, item)
				}
			}
			if diff := cmp.Diff(containers, got); diff != "" {
				t.Errorf("containers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	wrong := fmt.Errorf("invalid filter 'colour': %w", errs.ErrInvalid)
	_, err := DataSource{}.Read(t.Context(), &fake{err: wrong}, Model{Filter: contract.BlocksOf(filter.Filter{Name: types.StringValue("colour"), Values: set("red")})})
	if path, _ := contract.PathOf(err); path != "filter" {
		t.Errorf("wrong filter: %v", err)
	}
	_, err = DataSource{}.Read(t.Context(), &fake{err: errs.ErrUnavailable}, Model{})
	if path, _ := contract.PathOf(err); path != "" || errs.Class(err) != errs.ErrUnavailable {
		t.Errorf("engine away: %v", err)
	}
}
