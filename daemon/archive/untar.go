//go:build linux

package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// Owner is a user and group by number.
type Owner struct{ UID, GID int }

// UntarOptions say how an archive is unpacked.
type UntarOptions struct {
	// NoOverwriteDirNonDir refuses to replace a folder by something else, and something else by a folder.
	NoOverwriteDirNonDir bool
	// Owner, when not nil, owns all that is made, whatever the archive says: copyUIDGID of the archive call with the
	// container's user, or COPY --chown.
	Owner *Owner
	// Map translates owners of the archive, when not nil and Owner is nil.
	Map func(Owner) Owner
	// MaxBytes and MaxEntries bound what is unpacked; 0 is no bound.
	MaxBytes, MaxEntries int64
}

// Untar unpacks a tar archive, not compressed, into the folder at a path, as PUT /containers/{id}/archive does. Owner,
// modes, times and attributes are those of the archive; what exists is replaced, except that folders are merged.
//
// Errors: errs.ErrNotFound when the folder does not exist; errs.ErrInvalid when it is none ("extraction point is not
// a directory"), when the archive is damaged, leads out of the folder or exceeds the bounds; [ErrReadOnly]. After an
// error what was unpacked until then is there, whole files only.
func (r *Root) Untar(ctx context.Context, p string, in io.Reader, o UntarOptions) error {
	n, err := r.find(p, true)
	if err != nil {
		return err
	}
	defer n.close()
	if n.kind() != unix.S_IFDIR {
		return fmt.Errorf("%s: extraction point is not a directory: %w", p, errs.ErrInvalid)
	}
	if n.ro {
		return fmt.Errorf("%s: %w", p, ErrReadOnly)
	}
	u := &unpacker{r: r, ctx: ctx, root: n, o: o, buf: make([]byte, bufferSize)}
	defer u.leave()
	for archive := tar.NewReader(plain{ctx, in}); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return damaged("read archive", err)
		}
		if err := u.entry(h, archive); err != nil {
			return err
		}
	}
}

// damaged gives an error of the archive reader its class: the archive is wrong, unless reading it failed.
func damaged(what string, err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrFieldTooLong) {
		return fmt.Errorf("%s: %w: %w", what, err, errs.ErrInvalid)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// TooLargeError is of an archive that holds more bytes than it may, of class errs.ErrInvalid.
type TooLargeError struct{ Limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("archive holds more than %d bytes", e.Limit)
}

// Unwrap returns the class.
func (e *TooLargeError) Unwrap() error { return errs.ErrInvalid }

// unpacker unpacks one archive.
type unpacker struct {
	r    *Root
	ctx  context.Context //nolint:containedctx // of one call
	root node
	o    UntarOptions
	buf  []byte

	entries, bytes int64

	// The folder of the last entry: most entries are in the same one.
	parent     dir
	parentName string
	open       bool

	times []folderTime
}

// folderTime is the time of a folder, set when nothing is written to it any more.
type folderTime struct {
	name string
	at   time.Time
}

func (u *unpacker) leave() {
	if u.open {
		u.parent.close()
		u.open = false
	}
}

// inside returns a name of the archive relative to the extraction point.
func inside(name string) (string, error) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") || strings.IndexByte(name, 0) >= 0 {
		return "", fmt.Errorf("%q is outside of the extraction point: %w", name, errs.ErrInvalid)
	}
	return clean, nil
}

// entry unpacks one entry.
func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	u.entries++
	if u.o.MaxEntries > 0 && u.entries > u.o.MaxEntries {
		return fmt.Errorf("archive has more than %d entries: %w", u.o.MaxEntries, errs.ErrInvalid)
	}
	name, err := inside(h.Name)
	if err != nil {
		return err
	}
	if name == "." {
		if h.Typeflag != tar.TypeDir {
			return fmt.Errorf("%q: the extraction point can only be a folder: %w", h.Name, errs.ErrInvalid)
		}
		if u.o.NoOverwriteDirNonDir {
			return nil
		}
		return u.setFolder(u.root.dir, ".", name, h)
	}
	base, err := u.enter(path.Dir(name), path.Base(name))
	if err != nil {
		return err
	}
	exists, err := u.makeRoom(base, h)
	if err != nil {
		return err
	}
	return u.create(base, name, h, content, exists)
}

