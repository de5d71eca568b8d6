package metadata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/cleat-dev/cleat/api/errs"
)

// Tx is a transaction, valid until the function it was given to returns.
type Tx struct {
	bolt    *bbolt.Tx
	write   bool
	undo    []change
	commits []func()
}

// change is what a key held before; old is nil when it was absent.
type change struct {
	table []byte
	key   []byte
	old   []byte
}

// OnCommit calls fn after the transaction is on the disk, in the order of the transactions and before [DB.Update]
// returns; not at all when it fails. fn must be short and must not use the database: writers wait for it.
func (tx *Tx) OnCommit(fn func()) { tx.commits = append(tx.commits, fn) }

// rollback takes back what was changed, last first.
func (tx *Tx) rollback() error {
	var problems []error
	for _, c := range slices.Backward(tx.undo) {
		bucket := tx.bolt.Bucket(c.table)
		if c.old == nil {
			problems = append(problems, bucket.Delete(c.key))
		} else {
			problems = append(problems, bucket.Put(c.key, c.old))
		}
	}
	return errors.Join(problems...)
}

// set puts value, or deletes the key when it is nil, unless that changes nothing.
func (tx *Tx) set(table []byte, key string, value []byte) error {
	if !tx.write {
		return fmt.Errorf("metadata: %s %q: write in a read-only transaction", table, key)
	}
	bucket, k := tx.bolt.Bucket(table), []byte(key)
	old := bytes.Clone(bucket.Get(k)) // bbolt's bytes change with the next write
	if bytes.Equal(old, value) && (old == nil) == (value == nil) {
		return nil
	}
	var err error
	if value == nil {
		err = bucket.Delete(k)
	} else {
		err = bucket.Put(k, value)
	}
	if err != nil {
		return fmt.Errorf("metadata: %s %q: %w", table, key, err)
	}
	tx.undo = append(tx.undo, change{table: table, key: k, old: old})
	return nil
}

// Table holds records of type T by a key of 1 to 32,768 bytes. The methods without In are a transaction each.
type Table[T any] struct {
	db   *DB
	name []byte
}

// NewTable returns the table of that name, made when it is missing. T must survive JSON: what json.Marshal drops is lost.
func NewTable[T any](db *DB, name string) (*Table[T], error) {
	t := &Table[T]{db: db, name: []byte(name)}
	exists := false
	err := db.View(func(tx *Tx) error {
		exists = tx.bolt.Bucket(t.name) != nil
		return nil
	})
	if err == nil && !exists {
		err = db.bolt.Update(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucketIfNotExists(t.name)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("metadata: table %q: %w", name, err)
	}
	return t, nil
}

// Get returns the record, errs.ErrNotFound when there is none.
func (t *Table[T]) Get(key string) (v T, err error) {
	err = t.db.View(func(tx *Tx) error {
		v, err = t.GetIn(tx, key)
		return err
	})
	return v, err
}

// Put stores the record, whether there was one or not.
func (t *Table[T]) Put(key string, v T) error {
	return t.db.Update(func(tx *Tx) error { return t.PutIn(tx, key, v) })
}

// Delete removes the record; no error when there is none.
func (t *Table[T]) Delete(key string) error {
	return t.db.Update(func(tx *Tx) error { return t.DeleteIn(tx, key) })
}

// All returns every record. It reads the whole table: for the start of the daemon, not for a request.
func (t *Table[T]) All() (all map[string]T, err error) {
	err = t.db.View(func(tx *Tx) error {
		all, err = t.AllIn(tx)
		return err
	})
	return all, err
}

// GetIn is Get in a transaction; it sees what the transaction wrote.
func (t *Table[T]) GetIn(tx *Tx, key string) (T, error) {
	var v T
	raw := tx.bolt.Bucket(t.name).Get([]byte(key))
	if raw == nil {
		return v, fmt.Errorf("metadata: %s %q: %w", t.name, key, errs.ErrNotFound)
	}
	err := t.decode(key, raw, &v)
	return v, err
}

// PutIn is Put in a transaction.
func (t *Table[T]) PutIn(tx *Tx, key string, v T) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("metadata: %s %q: %w", t.name, key, err)
	}
	return tx.set(t.name, key, raw)
}

// DeleteIn is Delete in a transaction.
func (t *Table[T]) DeleteIn(tx *Tx, key string) error { return tx.set(t.name, key, nil) }

// AllIn is All in a transaction.
func (t *Table[T]) AllIn(tx *Tx) (map[string]T, error) {
	all := map[string]T{}
	err := tx.bolt.Bucket(t.name).ForEach(func(k, raw []byte) error {
		var v T
		if err := t.decode(string(k), raw, &v); err != nil {
			return err
		}
		all[string(k)] = v
		return nil
	})
	return all, err
}

func (t *Table[T]) decode(key string, raw []byte, v *T) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("metadata: %s %q: %w: %w", t.name, key, errs.ErrInternal, err)
	}
	return nil
}
