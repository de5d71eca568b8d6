//go:build linux

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/mount"
	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/go-digest"
)

// keepInits is how many init layers without containers are kept: the next container of the image has a quick start.
const keepInits = 128

// initEntries is what every container has something mounted on, and the marker programs look for.
var initEntries = []struct {
	path string
	dir  bool
	link string
}{
	{path: "dev/pts", dir: true}, {path: "dev/shm", dir: true}, {path: "proc", dir: true}, {path: "sys", dir: true},
	{path: "dev/console"}, {path: ".dockerenv"}, {path: "etc/resolv.conf"}, {path: "etc/hosts"}, {path: "etc/hostname"},
	{path: "etc/mtab", link: "/proc/mounts"},
}

// addInit puts into a root what is missing of initEntries, and returns the paths it added, parents first. Links in the
// root are followed inside it.
func addInit(root string) ([]string, error) {
	var added []string
	for _, entry := range initEntries {
		parent, name := filepath.Split(entry.path)
		if entry.dir {
			parent, name = entry.path, ""
		}
		dir, err := securejoin.SecureJoin(root, parent)
		if err != nil {
			return nil, err
		}
		made, err := mkdirs(root, dir)
		added = append(added, made...)
		if errors.Is(err, errNotDir) {
			continue // the image has a file there: whoever mounts says so
		}
		if err != nil {
			return nil, err
		}
		if name == "" {
			continue
		}
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if entry.link != "" {
			err = os.Symlink(entry.link, path)
		} else {
			err = os.WriteFile(path, nil, 0o644)
		}
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		added = append(added, rel)
	}
	return added, nil
}

var errNotDir = errors.New("not a folder")

// mkdirs makes a folder below root, which has no links any more, and returns what it made.
func mkdirs(root, dir string) ([]string, error) {
	fi, err := os.Lstat(dir)
	switch {
	case err == nil && fi.IsDir():
		return nil, nil
	case err == nil:
		return nil, fmt.Errorf("%s: %w", dir, errNotDir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	made, err := mkdirs(root, filepath.Dir(dir))
	if err != nil {
		return made, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return made, err
	}
	rel, err := filepath.Rel(root, dir)
	return append(made, rel), err
}

// initDir is where the init layer of a chain is.
func (l *Layers) initDir(chain digest.Digest) string {
	name := "scratch"
	if chain != "" {
		name = chain.Encoded()
	}
	return filepath.Join(l.root, hidden+"init", name)
}

// init returns the folder of a chain's init layer, made when it is missing.
func (o *overlays) init(ctx context.Context, chain digest.Digest, lower []string) (_ string, err error) {
	defer o.l.chains.lock(chain.String())()
	dir := filepath.Join(o.l.initDir(chain), "upper")
	if _, err := os.Lstat(dir); err == nil {
		return dir, nil
	}
	o.l.trimInits()
	if err := os.MkdirAll(filepath.Join(o.l.root, hidden+"init"), 0o710); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(o.l.root, hidden+"new-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if len(lower) == 0 {
		if err := os.Mkdir(filepath.Join(tmp, "upper"), 0o755); err != nil {
			return "", err
		}
		if _, err := addInit(filepath.Join(tmp, "upper")); err != nil {
			return "", err
		}
	} else if err := o.initOver(tmp, lower); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, o.l.initDir(chain)); err != nil {
		return "", err
	}
	return dir, nil
}

// initOver has overlay itself find out what is missing.
func (o *overlays) initOver(tmp string, lower []string) (err error) {
	root := filepath.Join(tmp, "rootfs")
	if err := errors.Join(makeUpper(tmp, lower[0]), os.Mkdir(root, 0o755)); err != nil {
		return err
	}
	if err := mount.All(overlayMount(tmp, lower), root); err != nil {
		return fmt.Errorf("init layer: %w", err)
	}
	_, err = addInit(root)
	return errors.Join(err, unmount(root), os.RemoveAll(filepath.Join(tmp, "work")), os.Remove(root))
}

// trimInits removes init layers that no container stands on when there are many.
func (l *Layers) trimInits() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.inits) <= keepInits {
		return
	}
	for chain, users := range l.inits {
		if users > 0 {
			continue
		}
		delete(l.inits, chain)
		if err := os.RemoveAll(l.initDir(chain)); err != nil {
			l.log.Warn("an init layer stays until the next start", "chain", chain, "error", err)
		}
	}
}
