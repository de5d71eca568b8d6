//go:build linux

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	cfs "github.com/containerd/continuity/fs"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/content"
)

// copies makes a whole copy of the image for every container.
type copies struct{ l *Layers }

func (c *copies) make(ctx context.Context, dir string, n *layer) (err error) {
	to := filepath.Join(dir, "copy")
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	if n.Chain != "" {
		from, done, err := c.chain(ctx, n.Chain)
		if err != nil {
			return err
		}
		if err := errors.Join(cfs.CopyDir(to, from), done()); err != nil {
			return fmt.Errorf("copy image layers: %w", err)
		}
	}
	n.Init, err = addInit(to)
	return err
}

// chain returns the folder of a chain. The native snapshotter tells it to nobody but the owner of a view.
func (c *copies) chain(ctx context.Context, chain digest.Digest) (dir string, done func() error, err error) {
	ctx = content.Context(ctx)
	key := "look-" + randomName()
	m, err := c.l.store.Snapshots.View(ctx, key, chain.String())
	if err != nil {
		return "", nil, fmt.Errorf("image layers %s: %w", chain, err)
	}
	done = func() error {
		return c.l.store.Snapshots.Remove(context.WithoutCancel(ctx), key)
	}
	if len(m) != 1 || m[0].Type != "bind" {
		return "", nil, errors.Join(fmt.Errorf("image layers %s: not one folder", chain), done())
	}
	return m[0].Source, done, nil
}

func (c *copies) mounts(n *layer) []mount.Mount {
	return []mount.Mount{{Type: "bind", Source: c.used(n), Options: []string{"rbind", "rw"}}}
}

func (c *copies) look(ctx context.Context, chain digest.Digest) ([]mount.Mount, func() error, error) {
	if chain == "" {
		empty := filepath.Join(c.l.root, hidden+"empty")
		return overlayMount("", []string{empty}), func() error { return nil }, os.MkdirAll(empty, 0o755)
	}
	dir, done, err := c.chain(ctx, chain)
	if err != nil {
		return nil, nil, err
	}
	return overlayMount("", []string{dir}), done, nil
}

func (c *copies) used(n *layer) string { return filepath.Join(n.dir, "copy") }

// walk compares the copy with the image, which reads both whole.
func (c *copies) walk(ctx context.Context, n *layer, fn func(change) error) (err error) {
	from := ""
	if n.Chain != "" {
		dir, done, err := c.chain(ctx, n.Chain)
		if err != nil {
			return err
		}
		from = dir
		defer func() { err = errors.Join(err, done()) }()
	}
	var all []change
	seen := map[string]bool{} // the comparison reports a folder before its contents
	err = cfs.Changes(ctx, from, c.used(n), func(kind cfs.ChangeKind, path string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(path, "/")
		if rel == "" || kind == cfs.ChangeKindUnmodified || kind == cfs.ChangeKindAdd && slices.Contains(n.Init, rel) {
			return nil
		}
		// Only their time tells that the folders around changed, which the comparison does not count.
		for dir := filepath.Dir(rel); dir != "." && !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			info, err := os.Lstat(filepath.Join(c.used(n), dir))
			if err != nil || !info.IsDir() {
				continue
			}
			all = append(all, change{Path: dir, Kind: container.ChangeModify, Info: info, Source: filepath.Join(c.used(n), dir)})
		}
		seen[rel] = true
		all = append(all, change{Path: rel, Kind: copyKinds[kind], Info: info, Source: filepath.Join(c.used(n), rel)})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b change) int { return strings.Compare(sortKey(a.Path), sortKey(b.Path)) })
	for _, ch := range all {
		if err := fn(ch); err != nil {
			return err
		}
	}
	return nil
}

// sortKey makes a folder's contents follow it at once.
func sortKey(path string) string { return strings.ReplaceAll(path, "/", "\x00") }

// randomName returns a name nobody has: it names temporary snapshots.
func randomName() string {
	var b [8]byte
	if _, err := unix.Getrandom(b[:], 0); err != nil { // the kernel has randomness once it booted
		panic(err)
	}
	return fmt.Sprintf("%x", b)
}
