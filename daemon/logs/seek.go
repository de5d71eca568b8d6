//go:build linux

package logs

import (
	"bytes"
	"fmt"
	"io"
	"sort"
)

// since returns a place at or before the first record of a time and not far from it. It relies on the writer's times
// being strictly increasing; where a foreign log breaks that, records near the place may be missed.
func (c chain) since(t []byte) (position, error) {
	p := &parser{}
	for i := len(c) - 1; i >= 0; i-- {
		first, _, ok, err := c[i].recordFrom(0, p)
		if err != nil {
			return position{}, err
		}
		if ok && string(first) < string(t) {
			offset, err := c[i].bisect(t, p)
			return position{i, offset}, err
		}
	}
	return position{}, nil
}

// bisect returns the offset of a record before t with less than a block, or one line, between it and the first that
// is not. The record at the start of the file is before t.
func (p piece) bisect(t []byte, parser *parser) (int64, error) {
	var failed error
	blocks := int(p.size / blockSize)
	// The first block whose first record is not before t; the search is for the one in front of it.
	i := sort.Search(blocks, func(i int) bool {
		found, _, ok, err := p.recordFrom(int64(i+1)*blockSize, parser)
		if err != nil {
			failed = err
		}
		return err != nil || !ok || string(found) >= string(t)
	})
	if failed != nil || i == 0 {
		return 0, failed
	}
	_, offset, _, err := p.recordFrom(int64(i)*blockSize, parser)
	return offset, err
}

// recordFrom returns time and offset of the first intact record that begins behind an offset, or at it when that is
// the start. ok is false when there is none.
func (p piece) recordFrom(offset int64, parser *parser) (t []byte, at int64, ok bool, err error) {
	block := make([]byte, blockSize)
	skip := offset > 0 // what is left of the line the offset is in
	for offset < p.size {
		n, err := p.file.ReadAt(block[:min(int64(len(block)), p.size-offset)], offset)
		if err != nil && err != io.EOF { //nolint:errorlint // ReadAt of a file returns it bare
			return nil, 0, false, fmt.Errorf("log: %w", err)
		}
		end := bytes.IndexByte(block[:n], '\n')
		switch {
		case n == 0, end < 0 && n < len(block):
			return nil, 0, false, nil
		case end < 0 && len(block) < maxLine:
			block = make([]byte, 2*len(block)) // the line is longer: once more with room for it
			continue
		case end < 0:
			offset, skip = offset+int64(n), true
			continue
		}
		if r, intact := parser.parse(block[:end]); !skip && intact {
			return bytes.Clone(r.time), offset, true, nil
		}
		offset, skip = offset+int64(end)+1, false
	}
	return nil, 0, false, nil
}