// enter goes to the folder of an entry, making it when it is not there, and returns the entry's name in it.
func (u *unpacker) enter(folder, base string) (string, error) {
	if u.open && u.parentName == folder {
		return base, nil
	}
	u.leave()
	parent, name, err := u.r.lookup(u.root.path+"/"+folder+"/"+base, false, true)
	if err != nil {
		return "", err
	}
	if name == "." { // base cannot be, after Clean
		parent.close()
		return "", describe(u.root.path, unix.EINVAL)
	}
	u.parent, u.parentName, u.open = parent, folder, true
	return name, nil
}

// makeRoom removes what an entry replaces. exists says that a folder is there and stays.
func (u *unpacker) makeRoom(base string, h *tar.Header) (exists bool, err error) {
	old, err := u.r.child(u.parent, base)
	if errors.Is(err, errs.ErrNotFound) {
		if u.parent.ro {
			return false, describe(u.parent.path, unix.EROFS)
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer old.close()
	oldDir, newDir := old.kind() == unix.S_IFDIR, h.Typeflag == tar.TypeDir
	switch {
	case u.parent.ro || old.ro:
		return false, describe(old.path, unix.EROFS)
	case oldDir && newDir:
		return true, nil
	case u.o.NoOverwriteDirNonDir && oldDir:
		return false, fmt.Errorf("cannot overwrite directory %q with non-directory %q: %w", old.path, h.Name, errs.ErrInvalid)
	case u.o.NoOverwriteDirNonDir && newDir:
		return false, fmt.Errorf("cannot overwrite non-directory %q with directory %q: %w", old.path, h.Name, errs.ErrInvalid)
	case u.r.mounted(u.parent, base):
		return false, describe(old.path, unix.EBUSY)
	}
	return false, u.r.removeAll(u.parent, base)
}

// owner returns who is to own an entry.
func (u *unpacker) owner(h *tar.Header) Owner {
	switch {
	case u.o.Owner != nil:
		return *u.o.Owner
	case u.o.Map != nil:
		return u.o.Map(Owner{h.Uid, h.Gid})
	default:
		return Owner{h.Uid, h.Gid}
	}
}

// finish sets the times of folders, the inner ones first.
func (u *unpacker) finish() error {
	u.leave()
	for i := len(u.times) - 1; i >= 0; i-- {
		t := u.times[i]
		parent, name, err := u.r.lookup(u.root.path+"/"+t.name, false, false)
		if errors.Is(err, errs.ErrNotFound) { // a later entry replaced it
			continue
		}
		if err != nil {
			return err
		}
		n, err := u.r.child(parent, name)
		parent.close()
		if err == nil {
			if n.kind() == unix.S_IFDIR && !n.ro {
				err = setTime(n.dir, t.at)
			}
			n.close()
		}
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return err
		}
	}
	return nil
}

// removeAll removes what a name below a folder stands for, and all below that, but nothing mounted.
func (r *Root) removeAll(parent dir, name string) error {
	err := unix.Unlinkat(parent.fd, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return describe(parent.path+"/"+name, err)
	}
	n, err := r.child(parent, name)
	if err != nil {
		return err
	}
	defer n.close()
	if n.kind() != unix.S_IFDIR {
		return describe(n.path, unix.EBUSY)
	}
	if len(r.points[n.path]) > 0 {
		return describe(n.path, unix.EBUSY)
	}
	f, err := reopen(n.fd, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return describe(n.path, err)
	}
	names, err := f.Readdirnames(-1)
	f.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", n.path, err)
	}
	for _, child := range names {
		if len(n.path)+len(child) > maxPath {
			return describe(n.path, unix.ENAMETOOLONG)
		}
		if err := r.removeAll(n.dir, child); err != nil {
			return err
		}
	}
	if err := unix.Unlinkat(parent.fd, name, unix.AT_REMOVEDIR); err != nil {
		return describe(n.path, err)
	}
	return nil
}
