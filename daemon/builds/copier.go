//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/archive"
)

// copier puts sources into the file system of an image. Nothing else works in it meanwhile.
type copier struct {
	ctx   context.Context //nolint:containedctx // of one instruction
	to    *tree
	owner *owner  // nil keeps the owners of the sources
	mode  *uint32 // nil keeps the modes
	limit int64
}

// copy copies one source. A folder's content goes into the destination, a file becomes the destination, or goes into it
// when that is a folder or ends in a slash.
func (c *copier) copy(it *item, dest string, archives bool) error {
	at, err := c.to.resolve(dest)
	if err != nil {
		return err
	}
	info, err := it.tree.stat(it.path)
	if err != nil {
		return fmt.Errorf("source path not found: %w", err)
	}
	if info.IsDir() {
		if _, err := c.to.dir(at, c.owner); err != nil {
			return err
		}
		return c.folder(it.tree, it.path, at)
	}
	if archives && !it.raw && info.Mode().IsRegular() {
		if done, err := c.unpack(it, at); done || err != nil {
			return err
		}
	}
	is, err := c.to.isDir(at)
	if err != nil {
		return err
	}
	if is || strings.HasSuffix(dest, "/") {
		at = path.Join(at, path.Base(it.path))
	}
	from, err := it.tree.resolve(it.path)
	if err != nil {
		return err
	}
	return c.entry(it.tree, from, at)
}

// unpack unpacks a source that is an archive.
func (c *copier) unpack(it *item, at string) (bool, error) {
	f, err := it.tree.open(it.path, unix.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if !isArchive(f) {
		return false, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	if _, err := c.to.dir(at, nil); err != nil {
		return false, err
	}
	c.to.forget()
	return true, unpack(c.ctx, c.to.path(), at, f, c.limit, (*archive.Owner)(nil))
}

// folder copies what is in a folder.
func (c *copier) folder(from *tree, source, dest string) error {
	entries, err := from.readDir(source)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.entry(from, path.Join(source, e.Name()), path.Join(dest, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// entry copies a file, link, node or folder with all in it. source is not followed when it is a link.
func (c *copier) entry(from *tree, source, dest string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	f, err := from.open(source, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: source, Err: err}
	}
	kind := st.Mode & unix.S_IFMT
	dirfd, base, exists, err := c.to.place(dest, kind == unix.S_IFDIR, c.owner)
	if err != nil {
		return err
	}
	switch kind {
	case unix.S_IFDIR:
		if !exists {
			err = unix.Mkdirat(dirfd, base, 0o755)
		}
	case unix.S_IFREG:
		err = c.file(from, source, dirfd, base)
	case unix.S_IFLNK:
		var target string
		if target, err = readlinkat(int(f.Fd()), ""); err == nil {
			err = unix.Symlinkat(target, dirfd, base)
		}
	case unix.S_IFCHR, unix.S_IFBLK, unix.S_IFIFO:
		err = unix.Mknodat(dirfd, base, st.Mode, int(st.Rdev))
	default: // a socket is nobody's without its process
		return nil
	}
	if err == nil {
		err = c.attributes(f, &st, dirfd, base)
	}
	if err != nil {
		return &fs.PathError{Op: "copy", Path: dest, Err: err}
	}
	if kind == unix.S_IFDIR {
		_ = f.Close() // deep trees would run out of descriptors
		if err := c.folder(from, source, dest); err != nil {
			return err
		}
		if dirfd, base, _, err = c.to.place(dest, true, c.owner); err != nil {
			return err
		}
	}
	times(dirfd, base, &st)
	return nil
}

// file copies the content of a file.
func (c *copier) file(from *tree, source string, dirfd int, base string) (err error) {
	in, err := from.open(source, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer in.Close()
	fd, err := unix.Openat(dirfd, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(fd), base)
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in) // copy_file_range where it works
	return err
}

// capability is the attribute with a program's capabilities, the one of the security attributes that images carry.
const capability = "security.capability"

// attributes sets owner, mode and capabilities: in this order, since each takes the next away.
func (c *copier) attributes(f *os.File, st *unix.Stat_t, dirfd int, base string) error {
	uid, gid := int(st.Uid), int(st.Gid)
	if c.owner != nil {
		uid, gid = c.owner.uid, c.owner.gid
	}
	if err := unix.Fchownat(dirfd, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	mode := st.Mode & 0o7777
	if c.mode != nil {
		mode = *c.mode
	}
	if err := unix.Fchmodat(dirfd, base, mode, 0); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	value, err := capabilities(f)
	if err != nil || value == nil {
		return err
	}
	return unix.Setxattr(filepath.Join("/proc/self/fd", strconv.Itoa(dirfd), base), capability, value, 0)
}

// capabilities are those of a file that is open as a path, nil for none.
func capabilities(f *os.File) ([]byte, error) {
	value := make([]byte, 64)
	n, err := unix.Getxattr(filepath.Join("/proc/self/fd", strconv.Itoa(int(f.Fd()))), capability, value)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return value[:n], nil
}

// times sets the time of last change. File systems that cannot are no reason to fail.
func times(dirfd int, base string, st *unix.Stat_t) {
	_ = unix.UtimesNanoAt(dirfd, base, []unix.Timespec{st.Mtim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// lookupOwner reads --chown=USER[:GROUP]: numbers, or names in the image's own files. Without a group it is the one that
// is called or numbered like the user.
func lookupOwner(t *tree, text string) (*owner, error) {
	userName, groupName, both := strings.Cut(text, ":")
	if strings.Contains(groupName, ":") {
		return nil, fmt.Errorf("invalid chown string format: %s", text)
	}
	if !both {
		groupName = userName
	}
	o := &owner{}
	var err error
	o.uid, err = number(t, userName, "/etc/passwd", func(r io.Reader) (int, bool, error) {
		found, err := user.ParsePasswdFilter(r, func(u user.User) bool { return u.Name == userName })
		i := slices.IndexFunc(found, func(user.User) bool { return true })
		if err != nil || i < 0 {
			return 0, false, err
		}
		return found[i].Uid, true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("can't find uid for user %s: %w", userName, err)
	}
	o.gid, err = number(t, groupName, "/etc/group", func(r io.Reader) (int, bool, error) {
		found, err := user.ParseGroupFilter(r, func(g user.Group) bool { return g.Name == groupName })
		if err != nil || len(found) == 0 {
			return 0, false, err
		}
		return found[0].Gid, true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("can't find gid for group %s: %w", groupName, err)
	}
	return o, nil
}

// number is a user's or group's number: as given, or by name in a file of the image.
func number(t *tree, name, file string, find func(io.Reader) (int, bool, error)) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 || int64(n) >= 1<<32-1 {
			return 0, fmt.Errorf("%d is no id", n)
		}
		return n, nil
	}
	what := "user"
	if file == "/etc/group" {
		what = "group"
	}
	info, err := t.stat(file)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, &fs.PathError{Op: "read", Path: file, Err: unix.EINVAL}
	}
	f, err := t.open(file, unix.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, ok, err := find(io.LimitReader(f, maxDockerfile))
	if err == nil && !ok {
		err = fmt.Errorf("no such %s: %s", what, name)
	}
	return n, err
}
