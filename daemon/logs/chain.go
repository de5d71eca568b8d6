//go:build linux

package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// attempts bounds how often the files are looked up again because they were rotated in between; the last look is
// good enough then, at worst the oldest lines are missing, which rotation is about to delete anyway.
const attempts = 8

// openChain opens all files of a log. A log that does not exist is an empty chain.
func openChain(path string) (chain, error) {
	for try := 1; ; try++ {
		c, err := collect(path)
		if err != nil {
			return nil, err
		}
		now, err := stat(os.Stat(path))
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(c) > 0 && c[len(c)-1].same(now) || try == attempts {
			return c, nil
		}
		c.close()
	}
}

// collect opens the files from the newest to the oldest. A file that is renamed meanwhile shows up twice, which is
// seen by its inode; between the renames of one rotation a number may be missing, so the search ends at the second
// one.
func collect(path string) (chain, error) {
	var c chain
	for n, missing := 0, 0; missing < 2; n++ {
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
		if len(c) > 0 && c[len(c)-1].same(p) {
			p.file.Close()
			continue
		}
		c = append(c, p)
	}
	for i, j := 0, len(c)-1; i < j; i, j = i+1, j-1 {
		c[i], c[j] = c[j], c[i]
	}
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
