//go:build linux

package builds

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// readDir lists a folder, links followed inside, in the order of names.
func (t *tree) readDir(name string) ([]fs.DirEntry, error) {
	f, err := t.open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, err
}

// path is the folder's own, for those who open it themselves.
func (t *tree) path() string { return t.root.Name() }

// hashOf is what makes a source the same as before: names, kinds, modes, owners, content, targets of links, numbers of
// devices and capabilities of all that is copied; not times.
func hashOf(t *tree, name string) (string, error) {
	from, err := t.resolve(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if err := hashEntry(h, t, from, ""); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashEntry adds what is at a path, under the name it has in the copy.
func hashEntry(h hash.Hash, t *tree, at, name string) error {
	f, err := t.open(at, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: at, Err: err}
	}
	mode := st.Mode
	if name == "" && mode&unix.S_IFMT == unix.S_IFDIR { // of the top folder only the content is copied
		mode, st.Uid, st.Gid = unix.S_IFDIR, 0, 0
	}
	fmt.Fprintf(h, "%q %o %d:%d", name, mode, st.Uid, st.Gid)
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return hashFile(h, t, at, f, st.Size)
	case unix.S_IFLNK:
		target, err := readlinkat(int(f.Fd()), "")
		fmt.Fprintf(h, " %q\n", target)
		return err
	case unix.S_IFCHR, unix.S_IFBLK:
		fmt.Fprintf(h, " %d\n", st.Rdev)
		return nil
	case unix.S_IFDIR:
		fmt.Fprintln(h)
		_ = f.Close() // deep trees would run out of descriptors
		entries, err := t.readDir(at)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := hashEntry(h, t, path.Join(at, e.Name()), path.Join(name, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func hashFile(h hash.Hash, t *tree, at string, f *os.File, size int64) error {
	attr, err := capabilities(f)
	if err != nil {
		return err
	}
	fmt.Fprintf(h, " %d %x\n", size, attr)
	in, err := t.open(at, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(h, in)
	return err
}

// maxHashes is how many hashes are remembered: when there are more, all are forgotten.
const maxHashes = 8192

// hashes remembers what is in images, which do not change: chain and path to hash.
type hashes struct {
	mu sync.Mutex
	m  map[string]string
}

func (h *hashes) get(key string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.m[key]
}

func (h *hashes) put(key, hash string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil || len(h.m) >= maxHashes {
		h.m = map[string]string{}
	}
	h.m[key] = hash
}
