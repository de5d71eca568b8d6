//go:build linux

package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// piece is one file of a log.
type piece struct {
	file *os.File
	dev  uint64
	ino  uint64
	size int64 // when it was opened
}

func (p piece) same(q piece) bool { return p.dev == q.dev && p.ino == q.ino }

// openPiece opens one file of a log; fs.ErrNotExist when it is not there.
func openPiece(path string) (piece, error) {
	f, err := os.Open(path)
	if err != nil {
		return piece{}, fmt.Errorf("log: %w", err)
	}
	p, err := stat(f.Stat())
	if err != nil {
		f.Close()
		return piece{}, fmt.Errorf("log: %w", err)
	}
	p.file = f
	return p, nil
}

// stat takes what identifies a file from the answer of a stat call.
func stat(info fs.FileInfo, err error) (piece, error) {
	if err != nil {
		return piece{}, err
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return piece{}, fmt.Errorf("%s is not a regular file", info.Name())
	}
	return piece{dev: uint64(sys.Dev), ino: sys.Ino, size: info.Size()}, nil
}

// chain is the files of a log, oldest first.
type chain []piece

func (c chain) close() {
	for _, p := range c {
		p.file.Close()
	}
}

// gap is how many numbers in a row no file has when there are no more. One is missing between two renames; a second one is
// where a reader that was held up meets the next rotation as well.
const gap = 3

// openChain opens the files of a log, back to one that is known or all of them. A log that does not exist is an empty chain.
//
// Files are looked up by rising numbers, while rotations give them higher ones: none that is older than the first can be
// missed. One that was moved on meanwhile shows up twice, and so may newer ones in between; what was seen last is in order.
// Files that began after the first look are not in the chain.
func openChain(path string, back *piece) (chain, error) {
	var c chain // newest first
	for n, missing := 0, 0; missing < gap; n++ {
		name := path
		if n > 0 {
			name += "." + strconv.Itoa(n)
		}
		p, err := openPiece(name)
		if errors.Is(err, fs.ErrNotExist) {
			if n > 0 { // the newest may be missing for a moment as well
				missing++
			}
			continue
		}
		if err != nil {
			c.close()
			return nil, err
		}
		missing = 0
		if i := slices.IndexFunc(c, p.same); i >= 0 {
			c[i].file.Close()
			c = slices.Delete(c, i, i+1)
		}
		c = append(c, p)
		if back != nil && p.same(*back) {
			break
		}
	}
	slices.Reverse(c)
	return c, nil
}

// position is a place in a chain.
type position struct {
	piece  int
	offset int64
}

func (p position) before(q position) bool {
	return p.piece < q.piece || p.piece == q.piece && p.offset < q.offset
}

// blockSize is how much is read at once when searching.
const blockSize = 64 << 10

// tail returns where the last n lines begin. What is behind the last newline is no line yet.
func (c chain) tail(n int) (position, error) {
	block := make([]byte, blockSize)
	left := n + 1 // the newline before the first wanted line; every file ends in one, so files need no special care
	for i := len(c) - 1; i >= 0; i-- {
		offset, found, err := c[i].lastLines(&left, block)
		if err != nil || found {
			return position{i, offset}, err
		}
	}
	return position{}, nil
}

// lastLines searches backwards for the newline that takes *left to 0 and returns the offset behind it.
func (p piece) lastLines(left *int, block []byte) (int64, bool, error) {
	for end := p.size; end > 0; {
		start := max(0, end-int64(len(block)))
		b := block[:end-start]
		if _, err := p.file.ReadAt(b, start); err != nil {
			return 0, false, fmt.Errorf("log: %w", err)
		}
		if count := bytes.Count(b, []byte{'\n'}); count < *left {
			*left -= count
			end = start
			continue
		}
		for {
			i := bytes.LastIndexByte(b, '\n')
			if *left--; *left == 0 {
				return start + int64(i) + 1, true, nil
			}
			b = b[:i]
		}
	}
	return 0, false, nil
}
