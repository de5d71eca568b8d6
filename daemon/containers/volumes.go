//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/moby/moby/api/types/mount"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// makeVolumes creates the volumes of a container that is being made, counts it as their user, and fills the empty ones
// from the image. Its layer exists. On an error the caller drops everything with dropVolumes.
func (s *Service) makeVolumes(ctx context.Context, r *record) error {
	var fill []*mountPoint
	for i := range r.Mounts {
		m := &r.Mounts[i]
		if m.Type != mount.TypeVolume {
			continue
		}
		var options, labels map[string]string
		if m.Options != nil && m.Options.VolumeOptions != nil {
			labels = m.Options.VolumeOptions.Labels
			if d := m.Options.VolumeOptions.DriverConfig; d != nil {
				options = d.Options
			}
		}
		v, err := s.volumes.Create(ctx, m.Name, m.Driver, options, labels)
		if err != nil {
			return err // names the volume
		}
		m.Name, m.Source = v.Name, v.Mountpoint
		if err := s.volumes.Use(m.Name, r.ID); err != nil {
			return fmt.Errorf("volume %q: %w", m.Name, err)
		}
		if m.CopyUp {
			fill = append(fill, m)
		}
	}
	if len(fill) == 0 || r.ChainID == "" {
		return nil
	}
	rootfs, err := s.layers.Mount(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, m := range fill {
		if err == nil {
			err = s.copyUp(ctx, rootfs, m)
		}
	}
	return errors.Join(err, s.layers.Unmount(context.WithoutCancel(ctx), r.ID))
}

// copyUp fills a volume with what the image has at its destination.
func (s *Service) copyUp(ctx context.Context, rootfs string, m *mountPoint) error {
	inside, err := securejoin.SecureJoin(rootfs, m.Destination)
	if err != nil {
		return fmt.Errorf("volume %q: %s of the image: %w", m.Name, m.Destination, err)
	}
	info, err := os.Lstat(inside)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("volume %q: %w", m.Name, err)
	case !info.IsDir():
		return invalid("cannot mount volume over existing file, file exists %s", m.Destination)
	}
	if err := s.volumes.CopyUp(ctx, m.Name, inside); err != nil {
		return fmt.Errorf("volume %q: %w", m.Name, err)
	}
	return nil
}

// dropVolumes ends a container's use of its volumes and removes those that were made for it alone.
func (s *Service) dropVolumes(ctx context.Context, r *record, anonymous bool) {
	if !hasVolumes(r) {
		return
	}
	s.best(r.ID, "volumes are still counted as used", s.volumes.Release(r.ID))
	if !anonymous {
		return
	}
	for _, m := range r.Mounts {
		if m.Type != mount.TypeVolume || !m.Anonymous || m.Name == "" {
			continue
		}
		err := s.volumes.Remove(ctx, m.Name, false)
		if err != nil && !errors.Is(err, errs.ErrConflict) && !errors.Is(err, errs.ErrNotFound) { // another container has it
			s.log.Warn("anonymous volume is left", "container", short(r.ID), "volume", m.Name, "error", err)
		}
	}
}

func hasVolumes(r *record) bool {
	return slices.ContainsFunc(r.Mounts, func(m mountPoint) bool { return m.Type == mount.TypeVolume })
}

// unmountVolumes ends a run's use of its volumes.
func (s *Service) unmountVolumes(r *record) {
	if hasVolumes(r) {
		s.best(r.ID, "volumes are left mounted", s.volumes.Unmount(r.ID))
	}
}

// runtimeMounts are a container's binds and volumes for a run; missing sources of Binds are made.
func (s *Service) runtimeMounts(ctx context.Context, r *record) ([]specs.Mount, error) {
	out := make([]specs.Mount, 0, len(r.Mounts))
	for i := range r.Mounts {
		m := &r.Mounts[i]
		source := m.Source
		switch m.Type {
		case mount.TypeVolume:
			dir, err := s.volumes.Mount(ctx, m.Name, r.ID, m.Destination, m.RW, string(m.Propagation))
			if err != nil {
				return nil, err // names the volume
			}
			source = dir
			if m.Options != nil && m.Options.VolumeOptions != nil && m.Options.VolumeOptions.Subpath != "" {
				if source, err = securejoin.SecureJoin(dir, m.Options.VolumeOptions.Subpath); err != nil {
					return nil, fmt.Errorf("volume %q: subpath %q: %w", m.Name, m.Options.VolumeOptions.Subpath, err)
				}
			}
		case mount.TypeBind:
			if err := bindSource(m); err != nil {
				return nil, err
			}
		}
		one, err := m.runtimeMount(source)
		if err == nil {
			one, err = s.kernel.Bind(one)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// bindSource makes the source of a bind as a folder when it is missing and may be made.
func bindSource(m *mountPoint) error {
	_, err := os.Stat(m.Source)
	if errors.Is(err, fs.ErrNotExist) && m.MakeSource {
		err = os.MkdirAll(m.Source, 0o755)
	}
	if err != nil {
		return invalid("error while creating mount source path '%s': %v", m.Source, err)
	}
	return nil
}
