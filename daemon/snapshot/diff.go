//go:build linux

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	cfs "github.com/containerd/continuity/fs"
	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"
)

// change is one path in which a layer differs from what is below it. Folders come before what is in them.
type change struct {
	// Path is relative, without "./".
	Path string
	Kind container.ChangeType
	// Info is of the file in the layer; nil when Kind is deleted.
	Info fs.FileInfo
	// Source is where the file can be read.
	Source string
	// Opaque is set for a folder whose former contents are hidden. Its deleted children are reported as well, with
	// Hidden set.
	Opaque, Hidden bool
}

var copyKinds = map[cfs.ChangeKind]container.ChangeType{
	cfs.ChangeKindAdd: container.ChangeAdd, cfs.ChangeKindModify: container.ChangeModify, cfs.ChangeKindDelete: container.ChangeDelete,
}

// Changes returns what a container changed in its file system, sorted, with absolute paths.
func (l *Layers) Changes(ctx context.Context, id string) ([]container.FilesystemChange, error) {
	defer l.ids.lock(id)()
	n, err := l.get(id)
	if err != nil {
		return nil, err
	}
	all := []container.FilesystemChange{}
	err = l.kind.walk(ctx, n, func(c change) error {
		all = append(all, container.FilesystemChange{Kind: c.Kind, Path: "/" + c.Path})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("changes of layer %s: %w", id, err)
	}
	return all, nil
}

// walk reads the upper folder, and below it only the names that are in it.
func (o *overlays) walk(ctx context.Context, n *layer, fn func(change) error) error {
	w := upperWalk{ctx: ctx, upper: o.used(n), report: fn}
	return w.dir("", n.Lower, false)
}

type upperWalk struct {
	ctx    context.Context
	upper  string
	report func(change) error
}

// dir walks one folder of the upper layer. below are the folders it merges with, the top first, or would if they were
// not hidden.
func (w *upperWalk) dir(rel string, below []string, hidden bool) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(w.upper, rel))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.entry(filepath.Join(rel, entry.Name()), entry.Name(), below, hidden); err != nil {
			return err
		}
	}
	return nil
}

func (w *upperWalk) entry(rel, name string, below []string, hidden bool) error {
	source := filepath.Join(w.upper, rel)
	info, err := os.Lstat(source)
	if errors.Is(err, fs.ErrNotExist) { // the container is running
		return nil
	}
	if err != nil {
		return err
	}
	if isWhiteout(info) {
		return w.report(change{Path: rel, Kind: container.ChangeDelete})
	}
	exists, merged, err := lookBelow(below, name)
	if err != nil {
		return err
	}
	c := change{Path: rel, Kind: container.ChangeAdd, Info: info, Source: source}
	if exists {
		c.Kind = container.ChangeModify
	}
	if !info.IsDir() {
		return w.report(c)
	}
	// Overlay marks new folders as opaque too, where nothing is below to hide.
	opaque, err := isOpaque(source)
	if err != nil {
		return err
	}
	c.Opaque = opaque && len(merged) > 0 && !hidden
	if err := w.report(c); err != nil {
		return err
	}
	if hidden || c.Opaque {
		return w.replaced(rel, merged)
	}
	return w.dir(rel, merged, false)
}

// replaced walks a folder that took the place of another: what the other had and this has not is deleted, what both
// have is modified.
func (w *upperWalk) replaced(rel string, merged []string) error {
	names, err := namesBelow(merged)
	if err != nil {
		return err
	}
	if err := w.dir(rel, merged, true); err != nil { // children that exist below are "modified"
		return err
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(w.upper, rel, name)); errors.Is(err, fs.ErrNotExist) {
			if err := w.report(change{Path: filepath.Join(rel, name), Kind: container.ChangeDelete, Hidden: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// isWhiteout reports whether a file of an overlay layer stands for one that was deleted.
func isWhiteout(info fs.FileInfo) bool {
	if info.Mode()&fs.ModeCharDevice == 0 {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Rdev == 0
}

// isOpaque reports whether a folder of an overlay layer hides what is below.
func isOpaque(path string) (bool, error) {
	var value [2]byte
	n, err := unix.Lgetxattr(path, "trusted.overlay.opaque", value[:])
	switch {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ERANGE):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s: %w", path, err)
	}
	return n == 1 && value[0] == 'y', nil
}

// lookBelow looks a name up in folders that are merged, the top first: whether it exists, and if it is a folder the
// folders that make it.
func lookBelow(below []string, name string) (exists bool, merged []string, err error) {
	for _, dir := range below {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return false, nil, err
		case isWhiteout(info):
			return exists, merged, nil
		case !info.IsDir():
			return true, merged, nil // when it is a folder above, that hides this
		}
		exists, merged = true, append(merged, path)
		opaque, err := isOpaque(path)
		if err != nil || opaque {
			return exists, merged, err
		}
	}
	return exists, merged, nil
}

// namesBelow lists merged folders, sorted by the first appearance of a name.
func namesBelow(merged []string) ([]string, error) {
	seen := map[string]bool{} // false: deleted
	var names []string
	for _, dir := range merged {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if _, ok := seen[entry.Name()]; ok {
				continue
			}
			info, err := entry.Info()
			if err != nil {
				return nil, err
			}
			seen[entry.Name()] = !isWhiteout(info)
			if seen[entry.Name()] {
				names = append(names, entry.Name())
			}
		}
	}
	return names, nil
}
