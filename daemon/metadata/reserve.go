package metadata

import (
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// ahead is how much of the disk a database has beyond what it uses: room for all events that are kept, and more. On a disk
// that others have filled, containers can then still end, be stopped and be removed, and images too.
const ahead = 4 << 20

// Reserve keeps disk space for a database that is going to grow. Its zero value has none yet.
type Reserve struct {
	until atomic.Int64
}

// Keep makes sure that the reserve is there after a transaction, or at the beginning of one. It is for a disk that is not full
// yet: without room nothing happens, and the next call tries again.
func (r *Reserve) Keep(path string, tx *bbolt.Tx) {
	size, until := tx.Size(), r.until.Load()
	if size+ahead/2 <= until {
		return
	}
	if allocate(path, size+ahead) == nil {
		r.until.Store(size + ahead)
	}
}
