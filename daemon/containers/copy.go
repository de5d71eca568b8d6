//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/mount"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/archive"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// view opens the file system of a container as the container sees it: with its volumes, binds and, while it runs, tmpfs.
// done closes it.
func (s *Service) view(ctx context.Context, c *ctr) (root *archive.Root, done func(), err error) {
	dir, letGo, err := s.rootfs(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	r := c.record()
	config := archive.Config{Dir: dir, ReadOnly: r.Host.ReadonlyRootfs}
	for _, m := range r.Mounts {
		one := archive.Mount{Destination: m.Destination, Source: m.Source, ReadOnly: !m.RW}
		switch m.Type {
		case mount.TypeVolume:
			if one.Source, err = s.volumes.Path(m.Name); err != nil {
				letGo()
				return nil, nil, fmt.Errorf("volume %q: %w", m.Name, err)
			}
			if m.Options != nil && m.Options.VolumeOptions != nil && m.Options.VolumeOptions.Subpath != "" {
				one.Base, one.Source = one.Source, path.Join("/", m.Options.VolumeOptions.Subpath)
			}
		case mount.TypeTmpfs:
			if !tmpfsOf(&one, r) {
				continue
			}
		}
		if one.Base == "" && !exists(one.Source) {
			continue // made by the next start, or gone: there is nothing to see
		}
		config.Mounts = append(config.Mounts, one)
	}
	for destination := range r.Host.Tmpfs {
		if one := (archive.Mount{Destination: destination}); tmpfsOf(&one, r) {
			config.Mounts = append(config.Mounts, one)
		}
	}
	for _, name := range []string{hostsFile, hostnameFile, resolvFile} {
		if file := filepath.Join(s.filesDir(r), name); exists(file) {
			config.Mounts = append(config.Mounts, archive.Mount{Destination: "/etc/" + name, Source: file, ReadOnly: r.Host.ReadonlyRootfs})
		}
	}
	if root, err = archive.Open(config); err != nil {
		letGo()
		return nil, nil, fmt.Errorf("container %s: %w", short(c.id), err)
	}
	return root, func() { root.Close(); letGo() }, nil
}

// tmpfsOf finds a tmpfs inside a container that runs: it exists nowhere else.
func tmpfsOf(m *archive.Mount, r *record) bool {
	if !r.State.Running || r.State.Pid == 0 {
		return false
	}
	m.Base, m.Source = "/proc/"+strconv.Itoa(r.State.Pid)+"/root", m.Destination
	return true
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// StatPath describes a path in a container, as the header X-Docker-Container-Path-Stat does.
func (s *Service) StatPath(ctx context.Context, ref, p string) (container.PathStat, error) {
	c, err := s.index.find(ref)
	if err != nil {
		return container.PathStat{}, err
	}
	root, done, err := s.view(ctx, c)
	if err != nil {
		return container.PathStat{}, err
	}
	defer done()
	stat, err := root.Stat(p)
	return stat, c.orGone(notInside(err, p, ref), ref)
}

// orGone is an error of work on the files of a container: it says nothing when the container goes meanwhile, and its files
// with it.
func (c *ctr) orGone(err error, ref string) error {
	if err != nil && (c.isRemoving() || c.isGone()) {
		return notFound(ref)
	}
	return err
}

// notInside is dockerd's text for a path that is not there.
func notInside(err error, p, ref string) error {
	if errors.Is(err, errs.ErrNotFound) {
		return errs.Errorf(errs.ErrNotFound, "Could not find the file %s in container %s", p, ref)
	}
	return err
}

// ArchivePath opens what is at a path of a container, for GET archive: a folder with its name. With copy, for POST copy,
// links are followed, and of a folder it is the content. It is checked before the first byte.
func (s *Service) ArchivePath(ctx context.Context, ref, p string, copy bool) (stat container.PathStat, write func(context.Context, io.Writer) error, done func(), err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return stat, nil, nil, err
	}
	root, done, err := s.view(ctx, c)
	if err != nil {
		return stat, nil, nil, err
	}
	at, options := p, archive.TarOptions{}
	if copy {
		at, err = root.Resolve(p)
	}
	if err == nil {
		stat, err = root.Stat(at)
	}
	if err != nil {
		done()
		return stat, nil, nil, notInside(err, p, ref)
	}
	action := events.ActionArchivePath
	if copy {
		action, options.Name = events.ActionCopy, path.Base("/"+p)
		if stat.Mode.IsDir() { // the call copies what is in a folder
			options.Name = "."
		}
	}
	s.tell(c, action)
	return stat, func(ctx context.Context, w io.Writer) error { return c.orGone(root.Tar(ctx, at, options, w), ref) }, done, nil
}

// Extract unpacks a tar archive, compressed or not, into a folder of a container. owned gives all files to the container's
// user.
func (s *Service) Extract(ctx context.Context, ref, p string, noOverwriteDirNonDir, owned bool, in io.Reader) error {
	c, err := s.index.find(ref)
	if err != nil {
		return err
	}
	dir, letGo, err := s.rootfs(ctx, c)
	if err != nil {
		return err
	}
	defer letGo()
	options := archive.UntarOptions{NoOverwriteDirNonDir: noOverwriteDirNonDir}
	if owned && c.record().Config.User != "" {
		user, err := spec.ResolveUser(dir, c.record().Config.User, nil)
		if err != nil {
			return fmt.Errorf("container %s: %w", short(c.id), err)
		}
		options.Owner = &archive.Owner{UID: int(user.UID), GID: int(user.GID)}
	}
	root, done, err := s.view(ctx, c)
	if err != nil {
		return err
	}
	defer done()
	plainIn, err := archive.Decompress(in)
	if err != nil {
		return fmt.Errorf("container %s: %w", short(c.id), err)
	}
	defer plainIn.Close()
	unlock, err := c.take(ctx, c.unpacking)
	if err != nil {
		return err
	}
	defer unlock()
	err = root.Untar(ctx, p, plainIn, options)
	if errors.Is(err, archive.ErrReadOnly) {
		return &readOnly{err}
	}
	if err != nil {
		return c.orGone(notInside(err, p, ref), ref)
	}
	s.tell(c, events.ActionExtractToDir)
	return nil
}

// Export opens the whole file system of a container, without what is mounted into it.
func (s *Service) Export(ctx context.Context, ref string) (write func(context.Context, io.Writer) error, done func(), err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return nil, nil, err
	}
	dir, letGo, err := s.rootfs(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	root, err := archive.Open(archive.Config{Dir: dir})
	if err != nil {
		letGo()
		return nil, nil, fmt.Errorf("container %s: %w", short(c.id), err)
	}
	s.tell(c, events.ActionExport)
	write = func(ctx context.Context, w io.Writer) error { return c.orGone(root.Export(ctx, w), ref) }
	return write, func() { root.Close(); letGo() }, nil
}

// Changes lists what a container changed in its file system; never nil.
func (s *Service) Changes(ctx context.Context, ref string) ([]container.FilesystemChange, error) {
	c, err := s.index.find(ref)
	if err != nil {
		return nil, err
	}
	changes, err := s.layers.Changes(ctx, c.id)
	if err != nil {
		return nil, c.orGone(fmt.Errorf("changes of container %s: %w", short(c.id), err), ref)
	}
	if changes == nil {
		changes = []container.FilesystemChange{}
	}
	return changes, nil
}

// readOnly is a place that cannot be written to; routes recognise it by its method.
type readOnly struct{ error }

// ReadOnly marks the error.
func (*readOnly) ReadOnly() bool { return true }

// Unwrap returns the reason.
func (e *readOnly) Unwrap() error { return e.error }
