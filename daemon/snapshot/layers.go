//go:build linux

package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
)

// Layers keeps the layers of containers below one folder. Its methods may be called from any goroutine; those of one
// container wait for each other.
type Layers struct {
	store *content.Store
	root  string
	log   hclog.Logger
	kind  kind

	ids, chains locks
	mu          sync.Mutex
	layers      map[string]*layer // those in use by this process; the others are on the disk
	inits       map[digest.Digest]int
	reaper      reaper
}

// layer is a container's read-write layer. It does not change once made.
type layer struct {
	// Chain is the image's chain id; empty for one from scratch.
	Chain digest.Digest `json:"chain,omitempty"`
	// Lower are the folders below, the top first, the init layer before the image's; none in a copy.
	Lower []string `json:"lower,omitempty"`
	// Init are the paths the init layer added to a copy.
	Init []string `json:"init,omitempty"`

	dir     string
	release func()
}

// kind is how a file system is put together: overlay or copies.
type kind interface {
	// make puts the folders of a new layer into dir, which is renamed afterwards.
	make(ctx context.Context, dir string, l *layer) error
	// mounts returns what makes the layer's root.
	mounts(l *layer) []mount.Mount
	// look returns what makes a read-only root of a chain; done lets go of it.
	look(ctx context.Context, chain digest.Digest) (m []mount.Mount, done func() error, err error)
	// walk reports the changes of a layer in the order of their paths; see [change].
	walk(ctx context.Context, l *layer, fn func(change) error) error
	// used returns the folder whose files are the layer's own.
	used(l *layer) string
}

// New returns the layers below root, with images from s. It touches nothing yet: after a start of the daemon,
// [Layers.Reconcile] comes first.
func New(s *content.Store, root string, log hclog.Logger) *Layers {
	l := &Layers{store: s, root: root, log: log, layers: map[string]*layer{}, inits: map[digest.Digest]int{}}
	if s.Snapshotter == content.Native {
		l.kind = &copies{l}
	} else {
		l.kind = &overlays{l}
	}
	return l
}

// Create makes the read-write layer of a container on an image's chain, empty for scratch. The chain is not collected
// until Remove. A layer that exists is errs.ErrConflict, a chain that does not errs.ErrNotFound.
func (l *Layers) Create(ctx context.Context, id string, chain digest.Digest) (err error) {
	if err := checkID(id); err != nil {
		return err
	}
	defer l.ids.lock(id)()
	if _, err := os.Lstat(l.dir(id)); err == nil {
		return fmt.Errorf("layer %s exists: %w", id, errs.ErrConflict)
	}
	n := &layer{Chain: chain, dir: l.dir(id)}
	l.hold(n)
	defer func() {
		if err != nil {
			l.let(n)
			err = fmt.Errorf("layer %s: %w", id, err)
		}
	}()
	if err := os.MkdirAll(l.root, 0o710); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(l.root, hidden+"new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	if err := os.Chmod(tmp, 0o710); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(tmp, "rootfs"), 0o755); err != nil {
		return err
	}
	if err := l.kind.make(ctx, tmp, n); err != nil {
		return err
	}
	raw, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "layer.json"), raw, 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, n.dir); err != nil {
		return err
	}
	l.put(id, n)
	return nil
}

// Mount mounts a container's file system and returns its absolute path. One that is mounted already is left as it is.
func (l *Layers) Mount(ctx context.Context, id string) (rootfs string, err error) {
	defer l.ids.lock(id)()
	n, err := l.get(id)
	if err != nil {
		return "", err
	}
	rootfs = filepath.Join(n.dir, "rootfs")
	mounted, err := mountinfo.Mounted(rootfs)
	if err != nil {
		return "", fmt.Errorf("layer %s: %w", id, err)
	}
	if mounted {
		return rootfs, nil
	}
	if err := mount.All(l.kind.mounts(n), rootfs); err != nil {
		return "", fmt.Errorf("layer %s: mount: %w", id, errors.Join(err, unmount(rootfs)))
	}
	return rootfs, nil
}

// Unmount takes the mount of [Layers.Mount] away, if it is there. A process that still uses it keeps what it has open.
func (l *Layers) Unmount(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	defer l.ids.lock(id)()
	if err := unmount(filepath.Join(l.dir(id), "rootfs")); err != nil {
		return fmt.Errorf("layer %s: %w", id, err)
	}
	return nil
}

