//go:build linux

package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/cleat-dev/cleat/api/errs"
)

// maxWindow bounds the memory an archive may ask of its reader: twice what "xz -9" needs. A few bytes may ask for 4 GiB.
const maxWindow = 128 << 20

// formats are the compressions, by the bytes they begin with.
var formats = []struct {
	name  string
	magic string
	open  func(io.Reader) (io.ReadCloser, error)
}{
	{"gzip", "\x1f\x8b", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{"bzip2", "BZh", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }},
	{"xz", xzMagic, func(r io.Reader) (io.ReadCloser, error) {
		x, err := xz.NewReader(bufio.NewReaderSize(&xzGuard{r: r}, 64<<10))
		return io.NopCloser(x), err
	}},
	{"zstd", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.ReadCloser, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err //nolint:wrapcheck // wrapped below
		}
		return z.IOReadCloser(), nil
	}},
}

// Decompress returns what r holds, uncompressed: gzip, bzip2, xz, zstd or as it is, told by its first bytes. The
// caller closes it; r remains his. Damage is errs.ErrInvalid when it is met, and so is an archive that needs more than
// 128 MiB of memory to be read. How much comes out is bounded by whoever reads it.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	for _, f := range formats {
		if !bytes.HasPrefix(head, []byte(f.magic)) {
			continue
		}
		out, err := f.open(in)
		if err != nil {
			return nil, fmt.Errorf("%s archive: %w: %w", f.name, err, errs.ErrInvalid)
		}
		return &decompressor{ReadCloser: out, format: f.name}, nil
	}
	return io.NopCloser(in), nil
}

// decompressor gives errors their class.
type decompressor struct {
	io.ReadCloser
	format string
}

// Read reads uncompressed bytes.
func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%s archive: %w: %w", d.format, err, errs.ErrInvalid)
	}
	return n, err
}
