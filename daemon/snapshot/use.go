//go:build linux

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
)

// Size returns the bytes of a container's own files, and those together with its image's. As with engines, folders count
// nothing and a file with several names once.
func (l *Layers) Size(ctx context.Context, id string) (rw, root int64, err error) {
	defer l.ids.lock(id)()
	n, err := l.get(id)
	if err != nil {
		return 0, 0, err
	}
	own, err := fileSizes(ctx, l.kind.used(n))
	if err != nil {
		return 0, 0, fmt.Errorf("layer %s: %w", id, err)
	}
	image, err := l.ChainSize(ctx, n.Chain)
	if err != nil {
		return 0, 0, fmt.Errorf("layer %s: %w", id, err)
	}
	return own, own + image, nil
}

// fileSizes sums up the lengths of all files below a folder.
func fileSizes(ctx context.Context, dir string) (total int64, err error) {
	type inode struct{ dev, ino uint64 }
	linked := map[inode]bool{}
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || e.IsDir() {
			return gone(err)
		}
		info, err := e.Info()
		if err != nil {
			return gone(err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
			key := inode{st.Dev, st.Ino}
			if linked[key] {
				return nil
			}
			linked[key] = true
		}
		total += info.Size()
		return nil
	})
	return total, err //nolint:wrapcheck // it names the file
}

// gone passes over what is not there any more: files come and go while a container runs.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ChainSize returns the bytes of the files in all layers of a chain; 0 for scratch.
func (l *Layers) ChainSize(ctx context.Context, chain digest.Digest) (total int64, err error) {
	ctx = content.Context(ctx)
	for key := chain.String(); key != ""; {
		info, err := l.store.Snapshots.Stat(ctx, key)
		if err != nil {
			return 0, fmt.Errorf("image layers %s: %w", chain, err)
		}
		size, err := strconv.ParseInt(info.Labels[sizeLabel], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("image layers %s: %w", key, err)
		}
		total, key = total+size, info.Parent
	}
	return total, nil
}

// lease adds a chain to the lease of ctx, if it has one.
func (l *Layers) lease(ctx context.Context, chain digest.Digest) error {
	id, ok := leases.FromContext(ctx)
	if !ok {
		return nil
	}
	resource := leases.Resource{ID: chain.String(), Type: "snapshots/" + l.store.Snapshotter}
	if err := l.store.Leases.AddResource(ctx, leases.Lease{ID: id}, resource); err != nil {
		return fmt.Errorf("image layers %s: %w", chain, err)
	}
	return nil
}

// View mounts an image read-only, for as long as done is not called. key names the view; two of one name at the same
// time are errs.ErrConflict. An empty chain is an empty folder.
func (l *Layers) View(ctx context.Context, key string, chain digest.Digest) (dir string, done func() error, err error) {
	if err := checkID(key); err != nil {
		return "", nil, err
	}
	release := func() {}
	if chain != "" {
		release = l.store.Hold(chain)
	}
	undo := []func() error{func() error { release(); return nil }}
	clean := func() error {
		var failed []error
		for i := len(undo) - 1; i >= 0; i-- {
			failed = append(failed, undo[i]())
		}
		undo = nil
		return errors.Join(failed...)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("view %s: %w", key, errors.Join(err, clean()))
		}
	}()
	views := filepath.Join(l.root, hidden+"views")
	if err := os.MkdirAll(views, 0o710); err != nil {
		return "", nil, err
	}
	m, let, err := l.kind.look(ctx, chain)
	if err != nil {
		return "", nil, err
	}
	undo = append(undo, let)
	dir = filepath.Join(views, key)
	if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Errorf("it is in use: %w", errs.ErrConflict)
	} else if err != nil {
		return "", nil, err
	}
	undo = append(undo, func() error { return os.Remove(dir) }, func() error { return unmount(dir) })
	if err := mount.All(m, dir); err != nil {
		return "", nil, err
	}
	return dir, clean, nil
}

// Reconcile brings what is on the disk in line with the containers that are known, after a start of the daemon and
// before anything else: it holds their images, and removes layers of others, half-made and half-removed ones, views
// and init layers nobody stands on. Mounts of known containers stay as they are.
func (l *Layers) Reconcile(ctx context.Context, known func(id string) bool) error {
	entries, err := os.ReadDir(l.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("layers: %w", err)
	}
	var failed []error
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		id := entry.Name()
		switch {
		case strings.HasPrefix(id, hidden+"new-"), strings.HasPrefix(id, hidden+"gone-"):
			failed = append(failed, sweep(filepath.Join(l.root, id)))
		case id == hidden+"views":
			failed = append(failed, l.sweepViews())
		case strings.HasPrefix(id, hidden):
		case !known(id):
			l.log.Info("removing the layer of a container that is not known", "layer", id)
			failed = append(failed, l.Remove(ctx, id))
		default:
			failed = append(failed, l.adopt(id))
		}
	}
	return errors.Join(append(failed, l.sweepInits())...)
}

// adopt reads the layer of a known container.
func (l *Layers) adopt(id string) error {
	defer l.ids.lock(id)()
	_, err := l.get(id)
	return err
}

// sweep removes a folder with what may be mounted in it.
func sweep(dir string) error {
	if err := unmount(filepath.Join(dir, "rootfs")); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func (l *Layers) sweepViews() error {
	views := filepath.Join(l.root, hidden+"views")
	entries, err := os.ReadDir(views)
	if err != nil {
		return fmt.Errorf("layers: %w", err)
	}
	var failed []error
	for _, entry := range entries {
		dir := filepath.Join(views, entry.Name())
		if err := unmount(dir); err != nil {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, os.RemoveAll(dir))
	}
	return errors.Join(failed...)
}

// sweepInits removes the init layers of chains without containers.
func (l *Layers) sweepInits() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	used := map[string]bool{}
	for chain, users := range l.inits {
		if users > 0 {
			used[filepath.Base(l.initDir(chain))] = true
		}
	}
	inits := filepath.Join(l.root, hidden+"init")
	entries, err := os.ReadDir(inits)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("layers: %w", err)
	}
	var failed []error
	for _, entry := range entries {
		if !used[entry.Name()] {
			failed = append(failed, os.RemoveAll(filepath.Join(inits, entry.Name())))
		}
	}
	return errors.Join(failed...)
}
