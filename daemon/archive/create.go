//go:build linux

package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// create makes an entry in the folder that was entered, where there is room for it or, with exists, a folder.
func (u *unpacker) create(base, name string, h *tar.Header, content io.Reader, exists bool) error {
	switch h.Typeflag {
	case tar.TypeDir:
		if !exists {
			if err := unix.Mkdirat(u.parent.fd, base, 0o700); err != nil {
				return describe(path.Join(u.parent.path, base), err)
			}
		}
		return u.setFolder(u.parent, base, name, h)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return u.file(base, h, content)
	case tar.TypeLink:
		return u.link(base, h)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(h.Linkname, u.parent.fd, base); err != nil {
			return describe(path.Join(u.parent.path, base), err)
		}
		return u.setOther(base, h, false)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK, tar.TypeFifo: unix.S_IFIFO}[h.Typeflag]
		if h.Devmajor < 0 || h.Devmajor > math.MaxUint32 || h.Devminor < 0 || h.Devminor > math.MaxUint32 {
			return fmt.Errorf("%q: device %d:%d: %w", h.Name, h.Devmajor, h.Devminor, errs.ErrInvalid)
		}
		device := int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)))
		if err := unix.Mknodat(u.parent.fd, base, kind|0o600, device); err != nil {
			return describe(path.Join(u.parent.path, base), err)
		}
		return u.setOther(base, h, true)
	default:
		return fmt.Errorf("%q is an entry of unknown type %q: %w", h.Name, h.Typeflag, errs.ErrInvalid)
	}
}

// file makes a regular file.
func (u *unpacker) file(base string, h *tar.Header, content io.Reader) error {
	p := path.Join(u.parent.path, base)
	if err := u.room(p, h.Size); err != nil {
		return err
	}
	fd, err := unix.Openat(u.parent.fd, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return describe(p, err)
	}
	f := os.NewFile(uintptr(fd), p)
	err = u.fill(f, h, content)
	if closed := f.Close(); err == nil && closed != nil {
		err = fmt.Errorf("%s: %w", p, closed)
	}
	if err != nil {
		_ = unix.Unlinkat(u.parent.fd, base, 0) // nothing half-written stays
	}
	return err
}

// fill writes a new file's content, then what describes it: a change of owner takes away set-user-ID bits and
// capabilities, so these come last.
func (u *unpacker) fill(f *os.File, h *tar.Header, content io.Reader) error {
	if _, err := io.CopyBuffer(writer{f}, content, u.buf); err != nil {
		return damaged(f.Name(), err)
	}
	fd, owner := int(f.Fd()), u.owner(h)
	if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
		return describe(f.Name(), err)
	}
	if err := setXattrs(fd, h.PAXRecords); err != nil {
		return describe(f.Name(), err)
	}
	if err := unix.Fchmod(fd, uint32(h.Mode&tmode)); err != nil {
		return describe(f.Name(), err)
	}
	return setTime(dir{fd: fd, path: f.Name()}, h.ModTime)
}

// room checks a file's size against the bounds and, when it is large, against what is free: an archive of a few bytes
// may describe a file of petabytes.
func (u *unpacker) room(p string, size int64) error {
	if u.bytes += size; u.o.MaxBytes > 0 && u.bytes > u.o.MaxBytes {
		return &TooLargeError{u.o.MaxBytes}
	}
	if size < 64<<20 {
		return nil
	}
	var st unix.Statfs_t
	// An O_PATH descriptor will do. A file system that says nothing is left to say it when written to.
	if err := unix.Fstatfs(u.parent.fd, &st); err == nil && st.Blocks > 0 && uint64(size) > st.Bavail*uint64(st.Bsize) {
		return describe(p, unix.ENOSPC)
	}
	return nil
}

// link makes another name for a file of the archive, or one that was there.
func (u *unpacker) link(base string, h *tar.Header) error {
	target, err := inside(h.Linkname)
	if err != nil {
		return fmt.Errorf("%q links out: %w", h.Name, err)
	}
	from, name, err := u.r.lookup(u.root.path+"/"+target, false, false)
	if err != nil {
		return fmt.Errorf("%q links to: %w", h.Name, err)
	}
	defer from.close()
	if from.ro || u.r.mounted(from, name) {
		return fmt.Errorf("%q links to %q: %w", h.Name, h.Linkname, describe(from.path, unix.EXDEV))
	}
	if err := unix.Linkat(from.fd, name, u.parent.fd, base, 0); err != nil {
		return fmt.Errorf("%q links to: %w", h.Name, describe(path.Join(from.path, name), err))
	}
	return nil
}

// setFolder sets what an entry says about a folder, and remembers its time for the end.
func (u *unpacker) setFolder(parent dir, base, name string, h *tar.Header) error {
	n, err := u.r.child(parent, base)
	if err != nil {
		return err
	}
	defer n.close()
	if n.kind() != unix.S_IFDIR || n.ro {
		return describe(n.path, unix.ENOTDIR)
	}
	f, err := reopen(n.fd, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return describe(n.path, err)
	}
	defer f.Close()
	fd, owner := int(f.Fd()), u.owner(h)
	if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
		return describe(n.path, err)
	}
	if err := setXattrs(fd, h.PAXRecords); err != nil {
		return describe(n.path, err)
	}
	if err := unix.Fchmod(fd, uint32(h.Mode&tmode)); err != nil {
		return describe(n.path, err)
	}
	u.times = append(u.times, folderTime{name, h.ModTime})
	return nil
}

// setOther sets owner, time and, with chmod, mode of what cannot be opened.
func (u *unpacker) setOther(base string, h *tar.Header, chmod bool) error {
	p, owner := path.Join(u.parent.path, base), u.owner(h)
	if err := unix.Fchownat(u.parent.fd, base, owner.UID, owner.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return describe(p, err)
	}
	if chmod {
		n, err := u.r.child(u.parent, base)
		if err != nil {
			return err
		}
		defer n.close()
		if n.kind() == unix.S_IFLNK {
			return describe(p, unix.ELOOP) // put there this moment
		}
		if err := unix.Chmod(procPath(n.fd), uint32(h.Mode&tmode)); err != nil {
			return describe(p, err)
		}
	}
	at := []unix.Timespec{timespec(h.ModTime), timespec(h.ModTime)}
	if err := unix.UtimesNanoAt(u.parent.fd, base, at, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return describe(p, err)
	}
	return nil
}

// setTime sets the time of what was opened.
func setTime(d dir, at time.Time) error {
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, procPath(d.fd), []unix.Timespec{timespec(at), timespec(at)}, 0); err != nil {
		return describe(d.path, err)
	}
	return nil
}

// timespec converts a time; what an archive does not say, or the kernel cannot express, is the epoch.
func timespec(t time.Time) unix.Timespec {
	ts, err := unix.TimeToTimespec(t)
	if err != nil || t.IsZero() {
		return unix.Timespec{}
	}
	return ts
}

// writer is a file's Write and no more: its ReadFrom would go through a small buffer.
type writer struct{ f *os.File }

// Write writes.
func (w writer) Write(b []byte) (int, error) { return w.f.Write(b) } //nolint:wrapcheck // wrapped by the caller
