//go:build linux

package builds

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/archive"
)

// maxEntries is how many files an archive may have.
const maxEntries = 4 << 20

// zstdWindow bounds the memory an archive can make us use: the format allows for gigabytes.
const zstdWindow = 128 << 20

// formats are the compressions known by how they begin.
var formats = []struct {
	magic string
	open  func(io.Reader) (io.Reader, error)
}{
	{"\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"\xfd7zXZ\x00", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
	{"\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) {
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}},
}

// decompress returns the content of r, which may be compressed. What it returns is closed when it is a Closer.
func decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, f := range formats {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.open(buffered)
		}
	}
	return buffered, nil
}

// isArchive reports whether a file is a tar archive, compressed or not.
func isArchive(f io.Reader) bool {
	r, err := decompress(f)
	if err != nil {
		return false
	}
	defer closeReader(r)
	_, err = tar.NewReader(r).Next()
	return err == nil
}

func closeReader(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		_ = c.Close() // a reader's
	}
}

// unpack reads an archive, which may be compressed and have at most limit bytes unpacked, into the folder below of dir.
// Owners are those of the archive unless o says whose all is.
func unpack(ctx context.Context, dir, below string, r io.Reader, limit int64, o *archive.Owner) (err error) {
	plain, err := decompress(r)
	if err != nil {
		return &said{err.Error(), errs.ErrInvalid}
	}
	defer closeReader(plain)
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
