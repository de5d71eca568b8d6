package filetree

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
)

// Self is the name of the only file of a tree that is one file.
const Self = "."

// Owner is what the files of a tree are given in place of what their source says.
type Owner struct {
	// Mode are the permissions of files; negative leaves those of the source.
	Mode int64
	// UID and GID own files and directories; negative leaves those of an archive, and is 0 elsewhere.
	UID, GID int
}

// entry is a file, directory or link, and its content for as long as the walk is at it.
type entry struct {
	header  tar.Header
	content io.Reader
}

// Tree is a set of files. Its content is read again when it is written: sources may be large.
type Tree struct {
	// Files describes every file and link by its name below the tree's root; directories are not described.
	Files map[string]string
	// Single: the tree is one file, [Self], changed last at Modified.
	Single   bool
	Modified time.Time

	walk func(visit func(entry) error) error
}

// describe is the line a file is known by: permissions, owner, size and hash. That of a link is its target.
func describe(h *tar.Header, sum string) string {
	if h.Typeflag == tar.TypeSymlink {
		return "link " + h.Linkname
	}
	return fmt.Sprintf("%04o %d:%d %d %s", h.Mode&0o7777, h.Uid, h.Gid, h.Size, sum)
}

// Text is a tree of one file with this content.
func Text(content []byte, o Owner) (Tree, error) {
	if o.Mode < 0 {
		o.Mode = 0o644
	}
	modified := time.Now().Truncate(time.Second)
	return scan(true, func(visit func(entry) error) error {
		h := tar.Header{Typeflag: tar.TypeReg, Name: Self, Size: int64(len(content)), ModTime: modified}
		o.give(&h)
		return visit(entry{h, bytes.NewReader(content)})
	})
}

// Path is the tree of a file or directory of this machine.
func Path(ctx context.Context, source string, o Owner) (Tree, error) {
	info, err := os.Stat(source)
	if err != nil {
		return Tree{}, unusable(err)
	}
	if info.Mode().IsRegular() {
		return scan(true, func(visit func(entry) error) error { return visitFile(source, Self, info, o, visit) })
	}
	if !info.IsDir() {
		return Tree{}, fmt.Errorf("%s is neither a file nor a directory: %w", source, errs.ErrInvalid)
	}
	return scan(false, func(visit func(entry) error) error {
		root, err := filepath.EvalSymlinks(source) // a walk does not enter a link
		if err != nil {
			return unusable(err)
		}
		return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return unusable(err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			name, err := filepath.Rel(root, file)
			if err != nil || name == "." {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return unusable(err)
			}
			return visitFile(file, filepath.ToSlash(name), info, o, visit)
		})
	})
}

func unusable(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	return err
}

func visitFile(file, name string, info fs.FileInfo, o Owner, visit func(entry) error) error {
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(file); err != nil {
			return unusable(err)
		}
		link = filepath.ToSlash(link)
	}
	if !info.Mode().IsRegular() && !info.IsDir() && link == "" {
		return fmt.Errorf("%s is a %s, and only files, directories and links can be copied: %w", file, info.Mode().Type(), errs.ErrInvalid)
	}
	full, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h := tar.Header{Typeflag: full.Typeflag, Name: name, Linkname: full.Linkname, Size: full.Size, Mode: full.Mode, ModTime: full.ModTime.Truncate(time.Second)}
	o.give(&h)
	if !info.Mode().IsRegular() {
		return visit(entry{h, nil})
	}
	content, err := os.Open(file)
	if err != nil {
		return unusable(err)
	}
	defer content.Close()
	return visit(entry{h, content})
}

// give sets what the owner decides.
func (o Owner) give(h *tar.Header) {
	if o.Mode >= 0 && h.Typeflag == tar.TypeReg {
		h.Mode = o.Mode
	}
	if o.UID >= 0 {
		h.Uid, h.Uname = o.UID, ""
	}
	if o.GID >= 0 {
		h.Gid, h.Gname = o.GID, ""
	}
}

// scan walks a source once and describes what it finds.
func scan(single bool, walk func(visit func(entry) error) error) (Tree, error) {
	t := Tree{Files: map[string]string{}, Single: single, walk: walk}
	err := walk(func(e entry) error {
		if e.header.Typeflag == tar.TypeDir {
			return nil
		}
		if e.header.Typeflag == tar.TypeLink {
			target, ok := t.Files[e.header.Linkname]
			if !ok {
				return fmt.Errorf("%s is a hard link to %s, which does not come before it: %w", e.header.Name, e.header.Linkname, errs.ErrInvalid)
			}
			t.Files[e.header.Name] = target
			return nil
		}
		if single {
			t.Modified = e.header.ModTime
		}
		sum, err := sumOf(e.content, e.header.Size)
		t.Files[e.header.Name] = describe(&e.header, sum)
		return err
	})
	return t, err
}

// sumOf is the hash of a content, which has to have the size that was announced.
func sumOf(content io.Reader, size int64) (string, error) {
	hash := sha256.New()
	if content == nil {
		return hex.EncodeToString(hash.Sum(nil)), nil
	}
	n, err := io.Copy(hash, content)
	if err == nil && n != size {
		err = fmt.Errorf("a file changed while it was read (%d bytes, then %d): %w", size, n, errs.ErrConflict)
	}
	return hex.EncodeToString(hash.Sum(nil)), err
}

// Archive writes the tree as a tar archive, every name below root; the file of a single tree has the name of root
// itself. It fails when a file is not what was described.
func (t Tree) Archive(root string, to io.Writer) error {
	out := tar.NewWriter(to)
	err := t.walk(func(e entry) error {
		h := e.header
		h.Name = path.Join(root, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			h.Name += "/"
			return out.WriteHeader(&h)
		case tar.TypeLink:
			h.Linkname = path.Join(root, h.Linkname)
			return out.WriteHeader(&h)
		}
		if err := out.WriteHeader(&h); err != nil {
			return err
		}
		hash := sha256.New()
		if e.content != nil {
			if _, err := io.Copy(io.MultiWriter(out, hash), e.content); err != nil {
				return fmt.Errorf("%s: %w", e.header.Name, err)
			}
		}
		if now := describe(&e.header, hex.EncodeToString(hash.Sum(nil))); t.Files[e.header.Name] != now {
			return fmt.Errorf("%s changed while it was copied: %w", e.header.Name, errs.ErrConflict)
		}
		return nil
	})
	return errors.Join(err, out.Close())
}

// Directories are the directories files are in, below the root, the deepest first.
func Directories(files map[string]string) []string {
	seen := map[string]bool{}
	for name := range files {
		for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
			seen[dir] = true
		}
	}
	all := make([]string, 0, len(seen))
	for dir := range seen {
		all = append(all, dir)
	}
	return deepestFirst(all)
}
