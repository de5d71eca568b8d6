//go:build linux

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
)

// upperLabel is where the overlay snapshotter tells the folder of a snapshot's own files.
const upperLabel = "containerd.io/snapshot/overlay.upperdir"

// overlays stacks folders.
type overlays struct{ l *Layers }

// lowers returns the folders of a chain, the top first; none for scratch.
func (o *overlays) lowers(ctx context.Context, chain digest.Digest) ([]string, error) {
	ctx = content.Context(ctx)
	var dirs []string
	for key := chain.String(); key != ""; {
		info, err := o.l.store.Snapshots.Stat(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("image layers %s: %w", chain, err)
		}
		dir := info.Labels[upperLabel]
		if dir == "" {
			return nil, fmt.Errorf("image layers %s: no folder is known for %s: %w", chain, key, errs.ErrInternal)
		}
		dirs = append(dirs, dir)
		key = info.Parent
	}
	return dirs, nil
}

func (o *overlays) make(ctx context.Context, dir string, n *layer) error {
	lower, err := o.lowers(ctx, n.Chain)
	if err != nil {
		return err
	}
	init, err := o.init(ctx, n.Chain, lower)
	if err != nil {
		return err
	}
	n.Lower = append([]string{init}, lower...)
	return makeUpper(dir, init)
}

// makeUpper makes the two folders overlay needs. The root of a file system looks as in the layer below it.
func makeUpper(dir, like string) error {
	upper := filepath.Join(dir, "upper")
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(filepath.Join(dir, "work"), 0o700)); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(like, &st); err != nil {
		return err
	}
	return errors.Join(os.Lchown(upper, int(st.Uid), int(st.Gid)), unix.Chmod(upper, st.Mode&0o7777))
}

func (o *overlays) mounts(n *layer) []mount.Mount {
	return overlayMount(n.dir, n.Lower)
}

// overlayMount returns the mount of upper and work in dir over lower folders; read-only without dir. Renamed folders
// and files whose data stayed below would be missing from the upper folder, which is what changes and commits read:
// redirects and metacopy are off whatever the kernel's default is.
func overlayMount(dir string, lower []string) []mount.Mount {
	if dir == "" && len(lower) == 1 {
		return []mount.Mount{{Type: "bind", Source: lower[0], Options: []string{"rbind", "ro"}}}
	}
	options := []string{"lowerdir=" + strings.Join(lower, ":")}
	if dir != "" {
		options = append(options, "upperdir="+filepath.Join(dir, "upper"), "workdir="+filepath.Join(dir, "work"))
	}
	for name, off := range map[string]string{"index": "index=off", "metacopy": "metacopy=off", "redirect_dir": "redirect_dir=nofollow"} {
		if _, err := os.Stat("/sys/module/overlay/parameters/" + name); err == nil {
			options = append(options, off)
		}
	}
	return []mount.Mount{{Type: "overlay", Source: "overlay", Options: options}}
}

func (o *overlays) look(ctx context.Context, chain digest.Digest) ([]mount.Mount, func() error, error) {
	lower, err := o.lowers(ctx, chain)
	if err != nil {
		return nil, nil, err
	}
	if len(lower) == 0 { // scratch looks like an init layer over nothing, without its files
		empty := filepath.Join(o.l.root, hidden+"empty")
		if err := os.MkdirAll(empty, 0o755); err != nil {
			return nil, nil, err
		}
		lower = []string{empty}
	}
	return overlayMount("", lower), func() error { return nil }, nil
}

func (o *overlays) used(n *layer) string { return filepath.Join(n.dir, "upper") }
