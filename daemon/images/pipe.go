//go:build linux

package images

import (
	"io"
	"sync"
)

const (
	pipeChunk  = 256 << 10
	pipeChunks = 16
)

// pipe passes bytes from one goroutine to another with some room between them.
type pipe struct {
	full   chan []byte
	empty  sync.Pool
	closed chan struct{} // by the reader
	once   sync.Once
	err    error // of the writer; readable when full is closed

	current, rest []byte
}

func newPipe() *pipe {
	p := &pipe{full: make(chan []byte, pipeChunks), closed: make(chan struct{})}
	p.empty.New = func() any { return make([]byte, 0, pipeChunk) }
	return p
}

// Write copies b into the pipe. After the reader has closed it is io.ErrClosedPipe.
func (p *pipe) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		chunk, _ := p.empty.Get().([]byte)
		chunk = append(chunk[:0], b[:min(len(b), pipeChunk)]...)
		select {
		case p.full <- chunk:
		case <-p.closed:
			return written, io.ErrClosedPipe
		}
		written, b = written+len(chunk), b[len(chunk):]
	}
	return written, nil
}

// end ends what is written: with io.EOF for nil.
func (p *pipe) end(err error) {
	p.err = err
	close(p.full)
}

// Read implements io.Reader. After Close it is io.ErrClosedPipe.
func (p *pipe) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.current != nil {
			//lint:ignore SA6002 a slice header is cheap compared with what it holds
			p.empty.Put(p.current)
			p.current = nil
		}
		var chunk []byte
		var ok bool
		select {
		case chunk, ok = <-p.full:
		case <-p.closed:
			return 0, io.ErrClosedPipe
		}
		if !ok {
			if p.err != nil {
				return 0, p.err
			}
			return 0, io.EOF
		}
		p.current, p.rest = chunk, chunk
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close ends reading, also one that waits, and lets the writer go on alone.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}
