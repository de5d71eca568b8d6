package metadata

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	// format is what this program writes; a file with a higher number was written by a later one.
	format = 1
	// lockWait is how long Open waits for another process to let go of the file: a daemon that is just ending.
	lockWait = 5 * time.Second
	// maxGroup bounds how many functions share a commit, and so how long the first of them waits.
	maxGroup = 64
)

// DB is one open file. Its methods may be called from any goroutine.
type DB struct {
	bolt    *bbolt.DB
	reserve Reserve

	// write serialises the functions of Update; waiting counts who wants it. Whoever finds nobody waiting commits.
	write   sync.Mutex
	waiting atomic.Int64
	open    *group // of functions that were run and not committed yet; guarded by write
}

// group is a bbolt transaction shared by the functions that ran in it.
type group struct {
	bolt    *bbolt.Tx
	members int
	dirty   bool
	commits []func()
	done    chan struct{} // closed after the commit
	err     error         // of taking back or of the commit; readable when done is closed
}

// Open opens the file, makes it (mode 0600) and its folder (mode 0710) when they are missing, and holds a lock on it
// until Close. A file in use by another process is errs.ErrUnavailable after 5 s; one that a later version wrote, or that is
// damaged, is refused and left as it is.
func Open(path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o710); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	if err := Check(path); err != nil {
		return nil, err
	}
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("metadata: %s is in use by another process: %w", path, errs.ErrUnavailable)
	}
	if err != nil {
		return nil, fmt.Errorf("metadata: open %s: %w", path, err)
	}
	d := &DB{bolt: bolt}
	if err := errors.Join(d.checkFormat(path), syncDir(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	return d, nil
}

// Close waits for running transactions and releases the file. It may be called twice.
func (d *DB) Close() error {
	if err := d.bolt.Close(); err != nil {
		return fmt.Errorf("metadata: close: %w", err)
	}
	return nil
}

// Update calls fn with a transaction that can write, and returns when its changes are on the disk. When fn returns an
// error (which Update returns as it is) or panics, nothing of it is kept.
func (d *DB) Update(fn func(*Tx) error) (err error) {
	d.waiting.Add(1)
	d.write.Lock()
	d.waiting.Add(-1)
	g, err := d.begin()
	if err != nil {
		d.write.Unlock()
		return err
	}
	tx := &Tx{bolt: g.bolt, write: true}
	ended := false
	defer func() { // also when fn panics or ends its goroutine
		keep := ended && err == nil
		if keep {
			g.members, g.dirty = g.members+1, g.dirty || len(tx.undo) > 0
			g.commits = append(g.commits, tx.commits...)
		} else {
			g.err = errors.Join(g.err, tx.rollback())
		}
		d.settle(g)
		if keep {
			<-g.done
			err = g.err
		}
	}()
	err = fn(tx)
	ended = true
	return err
}

// begin returns the open group, or a new one. Called with write held.
func (d *DB) begin() (*group, error) {
	if d.open != nil {
		return d.open, nil
	}
	tx, err := d.bolt.Begin(true)
	if err != nil {
		return nil, fmt.Errorf("metadata: begin: %w", err)
	}
	d.open = &group{bolt: tx, done: make(chan struct{})}
	return d.open, nil
}

// settle commits the group unless somebody is waiting, who will. It releases write.
func (d *DB) settle(g *group) {
	if d.waiting.Load() > 0 && g.members < maxGroup {
		d.write.Unlock()
		return
	}
	d.open = nil
	switch {
	case g.err != nil: // changes of a failed function could not be taken back: nobody's are kept
		g.err = fmt.Errorf("metadata: take back: %w", errors.Join(g.err, g.bolt.Rollback()))
	case g.dirty:
		d.reserve.Keep(d.bolt.Path(), g.bolt)
		if err := g.bolt.Commit(); err != nil {
			g.err = fmt.Errorf("metadata: commit: %w", errors.Join(err, ignoreClosed(g.bolt.Rollback())))
		}
	default:
		if err := g.bolt.Rollback(); err != nil {
			g.err = fmt.Errorf("metadata: end: %w", err)
		}
	}
	if g.err == nil {
		for _, fn := range g.commits {
			fn()
		}
	}
	d.write.Unlock()
	close(g.done)
}

// View calls fn with a transaction that sees the last commit, and returns what fn returns. Keep fn short: the file
// cannot shrink its list of old pages while it runs.
func (d *DB) View(fn func(*Tx) error) error {
	return d.bolt.View(func(tx *bbolt.Tx) error { return fn(&Tx{bolt: tx}) })
}

func (d *DB) checkFormat(path string) error {
	table, err := NewTable[int](d, "cleat")
	if err != nil {
		return err
	}
	found, err := table.Get("format")
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return table.Put("format", format)
	case err != nil:
		return err
	case found > format:
		return fmt.Errorf("metadata: %s has format %d, this cleatd knows %d: use the cleatd that wrote it, or a later one", path, found, format)
	}
	return nil
}

// ignoreClosed: a failed commit has ended the transaction itself in most cases.
func ignoreClosed(err error) error {
	if errors.Is(err, berrors.ErrTxClosed) {
		return nil
	}
	return err
}

// syncDir makes the entry of a new file survive a power cut; bbolt syncs the file only.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("metadata: sync %s: %w", dir, err)
	}
	return nil
}
