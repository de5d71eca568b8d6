//go:build linux

package archive_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/archive"
)

func unpacked(t testing.TB, b []byte) ([]byte, error) {
	t.Helper()
	r, err := archive.Decompress(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// texts are contents that compress well, badly, and not at all.
func texts() map[string][]byte {
	random, noise := rand.New(rand.NewPCG(1, 2)), make([]byte, 150<<10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	return map[string][]byte{"": nil, "short": []byte("hello"), "zeros": make([]byte, 400<<10), "noise": noise, "mixed": append(make([]byte, 100<<10), noise...)}
}

func compressions(t testing.TB) map[string]func([]byte) []byte {
	t.Helper()
	with := func(open func(io.Writer) (io.WriteCloser, error)) func([]byte) []byte {
		return func(b []byte) []byte {
			var out bytes.Buffer
			w, err := open(&out)
			if err == nil {
				_, err = w.Write(b)
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}
	}
	all := map[string]func([]byte) []byte{
		"plain": func(b []byte) []byte { return b },
		"gzip":  with(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }),
		"zstd":  with(func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }),
		"xz":    with(func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }),
		"xz with many blocks": with(func(w io.Writer) (io.WriteCloser, error) {
			return xz.WriterConfig{BlockSize: 50 << 10, CheckSum: xz.SHA256}.NewWriter(w)
		}),
	}
	twice := all["xz"]
	all["xz, two streams"] = func(b []byte) []byte {
		return append(append(twice(b[:len(b)/2]), 0, 0, 0, 0), twice(b[len(b)/2:])...)
	}
	for _, command := range []string{"bzip2 -c", "xz -c9", "xz -c -T2 --block-size=65536", "zstd -qc19"} {
		name, args, _ := strings.Cut(command, " ")
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		all[command] = func(b []byte) []byte {
			cmd := exec.CommandContext(t.Context(), name, strings.Fields(args)...)
			cmd.Stdin = bytes.NewReader(b)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	return all
}

func TestDecompress(t *testing.T) {
	t.Parallel()
	for format, compress := range compressions(t) {
		for name, text := range texts() {
			packed := compress(text)
			got, err := unpacked(t, packed)
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s of %q: %d bytes, %v", format, name, len(got), err)
			}
			if format == "plain" || len(packed) < 10 {
				continue
			}
			if _, err := unpacked(t, packed[:len(packed)/2]); !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("half of %s of %q: %v", format, name, err)
			}
		}
	}
}

// A dictionary of 4 GiB is refused before it is allocated, in any block of any stream.
func TestDictionaryBomb(t *testing.T) {
	t.Parallel()
	pack := compressions(t)
	good := pack["xz"]([]byte("hello"))
	bad := bytes.Clone(good)
	// The block header behind the stream header: size, flags, LZMA2, one byte of property, checksum.
	header := bad[12 : 12+(int(bad[12])+1)*4]
	at := bytes.Index(header, []byte{0x21, 1})
	if at < 0 {
		t.Fatalf("% x", header)
	}
	header[at+2] = 40
	binary.LittleEndian.PutUint32(header[len(header)-4:], crc32.ChecksumIEEE(header[:len(header)-4]))
	for _, b := range [][]byte{bad, append(bytes.Clone(good), bad...)} {
		if _, err := unpacked(t, b); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), "dictionary of 4095 MiB") {
			t.Error(err)
		}
	}
}

// Nothing makes it panic, or use much memory.
func FuzzDecompress(f *testing.F) {
	for _, compress := range compressions(f) {
		f.Add(compress([]byte("hello hello hello hello")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := archive.Decompress(bytes.NewReader(b))
		if err != nil {
			return
		}
		defer r.Close()
		if _, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20)); err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("error without a class: %v", err)
		}
	})
}
