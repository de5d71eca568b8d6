//go:build linux

package system

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
)

func TestDiskUsage(t *testing.T) {
	t.Parallel()
	images := []image.Summary{{ID: "used", Size: 10, SharedSize: 4, Containers: 1}, {ID: "unused", Size: 7, SharedSize: 4}}
	containers := []container.Summary{{ID: "a", State: container.StateRunning, SizeRw: 3}, {ID: "b", State: container.StateExited, SizeRw: 5}}
	volumes := []volume.Volume{{Name: "u", UsageData: &volume.UsageData{RefCount: 1, Size: 2}}, {Name: "v", UsageData: &volume.UsageData{Size: 9}}}
	s := &Service{cfg: Config{Stores: Stores{
		Images:     func(context.Context) ([]image.Summary, int64, error) { return images, 13, nil },
		Containers: func(context.Context) ([]container.Summary, error) { return containers, nil },
		Volumes:    func(context.Context) ([]volume.Volume, error) { return volumes, nil },
	}}}
	all := system.DiskUsage{
		ImageUsage:      &image.DiskUsage{ActiveCount: 1, Items: images, Reclaimable: 7, TotalCount: 2, TotalSize: 13},
		ContainerUsage:  &container.DiskUsage{ActiveCount: 1, Items: containers, Reclaimable: 5, TotalCount: 2, TotalSize: 8},
		VolumeUsage:     &volume.DiskUsage{ActiveCount: 1, Items: volumes, Reclaimable: 9, TotalCount: 2, TotalSize: 11},
		BuildCacheUsage: &build.DiskUsage{},
	}
	for _, test := range []struct {
		kinds []string
		want  system.DiskUsage
	}{
		{nil, all},
		{[]string{"volume"}, system.DiskUsage{VolumeUsage: all.VolumeUsage}},
		{[]string{"image", "container", "build-cache"}, system.DiskUsage{ImageUsage: all.ImageUsage, ContainerUsage: all.ContainerUsage, BuildCacheUsage: all.BuildCacheUsage}},
	} {
		got, err := s.DiskUsage(t.Context(), test.kinds)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.kinds, diff)
		}
	}
	if _, err := s.DiskUsage(t.Context(), []string{"secret"}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a kind there is not: %v", err)
	}
	s.cfg.Stores.Volumes = func(context.Context) ([]volume.Volume, error) { return nil, errors.New("disk") }
	if _, err := s.DiskUsage(t.Context(), nil); err == nil {
		t.Error("volumes cannot be read, and nobody hears of it")
	}
}
