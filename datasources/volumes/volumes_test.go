package volumes

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
)

var _ API = (*client.Client)(nil)

// fake is an engine that has these.
type fake []volume.Volume

func (f fake) VolumeList(context.Context, moby.VolumeListOptions) (moby.VolumeListResult, error) {
	return moby.VolumeListResult{Items: f}, nil
}

func TestRead(t *testing.T) {
	t.Parallel()
	f := fake{
		{Name: "web", Driver: "local", Mountpoint: "/v/web", Scope: "local", CreatedAt: "2026-11-22T10:00:00Z", Options: map[string]string{"type": "tmpfs"}},
		{Name: "data", Labels: map[string]string{"a": "b"}},
	}
	got, err := DataSource{}.Read(t.Context(), f, Model{})
	if err != nil {
		t.Fatal(err)
	}
	item := func(name, driver, mountpoint, scope, created string, options, labels map[string]string) map[string]attr.Value {
		return map[string]attr.Value{"name": types.StringValue(name), "driver": flatten.Text(driver), "mountpoint": flatten.Text(mountpoint), "scope": flatten.Text(scope),
			"created": flatten.Text(created), "driver_opts": flatten.TextMap(options), "labels": flatten.TextMap(labels)}
	}
	want := object.List([]map[string]attr.Value{
		item("data", "", "", "", "", nil, map[string]string{"a": "b"}),
		item("web", "local", "/v/web", "local", "2026-11-22T10:00:00Z", map[string]string{"type": "tmpfs"}, nil),
	})
	if diff := cmp.Diff(want, got.Volumes); diff != "" || got.ID.ValueString() != "volumes" {
		t.Errorf("%s (-want +got):\n%s", got.ID, diff)
	}
}
