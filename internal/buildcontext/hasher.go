package buildcontext

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// settled is how old a file's last change must be for its hash to be remembered. Clocks of file systems are coarse:
// a file written twice in one tick has one time and two contents.
const settled = 2 * time.Second

// Hasher remembers the hashes of files, so that several images built from one directory, and several plans in one
// process, read each file once. A file is known again by its identity, size and times. The zero value is ready, nil
// remembers nothing, and all methods are safe for concurrent use.
type Hasher struct {
	known sync.Map         // identity -> [sha256.Size]byte
	now   func() time.Time // nil: time.Now; tests set it
}

// identity tells one state of one file from any other.
type identity struct {
	path             string // where the system gives no inode
	device, inode    uint64
	size             int64
	modified, change int64
}

func (h *Hasher) sum(path string, info fs.FileInfo) ([sha256.Size]byte, error) {
	id, changed := identify(path, info)
	if h != nil {
		if sum, ok := h.known.Load(id); ok {
			return sum.([sha256.Size]byte), nil
		}
	}
	sum, err := hashFile(path)
	if err == nil && h != nil && h.age(changed) > settled {
		h.known.Store(id, sum)
	}
	return sum, err
}

func (h *Hasher) age(changed time.Time) time.Duration {
	if h.now == nil {
		return time.Since(changed)
	}
	return h.now().Sub(changed)
}

func hashFile(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
