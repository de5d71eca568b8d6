//go:build linux

package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// bufferSize is how much of a file is moved at once.
const bufferSize = 256 << 10

// TarOptions say how an archive is written.
type TarOptions struct {
	// Name is the name of what is archived, and the first part of the names below it. Empty is the last part of the
	// path as it was asked for: "./" for "/etc/.", "/" for the root, because docker cp replaces just that by the name
	// at its destination. "." gives names relative to the path, without an entry for the folder itself.
	Name string
	// Follow follows a link at the end of the path. It is followed anyway when the path ends in a slash or in "/.".
	Follow bool
	// Exact keeps times to the nanosecond instead of the second.
	Exact bool
}

// Tar writes what is at a path, and all below it, to w as a tar archive, as GET /containers/{id}/archive and POST
// …/copy want it: "/etc/ssl" gives "ssl/", "ssl/certs/", …; a link gives the link. Names are sorted, so that the same
// files give the same bytes. Sockets are left out, and files that vanish meanwhile; a file that shrinks is filled up
// with zeros. Errors before the first byte: errs.ErrNotFound, errs.ErrInvalid.
func (r *Root) Tar(ctx context.Context, p string, o TarOptions, w io.Writer) error {
	n, err := r.find(p, o.Follow)
	if err != nil {
		return err
	}
	defer n.close()
	name := o.Name
	if name == "" {
		if name = path.Base("/" + p); strings.HasSuffix("/"+p, "/.") {
			name = "./"
		}
	}
	t := &packer{r: r, ctx: ctx, w: tar.NewWriter(w), exact: o.Exact, links: map[inode]string{}}
	if err := t.add(&n, name); err != nil {
		return fmt.Errorf("archive %s: %w", p, err)
	}
	if err := t.w.Close(); err != nil {
		return fmt.Errorf("archive %s: %w", p, err)
	}
	return nil
}

// Export writes the whole file system to w, with names relative to its root, as GET /containers/{id}/export. Open it
// without mounts for that: what is mounted does not belong to the container.
func (r *Root) Export(ctx context.Context, w io.Writer) error {
	return r.Tar(ctx, "/", TarOptions{Name: "."}, w)
}

// inode identifies a file with several names.
type inode struct{ dev, ino uint64 }

// packer writes one archive.
type packer struct {
	r     *Root
	ctx   context.Context //nolint:containedctx // of one call
	w     *tar.Writer
	exact bool
	links map[inode]string // files with several names that have been written
	buf   []byte
}

// add writes an entry and what is below it. The node stays open.
func (t *packer) add(n *node, name string) error {
	if err := t.ctx.Err(); err != nil {
		return err //nolint:wrapcheck // wrapped by Tar
	}
	switch n.kind() {
	case unix.S_IFREG:
		return t.file(n, name)
	case unix.S_IFDIR:
		return t.folder(n, name)
	case unix.S_IFLNK:
		target, err := readlink(n.dir, "")
		if err != nil {
			return err
		}
		h := t.header(n, name)
		h.Linkname = target
		return t.write(h)
	case unix.S_IFSOCK:
		return nil
	default:
		h := t.header(n, name)
		h.Devmajor, h.Devminor = int64(unix.Major(n.stat.Rdev)), int64(unix.Minor(n.stat.Rdev))
		if n.kind() == unix.S_IFIFO {
			h.Devmajor, h.Devminor = 0, 0
		}
		return t.write(h)
	}
}

func (t *packer) write(h *tar.Header) error {
	if err := t.w.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

var typeflags = map[uint32]byte{
	unix.S_IFREG: tar.TypeReg, unix.S_IFDIR: tar.TypeDir, unix.S_IFLNK: tar.TypeSymlink,
	unix.S_IFCHR: tar.TypeChar, unix.S_IFBLK: tar.TypeBlock, unix.S_IFIFO: tar.TypeFifo,
}

// header describes a node.
func (t *packer) header(n *node, name string) *tar.Header {
	h := &tar.Header{
		Typeflag: typeflags[n.kind()],
		Name:     name,
		Mode:     int64(n.stat.Mode & tmode),
		Uid:      int(n.stat.Uid),
		Gid:      int(n.stat.Gid),
		ModTime:  time.Unix(n.stat.Mtim.Unix()),
		Format:   tar.FormatPAX,
	}
	if !t.exact {
		h.ModTime = h.ModTime.Truncate(time.Second)
	}
	return h
}

// file writes a regular file, or that it is another name of one.
func (t *packer) file(n *node, name string) error {
	h := t.header(n, name)
	id := inode{uint64(n.stat.Dev), n.stat.Ino}
	if n.stat.Nlink > 1 {
		if first, ok := t.links[id]; ok {
			h.Typeflag, h.Linkname = tar.TypeLink, first
			return t.write(h)
		}
	}
	f, err := reopen(n.fd, unix.O_RDONLY)
	if err != nil {
		return describe(n.path, err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return describe(n.path, err)
	}
	h.Size = st.Size
	h.PAXRecords = xattrs(int(f.Fd()))
	if err := t.write(h); err != nil {
		return err
	}
	if n.stat.Nlink > 1 {
		t.links[id] = name
	}
	if t.buf == nil {
		t.buf = make([]byte, bufferSize)
	}
	// Whatever happens to the file meanwhile, what the header promised is written.
	in := io.LimitReader(io.MultiReader(plain{t.ctx, f}, zeros{}), st.Size)
	if _, err := io.CopyBuffer(t.w, in, t.buf); err != nil {
		return fmt.Errorf("%s: %w", n.path, err)
	}
	return nil
}

// folder writes a folder and what is in it, mounts included.
func (t *packer) folder(n *node, name string) error {
	f, err := reopen(n.fd, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return describe(n.path, err)
	}
	prefix := ""
	if name != "." {
		h := t.header(n, strings.TrimSuffix(name, "/")+"/")
		h.PAXRecords = xattrs(int(f.Fd()))
		if err := t.write(h); err != nil {
			f.Close()
			return err
		}
		prefix = h.Name
	}
	names, err := f.Readdirnames(-1)
	f.Close() // one descriptor for each level is enough
	if err != nil {
		return fmt.Errorf("%s: %w", n.path, err)
	}
	names = append(names, t.r.points[n.path]...)
	slices.Sort(names)
	for _, child := range slices.Compact(names) {
		if err := t.entry(n, child, prefix+child); err != nil {
			return err
		}
	}
	return nil
}

// entry writes one entry of a folder. What is gone by now is left out.
func (t *packer) entry(parent *node, child, name string) error {
	if len(parent.path)+len(child) > maxPath {
		return describe(parent.path, unix.ENAMETOOLONG)
	}
	n, err := t.r.child(parent.dir, child)
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer n.close()
	return t.add(&n, name)
}

// reopen opens what an O_PATH descriptor was opened for: exactly that, whatever has been put in its place.
func reopen(fd, flags int) (*os.File, error) {
	name := procPath(fd)
	again, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err //nolint:wrapcheck // wrapped by the caller, who knows the path
	}
	return os.NewFile(uintptr(again), name), nil
}

// procPath is a path to what a descriptor was opened for.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// plain is a file's Read, and no more, until the context ends. A file's own WriteTo would take a small buffer.
type plain struct {
	ctx context.Context //nolint:containedctx // of one call
	r   io.Reader
}

// Read reads.
func (p plain) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err //nolint:wrapcheck // wrapped by the caller
	}
	return p.r.Read(b) //nolint:wrapcheck // a reader's errors, io.EOF among them, are its own
}

// zeros is an endless file of zeros.
type zeros struct{}

// Read fills b with zeros.
func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
