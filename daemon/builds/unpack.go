//go:build linux

package builds

import (
	"archive/tar"
	"context"
	"fmt"
	"io"

	"github.com/cleat-dev/cleat/daemon/archive"
)

// maxEntries is how many files an archive may have.
const maxEntries = 4 << 20

// unpack reads an archive, which may be compressed and have at most limit bytes unpacked, into the folder below of dir.
// Owners are those of the archive unless o says whose all is.
func unpack(ctx context.Context, dir, below string, r io.Reader, limit int64, o *archive.Owner) error {
	plain, err := archive.Decompress(r)
	if err != nil {
		return err //nolint:wrapcheck // it says that it is about an archive
	}
	defer plain.Close()
	root, err := archive.Open(archive.Config{Dir: dir})
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer root.Close()
	if err := root.Untar(ctx, below, plain, archive.UntarOptions{Owner: o, MaxBytes: limit, MaxEntries: maxEntries}); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return nil
}

// isArchive reports whether a file is a tar archive, compressed or not.
func isArchive(f io.Reader) bool {
	plain, err := archive.Decompress(f)
	if err != nil {
		return false
	}
	defer plain.Close()
	_, err = tar.NewReader(plain).Next()
	return err == nil
}
