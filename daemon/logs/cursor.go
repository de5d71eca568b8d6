//go:build linux

package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	readSize = 256 << 10
	// maxLine bounds a line: the writer splits at 16 KiB of text, six times that when all of it is escaped, and
	// attributes. Longer ones are damage and skipped.
	maxLine = 1 << 20
)

// cursor reads the lines of a log in order, through rotations.
type cursor struct {
	path   string
	follow bool
	chain  chain // the piece being read and those newer
	offset int64 // in chain[0], behind what is in buf

	buf        []byte
	start, end int  // the unread part of buf
	skipping   bool // the rest of an overlong line

	damaged int64
}

// newCursor opens a log. Without follow it ends where the log ended when it was opened.
func newCursor(path string, follow bool) (*cursor, error) {
	c, err := openChain(path, nil)
	if err != nil {
		return nil, err
	}
	return &cursor{path: path, follow: follow, chain: c}, nil
}

func (c *cursor) close() { c.chain.close() }

// moveTo sets where reading begins.
func (c *cursor) moveTo(p position) {
	c.chain[:p.piece].close()
	c.chain, c.offset = c.chain[p.piece:], p.offset
}

// line returns the next line without its newline; nil when there is none now. It is valid until the next call.
func (c *cursor) line() ([]byte, error) {
	for {
		if i := bytes.IndexByte(c.buf[c.start:c.end], '\n'); i >= 0 {
			line := c.buf[c.start : c.start+i]
			c.start += i + 1
			if !c.skipping {
				return line, nil
			}
			c.skipping = false
			continue
		}
		more, err := c.fill()
		if !more || err != nil {
			return nil, err
		}
	}
}

// fill reads more behind the unread part of the buffer. false means that there is no more now.
func (c *cursor) fill() (bool, error) {
	c.end = copy(c.buf, c.buf[c.start:c.end])
	c.start = 0
	if c.end >= maxLine {
		if !c.skipping {
			c.damaged++
		}
		c.skipping, c.end = true, 0
	}
	if len(c.buf)-c.end < readSize/2 {
		c.buf = append(c.buf, make([]byte, readSize)...) // the first time, or for a very long line
	}
	for {
		if n, err := c.read(); n > 0 || err != nil {
			return n > 0, err
		}
		if more, err := c.advance(); !more || err != nil {
			return false, err
		}
	}
}

// read reads from the current file.
func (c *cursor) read() (int, error) {
	if len(c.chain) == 0 {
		return 0, nil
	}
	room := int64(len(c.buf) - c.end)
	if p := c.chain[0]; !c.follow && len(c.chain) == 1 {
		room = min(room, max(0, p.size-c.offset)) // a call that does not follow ends, however fast the writer is
	}
	n, err := c.chain[0].file.ReadAt(c.buf[c.end:c.end+int(room)], c.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("log: %w", err)
	}
	c.offset += int64(n)
	c.end += n
	return n, nil
}

// advance is called at the end of the current file and goes to the next newer one, if there is one.
func (c *cursor) advance() (bool, error) {
	switch {
	case len(c.chain) > 1:
		c.next()
		return true, nil
	case !c.follow:
		return false, nil
	}
	now, err := stat(os.Stat(c.path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // between two renames, or removed
	}
	if err != nil {
		return false, fmt.Errorf("log: %w", err)
	}
	if len(c.chain) == 1 && c.chain[0].same(now) {
		if now.size < c.offset { // cut to nothing, which our writer never does
			c.offset, c.start, c.end = 0, 0, 0
			return true, nil
		}
		return false, nil
	}
	return c.reopen()
}

// reopen is called when another file has the log's name: the one that was read is final now.
func (c *cursor) reopen() (bool, error) {
	if len(c.chain) > 0 {
		now, err := stat(c.chain[0].file.Stat())
		if err != nil {
			return false, fmt.Errorf("log: %w", err)
		}
		if now.size > c.offset { // what came between its last read and the renaming
			return true, nil
		}
	}
	var ours *piece
	if len(c.chain) > 0 {
		ours = &c.chain[0]
	}
	newer, err := openChain(c.path, ours)
	if err != nil || len(newer) == 0 {
		return false, err
	}
	if ours == nil {
		c.chain, c.offset = newer, 0
		return true, nil
	}
	if newer[0].same(*ours) { // else it was rotated away, and all there are come after it
		newer[0].file.Close()
		newer = newer[1:]
	}
	if len(newer) == 0 {
		return false, nil // renamed back and forth: look again at the next change
	}
	c.chain = append(c.chain[:1:1], newer...)
	c.next()
	return true, nil
}

// next leaves the current file. What is left of it in the buffer is a torn line.
func (c *cursor) next() {
	if c.end > c.start && !c.skipping {
		c.damaged++
	}
	c.skipping = false
	c.start, c.end = 0, 0
	c.chain[0].file.Close()
	c.chain, c.offset = c.chain[1:], 0
}
