package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// Kind is the stream a frame belongs to.
type Kind byte

// The kinds. Stdin never comes from an engine; readers show it as output, so says the document. System is an error of
// the engine itself in the middle of the output (stdcopy calls it Systemerr).
const (
	Stdin Kind = iota
	Stdout
	Stderr
	System
)

// HeaderSize is the size of a frame's header in bytes.
const HeaderSize = 8

// MaxPayload is the largest payload of one frame in bytes.
const MaxPayload = math.MaxUint32

// AppendHeader appends the header of a frame of size bytes to dst.
func AppendHeader(dst []byte, kind Kind, size uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(kind), 0, 0, 0), size)
}

// Frames multiplexes streams into one. Its writers may be used at the same time: frames do not mix.
type Frames struct {
	mu  sync.Mutex
	to  io.Writer
	buf []byte
}

// NewFrames returns frames that are written to w, header and payload in one Write each.
func NewFrames(w io.Writer) *Frames { return &Frames{to: w} }

// Writer returns a writer of one kind. Each Write is a frame; an empty one is none.
func (f *Frames) Writer(kind Kind) io.Writer { return &frameWriter{frames: f, kind: kind} }

type frameWriter struct {
	frames *Frames
	kind   Kind
}

// keep is the size up to which the buffer of a [Frames] is kept for the next frame.
const keep = 64 << 10

// Write sends p as one frame. It returns how much of p, without the header, was written.
func (w *frameWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if uint64(len(p)) > MaxPayload {
		return 0, fmt.Errorf("frame of %d bytes: %w", len(p), io.ErrShortBuffer)
	}
	f := w.frames
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf = append(AppendHeader(f.buf[:0], w.kind, uint32(len(p))), p...)
	n, err := f.to.Write(f.buf)
	if cap(f.buf) > keep {
		f.buf = nil
	}
	return max(0, n-HeaderSize), err //nolint:wrapcheck // an io.Writer hands on what it wraps
}

// Reader reads frames.
type Reader struct {
	from io.Reader
	// left of the frame that Next returned last.
	left uint32
}

// NewReader returns a reader of the frames in r.
func NewReader(r io.Reader) *Reader { return &Reader{from: r} }

// Next returns the kind and size of the next frame; its payload is what Read gives until io.EOF. What was not read of
// the frame before is skipped. Next returns io.EOF at the end of a stream that ends between two frames,
// io.ErrUnexpectedEOF when it was cut, and an error for a header that is none.
func (r *Reader) Next() (Kind, uint32, error) {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return 0, 0, fmt.Errorf("frame: %w", err)
	}
	var header [HeaderSize]byte
	switch _, err := io.ReadFull(r.from, header[:]); {
	case errors.Is(err, io.EOF):
		return 0, 0, io.EOF
	case err != nil:
		return 0, 0, fmt.Errorf("frame: %w", err)
	}
	if kind := Kind(header[0]); kind > System || header[1] != 0 || header[2] != 0 || header[3] != 0 {
		return 0, 0, fmt.Errorf("frame: %x is no header", header)
	}
	r.left = binary.BigEndian.Uint32(header[4:])
	return Kind(header[0]), r.left, nil
}

// Read reads from the payload of the frame Next returned; io.EOF at its end, io.ErrUnexpectedEOF when the stream ends
// in it.
func (r *Reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if uint64(len(p)) > uint64(r.left) {
		p = p[:r.left]
	}
	n, err := r.from.Read(p)
	r.left -= uint32(n)
	switch {
	case err == nil || errors.Is(err, io.EOF) && r.left == 0:
		return n, nil
	case errors.Is(err, io.EOF):
		return n, io.ErrUnexpectedEOF
	default:
		return n, err //nolint:wrapcheck // an io.Reader hands on what it wraps
	}
}
