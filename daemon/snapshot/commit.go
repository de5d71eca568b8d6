//go:build linux

package snapshot

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	paxXattr       = "SCHILY.xattr."
)

// Lease keeps, until done, what calls with its context write or find: also a blob that somebody else made, uses and
// removes meanwhile. Whoever makes an image of what [Layers.Commit] returns holds one until the image is there.
func (l *Layers) Lease(ctx context.Context) (_ context.Context, done func(), err error) {
	return l.store.Lease(ctx)
}

// Commit writes what a container changed as a layer into the content store: an uncompressed archive, whose digest is
// its diff id too. A container that changed nothing gives an empty archive. The blob stays as long as the lease of ctx
// does; until then something has to refer to it.
func (l *Layers) Commit(ctx context.Context, id string) (ocispec.Descriptor, digest.Digest, error) {
	defer l.ids.lock(id)()
	n, err := l.get(id)
	if err != nil {
		return ocispec.Descriptor{}, "", err
	}
	desc, err := l.WriteBlob(ctx, ocispec.MediaTypeImageLayer, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		if err := l.archive(ctx, n, buffered); err != nil {
			return err
		}
		return buffered.Flush()
	})
	if err != nil {
		return ocispec.Descriptor{}, "", fmt.Errorf("commit layer %s: %w", id, err)
	}
	return desc, desc.Digest, nil
}

// WriteBlob writes what write writes into the content store, where it stays as after [Layers.Commit].
func (l *Layers) WriteBlob(ctx context.Context, mediaType string, write func(io.Writer) error) (_ ocispec.Descriptor, err error) {
	ctx, done, err := l.store.Leased(ctx) // for as long as it is being written
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer done()
	ref := "blob-" + randomName()
	w, err := ccontent.OpenWriter(ctx, l.store.Content, ccontent.WithRef(ref))
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer func() {
		err = errors.Join(err, w.Close())
		if err != nil {
			if aborted := l.store.Content.Abort(context.WithoutCancel(ctx), ref); aborted != nil && !errors.Is(aborted, errs.ErrNotFound) {
				err = errors.Join(err, aborted)
			}
		}
	}()
	counter := &counter{w: w}
	if err := write(counter); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: w.Digest(), Size: counter.n}
	if err = w.Commit(ctx, desc.Size, desc.Digest); errs.Class(err) == errs.ErrConflict { // it is there already
		err = nil
	}
	return desc, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// archive writes a layer's changes as an OCI layer.
func (l *Layers) archive(ctx context.Context, n *layer, w io.Writer) error {
	t := tar.NewWriter(w)
	a := archiver{tar: t, links: map[uint64]string{}}
	if err := l.kind.walk(ctx, n, a.add); err != nil {
		return err
	}
	return t.Close()
}

type archiver struct {
	tar   *tar.Writer
	links map[uint64]string // inode → first name
}

func (a *archiver) add(c change) error {
	if c.Kind == container.ChangeDelete {
		if c.Hidden { // the opaque marker says it
			return nil
		}
		dir, name := path.Split(c.Path)
		return a.marker(dir + whiteoutPrefix + name)
	}
	if c.Info.Mode()&fs.ModeSocket != 0 { // no archive can hold one, and no container misses it
		return nil
	}
	if err := a.file(c); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	if c.Opaque {
		return a.marker(c.Path + "/" + whiteoutOpaque)
	}
	return nil
}

func (a *archiver) marker(name string) error {
	return a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Format: tar.FormatPAX})
}

func (a *archiver) file(c change) error {
	h, err := header(c)
	if errors.Is(err, fs.ErrNotExist) { // gone since: the container is running
		return nil
	}
	if err != nil {
		return err
	}
	if !c.Info.Mode().IsRegular() {
		return a.tar.WriteHeader(h)
	}
	if st, ok := c.Info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
		if first := a.links[st.Ino]; first != "" {
			h.Typeflag, h.Linkname, h.Size, h.PAXRecords = tar.TypeLink, first, 0, nil
			return a.tar.WriteHeader(h)
		}
		a.links[st.Ino] = c.Path
	}
	f, err := os.OpenFile(c.Source, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	copied, err := io.CopyN(a.tar, f, h.Size)
	if errors.Is(err, io.EOF) { // the container is running and made it shorter
		_, err = io.CopyN(a.tar, zeros{}, h.Size-copied)
	}
	return err
}

// zeros is an endless file of nothing.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// header describes a file as it is in the container: numbers, no names of the host's users.
func header(c change) (*tar.Header, error) {
	link := ""
	if c.Info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(c.Source); err != nil {
			return nil, err
		}
	}
	h, err := tar.FileInfoHeader(nameless{c.Info}, link)
	if err != nil {
		return nil, err
	}
	h.Name = c.Path
	if c.Info.IsDir() {
		h.Name += "/"
	}
	h.Format = tar.FormatPAX
	h.ModTime = h.ModTime.Truncate(time.Second)
	h.AccessTime, h.ChangeTime = time.Time{}, time.Time{}
	xattrs, err := readXattrs(c.Source)
	if err != nil {
		return nil, err
	}
	h.PAXRecords = xattrs
	return h, nil
}

// nameless keeps archive/tar from asking the host for the names of users and groups.
type nameless struct{ fs.FileInfo }

func (nameless) Uname() (string, error) { return "", nil }
func (nameless) Gname() (string, error) { return "", nil }

// readXattrs returns the attributes that belong into an archive, as PAX records: capabilities and the user's own.
func readXattrs(path string) (map[string]string, error) {
	size, err := unix.Llistxattr(path, nil)
	if err != nil || size <= 0 {
		return nil, ignoreUnsupported(err)
	}
	names := make([]byte, size)
	if size, err = unix.Llistxattr(path, names); err != nil {
		return nil, ignoreUnsupported(err)
	}
	var records map[string]string
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:size]), "\x00"), "\x00") {
		if name != "security.capability" && !strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "user.overlay.") {
			continue
		}
		value, err := readXattr(path, name)
		if err != nil {
			return nil, err
		}
		if records == nil {
			records = map[string]string{}
		}
		records[paxXattr+name] = value
	}
	return records, nil
}

func readXattr(path, name string) (string, error) {
	size, err := unix.Lgetxattr(path, name, nil)
	if err != nil || size <= 0 {
		return "", ignoreUnsupported(err)
	}
	value := make([]byte, size)
	size, err = unix.Lgetxattr(path, name, value)
	return string(value[:max(size, 0)]), ignoreUnsupported(err)
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENODATA) {
		return nil
	}
	return err
}