// Remove removes a container's layer, mounted or not. One that does not exist is no error. When it returns the layer is
// gone for everybody; its mount and its files go in the background, because the end of an overlay mount waits for the
// disk ([Layers.Wait]), and what a crash leaves of them goes in [Layers.Reconcile].
func (l *Layers) Remove(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	defer l.ids.lock(id)()
	n, err := l.get(id)
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil { // unreadable, but it can be removed
		l.log.Warn("removing a damaged layer", "layer", id, "error", err)
		n = &layer{dir: l.dir(id), release: func() {}}
	}
	gone := filepath.Join(l.root, hidden+"gone-"+randomName())
	if err := os.Rename(n.dir, gone); err != nil {
		return fmt.Errorf("layer %s: %w", id, err)
	}
	l.mu.Lock()
	delete(l.layers, id)
	l.mu.Unlock()
	l.let(n)
	l.reaper.add(gone, func(err error) {
		l.log.Warn("a removed layer stays on the disk until the next start", "layer", id, "error", err)
	})
	return nil
}

// Wait returns when what was removed until now is gone from the disk.
func (l *Layers) Wait() { l.reaper.wait() }

// Uses returns the chains that containers' layers stand on.
func (l *Layers) Uses() map[digest.Digest]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	uses := make(map[digest.Digest]bool, len(l.layers))
	for _, n := range l.layers {
		uses[n.Chain] = true
	}
	return uses
}

// hidden begins the names of what is not a container's layer.
const hidden = "."

func (l *Layers) dir(id string) string { return filepath.Join(l.root, id) }

// checkID keeps ids from being paths.
func checkID(id string) error {
	if id == "" || strings.HasPrefix(id, hidden) || strings.ContainsAny(id, "/:,\\\x00") {
		return fmt.Errorf("%q cannot be the id of a layer: %w", id, errs.ErrInvalid)
	}
	return nil
}

// hold keeps the layer's chain from being collected, and counts its init layer.
func (l *Layers) hold(n *layer) {
	n.release = func() {}
	if n.Chain != "" {
		n.release = l.store.Hold(n.Chain)
	}
	l.mu.Lock()
	l.inits[n.Chain]++
	l.mu.Unlock()
}

// let is the opposite of hold.
func (l *Layers) let(n *layer) {
	n.release()
	l.mu.Lock()
	l.inits[n.Chain]--
	l.mu.Unlock()
}

func (l *Layers) put(id string, n *layer) {
	l.mu.Lock()
	l.layers[id] = n
	l.mu.Unlock()
}

// get returns a layer, from the disk after a start. The id is locked.
func (l *Layers) get(id string) (*layer, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	l.mu.Lock()
	n := l.layers[id]
	l.mu.Unlock()
	if n != nil {
		return n, nil
	}
	raw, err := os.ReadFile(filepath.Join(l.dir(id), "layer.json"))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Lstat(l.dir(id)); err == nil {
			return nil, fmt.Errorf("layer %s is damaged: it has no layer.json", id)
		}
		return nil, fmt.Errorf("layer %s: %w", id, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", id, err)
	}
	n = &layer{dir: l.dir(id)}
	if err := json.Unmarshal(raw, n); err != nil {
		return nil, fmt.Errorf("layer %s is damaged: %w", id, err)
	}
	l.hold(n)
	l.put(id, n)
	return n, nil
}

// unmount takes all mounts from a path away; none is no error.
func unmount(path string) error {
	for {
		err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EBUSY) {
			err = unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
		switch {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT): // not a mount any more, or never was
			return nil
		case err != nil:
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
}

// locks are locks by name that exist while somebody has or wants them.
type locks struct {
	mu sync.Mutex
	m  map[string]*namedLock
}

type namedLock struct {
	sync.Mutex
	users int
}

// lock waits for the lock of a name and returns what gives it back.
func (l *locks) lock(name string) func() {
	l.mu.Lock()
	if l.m == nil {
		l.m = map[string]*namedLock{}
	}
	n := l.m[name]
	if n == nil {
		n = &namedLock{}
		l.m[name] = n
	}
	n.users++
	l.mu.Unlock()
	n.Lock()
	return func() {
		n.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if n.users--; n.users == 0 {
			delete(l.m, name)
		}
	}
}
