//go:build linux

package system

import (
	"context"
	"fmt"
	"slices"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
)

// Stores are what takes room on the disk.
type Stores struct {
	// Images with the containers each has, and the bytes of all layers.
	Images func(ctx context.Context) (list []image.Summary, total int64, err error)
	// Containers, all of them, with sizes.
	Containers func(ctx context.Context) ([]container.Summary, error)
	// Volumes with their usage.
	Volumes func(ctx context.Context) ([]volume.Volume, error)
}

// DiskUsage says how much room the kinds of objects take, all kinds when none is named. A kind there is not is
// errs.ErrInvalid.
func (s *Service) DiskUsage(ctx context.Context, kinds []string) (system.DiskUsage, error) {
	known := []string{string(system.ImageObject), string(system.ContainerObject), string(system.VolumeObject), string(system.BuildCacheObject)}
	for _, kind := range kinds {
		if !slices.Contains(known, kind) {
			return system.DiskUsage{}, fmt.Errorf("unknown object type: %s: %w", kind, errs.ErrInvalid)
		}
	}
	asked := func(kind system.DiskUsageObject) bool { return len(kinds) == 0 || slices.Contains(kinds, string(kind)) }
	var out system.DiskUsage
	if asked(system.ImageObject) {
		list, total, err := s.cfg.Stores.Images(ctx)
		if err != nil {
			return out, fmt.Errorf("disk usage: %w", err)
		}
		out.ImageUsage = imageUsage(list, total)
	}
	if asked(system.ContainerObject) {
		list, err := s.cfg.Stores.Containers(ctx)
		if err != nil {
			return out, fmt.Errorf("disk usage: %w", err)
		}
		out.ContainerUsage = containerUsage(list)
	}
	if asked(system.VolumeObject) {
		list, err := s.cfg.Stores.Volumes(ctx)
		if err != nil {
			return out, fmt.Errorf("disk usage: %w", err)
		}
		out.VolumeUsage = volumeUsage(list)
	}
	if asked(system.BuildCacheObject) {
		out.BuildCacheUsage = &build.DiskUsage{} // the steps of builds are images
	}
	return out, nil
}

func imageUsage(list []image.Summary, total int64) *image.DiskUsage {
	u := &image.DiskUsage{Items: list, TotalCount: int64(len(list)), TotalSize: total, Reclaimable: total}
	for _, i := range list {
		if i.Containers > 0 {
			u.ActiveCount++
			u.Reclaimable -= i.Size - max(i.SharedSize, 0)
		}
	}
	return u
}

func containerUsage(list []container.Summary) *container.DiskUsage {
	u := &container.DiskUsage{Items: list, TotalCount: int64(len(list))}
	for _, c := range list {
		u.TotalSize += c.SizeRw
		switch c.State {
		case container.StateRunning, container.StatePaused, container.StateRestarting:
			u.ActiveCount++
		default:
			u.Reclaimable += c.SizeRw
		}
	}
	return u
}

func volumeUsage(list []volume.Volume) *volume.DiskUsage {
	u := &volume.DiskUsage{Items: list, TotalCount: int64(len(list))}
	for _, v := range list {
		if v.UsageData == nil {
			continue
		}
		u.TotalSize += v.UsageData.Size
		if v.UsageData.RefCount > 0 {
			u.ActiveCount++
		} else {
			u.Reclaimable += v.UsageData.Size
		}
	}
	return u
}
