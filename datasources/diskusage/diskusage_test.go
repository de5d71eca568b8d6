package diskusage

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
)

var _ API = (*client.Client)(nil)

type fake struct {
	result moby.DiskUsageResult
	err    error
	asked  moby.DiskUsageOptions
}

func (f *fake) DiskUsage(_ context.Context, o moby.DiskUsageOptions) (moby.DiskUsageResult, error) {
	f.asked = o
	return f.result, f.err
}

func TestRead(t *testing.T) {
	t.Parallel()
	f := &fake{result: moby.DiskUsageResult{
		Images:     moby.ImagesDiskUsage{TotalCount: 1, ActiveCount: 2, TotalSize: 3, Reclaimable: 4},
		Containers: moby.ContainersDiskUsage{TotalCount: 5, ActiveCount: 6, TotalSize: 7, Reclaimable: 8},
		Volumes:    moby.VolumesDiskUsage{TotalCount: 9, ActiveCount: 10, TotalSize: 11, Reclaimable: 12},
		BuildCache: moby.BuildCacheDiskUsage{TotalCount: 13, ActiveCount: 14, TotalSize: 15, Reclaimable: 16},
	}}
	got, err := DataSource{}.Read(t.Context(), f, Model{})
	if err != nil {
		t.Fatal(err)
	}
	want := Model{ID: types.StringValue("disk_usage"), Images: usage(1, 2, 3, 4), Containers: usage(5, 6, 7, 8), Volumes: usage(9, 10, 11, 12), BuildCache: usage(13, 14, 15, 16)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("model (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(moby.DiskUsageOptions{Containers: true, Images: true, BuildCache: true, Volumes: true}, f.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	f.result.Images.TotalSize = 0
	got, err = DataSource{}.Read(t.Context(), f, Model{})
	if size := got.Images.Attributes()["size"]; err != nil || !size.IsNull() {
		t.Errorf("an engine that does not tell the size of its images: %v, %v", size, err)
	}
	if _, err := (DataSource{}).Read(t.Context(), &fake{err: errs.ErrUnavailable}, Model{}); !errors.Is(err, errs.ErrUnavailable) {
		t.Errorf("engine gone: %v", err)
	}
}
