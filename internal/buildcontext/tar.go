package buildcontext

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
)

// Tar writes the context as the engine wants it: m's entries in order, owned by root, and beside them what the
// engine needs to find the Dockerfile and to leave it out of the image again where .dockerignore says so. A file
// that is no longer as m has it is errs.ErrConflict.
func (c *Context) Tar(ctx context.Context, m Manifest, w io.Writer) error {
	out := tar.NewWriter(w)
	control, replace := c.control(m)
	for _, e := range m.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if replace && e.Path == ignoreFile {
			continue
		}
		if err := write(out, e); err != nil {
			return fmt.Errorf("build context: %s: %w", e.Path, err)
		}
	}
	if control != nil {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: ignoreFile, Mode: 0o644, Size: int64(len(control)), ModTime: time.Unix(0, 0)}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("build context: %w", err)
		}
		if _, err := out.Write(control); err != nil {
			return fmt.Errorf("build context: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	return nil
}

// control returns the .dockerignore the engine is sent, and whether it takes the place of the one in the manifest.
// nil: the stream needs none beyond what the manifest holds.
//
// Engines read .dockerignore again. With the Dockerfile's own ignore file in force a plain .dockerignore must not
// reach them, and a Dockerfile or ignore file that is excluded has to be sent and named there, to be taken out.
func (c *Context) control(m Manifest) (content []byte, replace bool) {
	var hasIgnore bool
	for _, e := range m.Entries {
		hasIgnore = hasIgnore || e.Path == ignoreFile
	}
	if !c.specific && !c.outside {
		if len(c.patterns) > 0 && !hasIgnore {
			return c.patterns, false // excluded by itself
		}
		return nil, false
	}
	if c.specific {
		hidden, err := c.ignore.MatchesOrParentMatches(c.name)
		if !hasIgnore && !c.outside && (err != nil || !hidden) {
			return nil, false
		}
		content = []byte(ignoreFile + "\n")
		if c.outside || hidden {
			content = append(content, c.name+"\n"...)
		}
		return content, true
	}
	content = append(content, c.patterns...)
	if len(content) > 0 && content[len(content)-1] != '\n' {
		content = append(content, '\n')
	}
	content = append(content, c.name+"\n"...)
	if !hasIgnore {
		content = append(content, ignoreFile+"\n"...)
	}
	return content, true
}

var errChanged = errors.New("changed while it was being sent")

func write(out *tar.Writer, e Entry) error {
	header := &tar.Header{Name: e.Path, Mode: int64(tarMode(e.Mode)), ModTime: e.info.ModTime().Truncate(time.Second), Format: tar.FormatPAX}
	switch {
	case e.Mode.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, e.Path+"/"
	case e.Mode&fs.ModeSymlink != 0:
		header.Typeflag, header.Linkname = tar.TypeSymlink, e.Link
	default:
		return writeFile(out, header, e)
	}
	return out.WriteHeader(header)
}

func writeFile(out *tar.Writer, header *tar.Header, e Entry) error {
	f, err := os.Open(e.file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", errChanged, errs.ErrConflict)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	header.Typeflag, header.Size = tar.TypeReg, e.info.Size()
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), io.LimitReader(f, header.Size))
	if err != nil {
		return err
	}
	if n != header.Size || [sha256.Size]byte(h.Sum(nil)) != e.content {
		return fmt.Errorf("%w: %w", errChanged, errs.ErrConflict)
	}
	return nil
}

// tarMode is a file mode as tar has it.
func tarMode(m fs.FileMode) fs.FileMode {
	bits := m.Perm()
	if m&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}
