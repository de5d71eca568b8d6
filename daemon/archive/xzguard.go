//go:build linux

package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cleat-dev/cleat/api/errs"
)

const xzMagic = "\xfd7zXZ\x00"

// xzGuard passes an xz stream on and looks at the size of the dictionary every block asks for, which the library
// allocates unseen. It follows the format's frame (xz-file-format 1.2): stream header, blocks of LZMA2 chunks whose sizes
// are given, index, footer. What is not of that form is passed on for the library to refuse.
type xzGuard struct {
	r   io.Reader
	err error

	step  func(*xzGuard) // looks at part when it is complete
	part  []byte
	need  int
	skip  int64 // bytes that mean nothing here
	check int64 // size of the check behind a block
	data  int64 // compressed bytes of the block
	index int64 // bytes of the index until now
	vlis  uint64
	first bool
	value uint64
	shift uint
	blind bool
}

// Read reads and looks.
func (g *xzGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if g.step == nil {
		g.want(12, (*xzGuard).streamHeader)
	}
	n, err := g.r.Read(p)
	for b := p[:n]; len(b) > 0 && !g.blind && g.err == nil; {
		b = g.look(b)
	}
	if g.err != nil {
		return 0, g.err // the bytes that ask for too much never arrive
	}
	return n, err //nolint:wrapcheck // a reader's own
}

func (g *xzGuard) look(b []byte) []byte {
	if g.skip > 0 {
		n := min(g.skip, int64(len(b)))
		g.skip -= n
		return b[n:]
	}
	n := min(g.need-len(g.part), len(b))
	g.part = append(g.part, b[:n]...)
	if len(g.part) == g.need {
		part := g.step
		part(g)
	}
	return b[n:]
}

// want asks for the next part, dropping the last.
func (g *xzGuard) want(n int, step func(*xzGuard)) { g.part, g.need, g.step = g.part[:0], n, step }

func (g *xzGuard) streamHeader() {
	if string(g.part[:6]) != xzMagic {
		g.blind = true
		return
	}
	g.check = [...]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[g.part[7]&15]
	g.want(1, (*xzGuard).blockSize)
}

func (g *xzGuard) blockSize() {
	size := int(g.part[0])
	if size == 0 {
		g.index, g.vlis, g.first, g.value, g.shift = 1, 1, true, 0, 0
		g.want(1, (*xzGuard).indexByte)
		return
	}
	g.data = 0
	g.want((size+1)*4-1, (*xzGuard).blockHeader)
}

var errShort = errors.New("short")

// vli reads one of the format's integers.
func vli(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b) // the same form
	if n <= 0 {
		return 0, nil, errShort
	}
	return v, b[n:], nil
}

func (g *xzGuard) blockHeader() {
	flags, b := g.part[0], g.part[1:]
	var err error
	for _, present := range []bool{flags&0x40 != 0, flags&0x80 != 0} {
		if present && err == nil {
			_, b, err = vli(b)
		}
	}
	for range int(flags&3) + 1 {
		var id, size uint64
		if err == nil {
			id, b, err = vli(b)
		}
		if err == nil {
			size, b, err = vli(b)
		}
		if err != nil || size > uint64(len(b)) {
			g.blind = true // the library will not read it either
			return
		}
		if id == 0x21 && size == 1 {
			if bits := b[0] & 0x3f; dictionary(bits) > maxWindow {
				g.err = fmt.Errorf("xz archive needs a dictionary of %d MiB, more than %d: %w", dictionary(bits)>>20, maxWindow>>20, errs.ErrInvalid)
				return
			}
		}
		b = b[size:]
	}
	g.want(1, (*xzGuard).chunk)
}

// dictionary is the size that LZMA2's property stands for.
func dictionary(bits byte) uint64 {
	if bits >= 40 {
		return 1<<32 - 1
	}
	return uint64(2|bits&1) << (bits/2 + 11)
}

func (g *xzGuard) chunk() {
	control := g.part[0]
	g.data++
	switch {
	case control == 0:
		g.skip = -g.data&3 + g.check
		g.want(1, (*xzGuard).blockSize)
	case control >= 0xc0:
		g.want(5, (*xzGuard).compressed)
	case control >= 0x80:
		g.want(4, (*xzGuard).compressed)
	case control <= 2:
		g.want(2, (*xzGuard).uncompressed)
	default:
		g.blind = true
	}
}

func (g *xzGuard) compressed() {
	g.skip = int64(binary.BigEndian.Uint16(g.part[2:])) + 1
	g.data += g.skip + int64(len(g.part))
	g.want(1, (*xzGuard).chunk)
}

func (g *xzGuard) uncompressed() {
	g.skip = int64(binary.BigEndian.Uint16(g.part)) + 1
	g.data += g.skip + 2
	g.want(1, (*xzGuard).chunk)
}

// indexByte reads the index: how many records, and two integers each.
func (g *xzGuard) indexByte() {
	c := g.part[0]
	g.index++
	g.value |= uint64(c&0x7f) << g.shift
	g.shift += 7
	switch {
	case g.shift > 63:
		g.blind = true
		return
	case c&0x80 != 0:
		g.want(1, (*xzGuard).indexByte)
		return
	}
	g.vlis--
	if g.first {
		g.first, g.vlis = false, 2*g.value
	}
	g.value, g.shift = 0, 0
	if g.vlis > 0 {
		g.want(1, (*xzGuard).indexByte)
		return
	}
	g.skip = -g.index&3 + 4 + 12 // padding, checksum, footer
	g.want(4, (*xzGuard).next)
}

// next reads what is between streams: nothing, or zeros.
func (g *xzGuard) next() {
	if string(g.part) == "\x00\x00\x00\x00" {
		g.want(4, (*xzGuard).next)
		return
	}
	g.need, g.step = 12, (*xzGuard).streamHeader
}
