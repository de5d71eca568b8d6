//go:build linux

package builds

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links a path may lead through, as in the kernel.
const maxLinks = 40

// tree is a folder in which names are resolved as if it were the root: no name and no link leads out, because the kernel
// resolves them so (openat2, RESOLVE_IN_ROOT) and everything is done relative to descriptors. Paths are relative to the
// folder or absolute in it, which is the same.
type tree struct {
	root *os.File
	// The folder last asked for, which most often is the next one too.
	lastName string
	last     *os.File
}

func openTree(dir string) (*tree, error) {
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &tree{root: root}, nil
}

func (t *tree) close() {
	t.forget()
	_ = t.root.Close() // nothing was written through it
}

func (t *tree) forget() {
	if t.last != nil {
		_ = t.last.Close()
		t.last, t.lastName = nil, ""
	}
}

// open opens a path, links followed inside. The caller closes the file.
func (t *tree) open(name string, flags int) (*os.File, error) {
	clean := path.Clean("/" + name)
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(int(t.root.Fd()), clean, &how)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR): // a rename somewhere; the kernel wants it tried again
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "open", Path: clean, Err: err}
		}
		return os.NewFile(uintptr(fd), clean), nil
	}
}

// stat returns what is at a path, links followed inside.
func (t *tree) stat(name string) (fs.FileInfo, error) {
	f, err := t.open(name, unix.O_PATH)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// isDir reports whether a path is a folder or a link to one.
func (t *tree) isDir(name string) (bool, error) {
	info, err := t.stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

// owner is who gets what is made; nil keeps the daemon's user.
type owner struct{ uid, gid int }

// dir opens a folder for work relative to it, and makes it and the folders above where they are missing, with mode 0755
// and the owner given. It stays open until the next call.
func (t *tree) dir(name string, o *owner) (*os.File, error) {
	clean := path.Clean("/" + name)
	if t.last != nil && t.lastName == clean {
		return t.last, nil
	}
	f, err := t.makeDir(clean, o, maxLinks)
	if err != nil {
		return nil, err
	}
	t.forget()
	t.last, t.lastName = f, clean
	return f, nil
}

func (t *tree) makeDir(clean string, o *owner, links int) (*os.File, error) {
	f, err := t.open(clean, unix.O_PATH|unix.O_DIRECTORY)
	if !errors.Is(err, fs.ErrNotExist) || clean == "/" {
		return f, err
	}
	parent, err := t.makeDir(path.Dir(clean), o, links)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	fd, base := int(parent.Fd()), path.Base(clean)
	err = unix.Mkdirat(fd, base, 0o755)
	switch {
	case errors.Is(err, unix.EEXIST): // a link that leads nowhere yet: the folder is made where it points
		target, err := readlinkat(fd, base)
		if err != nil || links == 0 {
			return nil, &fs.PathError{Op: "mkdir", Path: clean, Err: unix.ELOOP}
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(clean), target)
		}
		return t.makeDir(path.Clean("/"+target), o, links-1)
	case err != nil:
		return nil, &fs.PathError{Op: "mkdir", Path: clean, Err: err}
	}
	if err := unix.Fchmodat(fd, base, 0o755, 0); err != nil { // whatever the umask
		return nil, &fs.PathError{Op: "chmod", Path: clean, Err: err}
	}
	if o != nil {
		if err := unix.Fchownat(fd, base, o.uid, o.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return nil, &fs.PathError{Op: "chown", Path: clean, Err: err}
		}
	}
	return t.open(clean, unix.O_PATH|unix.O_DIRECTORY)
}

// place returns the folder of a path and the name in it, with whatever is there removed, unless both are folders.
func (t *tree) place(name string, folder bool, o *owner) (dirfd int, base string, exists bool, err error) {
	clean := path.Clean("/" + name)
	parent, err := t.dir(path.Dir(clean), o)
	if err != nil {
		return 0, "", false, err
	}
	dirfd, base = int(parent.Fd()), path.Base(clean)
	var st unix.Stat_t
	err = unix.Fstatat(dirfd, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return dirfd, base, false, nil
	case err != nil:
		return 0, "", false, &fs.PathError{Op: "stat", Path: clean, Err: err}
	case st.Mode&unix.S_IFMT == unix.S_IFDIR && folder:
		return dirfd, base, true, nil
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		err = unix.Unlinkat(dirfd, base, 0)
	default:
		err = removeTree(dirfd, base)
	}
	if err != nil {
		return 0, "", false, &fs.PathError{Op: "replace", Path: clean, Err: err}
	}
	return dirfd, base, false, nil
}

// removeTree removes a folder and what is in it. os.Root keeps to the folder whatever happens in it.
func removeTree(dirfd int, base string) error {
	fd, err := unix.Openat(dirfd, base, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := unix.Unlinkat(fd, name, 0); err == nil {
			continue
		}
		if err := removeTree(fd, name); err != nil {
			return err
		}
	}
	return unix.Unlinkat(dirfd, base, unix.AT_REMOVEDIR)
}

func readlinkat(dirfd int, base string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dirfd, base, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// resolve returns the path of a name with all links followed inside, also when parts of it do not exist.
func (t *tree) resolve(name string) (string, error) {
	done, left := "/", strings.Split(path.Clean("/"+name), "/")
	for links := 0; len(left) > 0; {
		part := left[0]
		left = left[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			done = path.Dir(done)
			continue
		}
		target, err := t.readlink(path.Join(done, part))
		if err != nil {
			return "", err
		}
		if target == "" {
			done = path.Join(done, part)
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "resolve", Path: name, Err: unix.ELOOP}
		}
		if path.IsAbs(target) {
			done = "/"
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return done, nil
}

// readlink returns where a link points, "" when it is none or does not exist.
func (t *tree) readlink(name string) (string, error) {
	f, err := t.open(name, unix.O_PATH|unix.O_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	target, err := readlinkat(int(f.Fd()), "")
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // not a link
		return "", nil
	}
	return target, err
}
