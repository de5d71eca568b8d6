package filetree

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// File is the tree in a tar archive of this machine, which may be compressed with gzip.
func File(ctx context.Context, archive string, o Owner) (Tree, error) {
	return scan(false, func(visit func(entry) error) error {
		file, err := os.Open(archive)
		if err != nil {
			return unusable(err)
		}
		defer file.Close()
		if err := visitArchive(ctx, file, o, visit); err != nil {
			return fmt.Errorf("archive %s: %w", archive, err)
		}
		return nil
	})
}

func visitArchive(ctx context.Context, from io.Reader, o Owner, visit func(entry) error) error {
	plain, err := uncompressed(from)
	if err != nil {
		return err
	}
	in := tar.NewReader(plain)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", err, errs.ErrInvalid)
		}
		name, err := inside(h.Name)
		if err != nil {
			return err
		}
		if name == "" { // the root itself, or a comment for all that follows
			continue
		}
		own := tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode & 0o7777, Uid: h.Uid, Gid: h.Gid, ModTime: h.ModTime}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeDir, tar.TypeSymlink:
		case tar.TypeXGlobalHeader:
			continue
		case tar.TypeLink:
			if own.Linkname, err = inside(h.Linkname); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s is of type %q, and only files, directories and links can be copied: %w", name, h.Typeflag, errs.ErrInvalid)
		}
		o.give(&own)
		if err := visit(entry{own, in}); err != nil {
			return err
		}
	}
}

// uncompressed takes gzip away where it is.
func uncompressed(from io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(from)
	if magic, err := buffered.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return buffered, nil
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	return plain, nil
}

// inside is a name of an archive as one below its root; an archive must not reach out of it.
func inside(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("%q leaves the archive by \"..\": %w", name, errs.ErrInvalid)
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}

// Known is what is known of files from before.
type Known struct {
	// Files are their descriptions, and Modified the time a single file was then changed last, in seconds. A large one
	// is not read again.
	Files    map[string]string
	Modified int64
	// Owners are taken to be the known ones: the engine does not tell.
	Owners bool
}

// trustedFrom is the size from which a file is not read again when size, owner, permissions and time are as known.
const trustedFrom = 1 << 20

// Found is what an engine's archive of a path holds.
type Found struct {
	Files  map[string]string
	Single bool
	// Modified is when the file of a single tree was changed last, in seconds.
	Modified int64

	root string // what every name begins with
}

// Read describes the archive an engine gives of a path. It begins with the path itself: a directory's name, which
// engines take from the path or leave out, is the beginning of all the others.
func Read(from io.Reader, known Known) (Found, error) {
	f := Found{Files: map[string]string{}}
	in := tar.NewReader(from)
	for first := true; ; first = false {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return f, fmt.Errorf("archive of the engine: %w", err)
		}
		if first && h.Typeflag == tar.TypeDir {
			f.root = path.Clean("/" + h.Name)
			continue
		}
		name := f.below(h.Name)
		if first {
			name, f.Single, f.Modified = Self, true, h.ModTime.Unix()
		}
		if known.Owners {
			own(h, known.Files[name])
		}
		if f.Single && h.Size >= trustedFrom && f.Modified == known.Modified && strings.HasPrefix(known.Files[Self], describe(h, "")) {
			f.Files[Self] = known.Files[Self]
			return f, nil
		}
		if name == "" || h.Typeflag == tar.TypeDir {
			continue
		}
		if f.Files[name], err = f.line(h, in); err != nil {
			return f, fmt.Errorf("%s: %w", name, err)
		}
	}
}

// below is a name of the archive without the root's; "" for what is not below it.
func (f *Found) below(name string) string {
	rest, ok := strings.CutPrefix(path.Clean("/"+name), f.root)
	if !ok || f.root != "/" && !strings.HasPrefix(rest, "/") {
		return ""
	}
	return strings.TrimPrefix(rest, "/")
}

// own gives an entry the owner a description names.
func own(h *tar.Header, description string) {
	_, rest, _ := strings.Cut(description, " ")
	owner, _, _ := strings.Cut(rest, " ")
	uid, gid, _ := strings.Cut(owner, ":")
	u, errU := strconv.Atoi(uid)
	g, errG := strconv.Atoi(gid)
	if errU == nil && errG == nil {
		h.Uid, h.Gid = u, g
	}
}

// line describes one entry. Engines choose which of several names of a file comes first; the others are as that.
func (f *Found) line(h *tar.Header, content io.Reader) (string, error) {
	switch h.Typeflag {
	case tar.TypeLink:
		return f.Files[f.below(h.Linkname)], nil
	case tar.TypeSymlink:
		return describe(h, ""), nil
	case tar.TypeReg:
		sum, err := sumOf(content, h.Size)
		return describe(h, sum), err
	}
	return fmt.Sprintf("special file of type %q", h.Typeflag), nil
}

// deepestFirst orders directories so that each comes before the one it is in.
func deepestFirst(dirs []string) []string {
	slices.SortFunc(dirs, func(a, b string) int {
		if d := strings.Count(b, "/") - strings.Count(a, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return dirs
}
