package metadata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Check reads a database and refuses one that is damaged, with an error that says what to do. bbolt itself trusts what it
// maps: a bad page ends the program, in a goroutine of its own that nobody can guard. A missing or empty file is fine, and so
// is one that another process has open, which opening it finds out.
func Check(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	defer f.Close()
	if !shared(f) {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("metadata: %s is not a file", path)
	}
	if info.Size() == 0 {
		return nil
	}
	if err := check(f, info.Size()); err != nil {
		return fmt.Errorf("metadata: %s is damaged (%w) and was left as it is: restore it from a backup, or move %s away to begin without what it knows",
			path, err, filepath.Dir(path))
	}
	return nil
}

// The layout of a bbolt file, in the byte order of the host. All offsets are within a page.
const (
	pageHeader  = 16 // id, flags, number of elements, pages that follow
	element     = 16 // of a branch: position, length of the key, page; of a leaf: flags, position, lengths of key and value
	branchPage  = 0x01
	leafPage    = 0x02
	bucketValue = 0x01
	bucketSize  = 16 // root, sequence
	metaSize    = 64
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	maxPageSize = 64 << 10
)

var order = binary.NativeEndian

// checker walks all pages in use.
type checker struct {
	r        io.ReaderAt
	pageSize int64
	pages    uint64 // of the file as far as it is in use
	seen     map[uint64]bool
}

func check(r io.ReaderAt, size int64) error {
	c := checker{r: r, seen: map[uint64]bool{}}
	root, err := c.meta()
	if err != nil {
		return err
	}
	if int64(c.pages) > size/c.pageSize {
		return fmt.Errorf("it has %d bytes, %d pages of %d are missing", size, int64(c.pages)-size/c.pageSize, c.pageSize)
	}
	return c.page(root, nil, nil)
}

// meta finds the newer of the two meta pages that are whole, and returns the page of the root bucket.
func (c *checker) meta() (root uint64, err error) {
	var newest uint64
	for at := int64(0); at <= maxPageSize; at = max(1024, 2*at) {
		if at > 0 && c.pageSize > 0 && at != c.pageSize {
			continue
		}
		var m [metaSize]byte
		if _, err := c.r.ReadAt(m[:], at+pageHeader); err != nil || order.Uint32(m[0:]) != metaMagic || order.Uint32(m[4:]) != metaVersion {
			continue
		}
		sum := fnv.New64a()
		_, _ = sum.Write(m[:metaSize-8]) // never fails
		size, written := int64(order.Uint32(m[8:])), order.Uint64(m[48:])
		if sum.Sum64() != order.Uint64(m[metaSize-8:]) || size < 512 || size > maxPageSize || c.pageSize > 0 && written <= newest {
			continue
		}
		c.pageSize, c.pages, root, newest = size, order.Uint64(m[40:]), order.Uint64(m[16:]), written
	}
	if c.pageSize == 0 {
		return 0, errors.New("it is no database, or its beginning is overwritten")
	}
	return root, nil
}

// page checks a page of a tree and what is below it. Its keys begin with least, which leads to it, and end before limit, if that
// is not nil.
func (c *checker) page(id uint64, least, limit []byte) error {
	if id < 2 || id >= c.pages || c.seen[id] {
		return fmt.Errorf("page %d of %d cannot be where it is", id, c.pages)
	}
	var head [pageHeader]byte
	if _, err := c.r.ReadAt(head[:], int64(id)*c.pageSize); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	more := uint64(order.Uint32(head[12:]))
	if order.Uint64(head[:]) != id || id+more >= c.pages {
		return fmt.Errorf("page %d is another's", id)
	}
	for n := id; n <= id+more; n++ {
		if c.seen[n] {
			return fmt.Errorf("page %d is used twice", n)
		}
		c.seen[n] = true
	}
	raw := make([]byte, (int64(more)+1)*c.pageSize)
	if _, err := c.r.ReadAt(raw, int64(id)*c.pageSize); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	if err := c.elements(raw, least, limit); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements checks what is in a page, or in a bucket that is small enough to be a value itself.
func (c *checker) elements(raw, least, limit []byte) error {
	if len(raw) < pageHeader {
		return errors.New("it is too short")
	}
	kind, count := order.Uint16(raw[8:]), int(order.Uint16(raw[10:]))
	if kind != branchPage && kind != leafPage || pageHeader+count*element > len(raw) || kind == branchPage && count == 0 {
		return errors.New("it is neither branch nor leaf")
	}
	next := limit
	for n := count - 1; n >= 0; n-- { // from the end: each key limits what is below the one before
		key, value, e, err := c.element(raw[pageHeader+n*element:], kind)
		if err != nil {
			return err
		}
		if bytes.Compare(key, least) < 0 || next != nil && bytes.Compare(key, next) >= 0 {
			return errors.New("its keys are out of order")
		}
		switch {
		case kind == branchPage:
			err = c.page(order.Uint64(e[8:]), key, next)
		case order.Uint32(e)&bucketValue == 0:
		case len(value) < bucketSize:
			err = errors.New("it has a bucket without root")
		case order.Uint64(value) == 0:
			err = c.elements(value[bucketSize:], nil, nil)
		default:
			err = c.page(order.Uint64(value), nil, nil)
		}
		if err != nil {
			return err
		}
		next = key
	}
	return nil
}

// element reads the element at the beginning of raw, which goes on to the end of the page.
func (c *checker) element(raw []byte, kind uint16) (key, value, e []byte, err error) {
	e = raw[:element]
	at, keySize, valueSize := uint64(order.Uint32(e)), uint64(order.Uint32(e[4:])), uint64(0)
	if kind == leafPage {
		at, keySize, valueSize = keySize, uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
	}
	if at < element || at+keySize+valueSize > uint64(len(raw)) {
		return nil, nil, nil, errors.New("a key or value is outside of it")
	}
	return raw[at : at+keySize], raw[at+keySize : at+keySize+valueSize], e, nil
}
