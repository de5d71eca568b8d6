package metadata

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
)

type record struct {
	Name  string
	Count int `json:",omitempty"`
}

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func table(t testing.TB, db *DB, name string) *Table[record] {
	t.Helper()
	records, err := NewTable[record](db, name)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestTableSurvivesReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "meta.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	records := table(t, db, "records")
	for _, name := range []string{"a", "b", "c"} {
		if err := records.Put(name, record{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(records.Put("a", record{"a", 2}), records.Delete("b"), records.Delete("never"), db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	records = table(t, open(t, path), "records")
	got, err := records.All()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]record{"a": {"a", 2}, "c": {"c", 0}}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if _, err := records.Get("b"); !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), `records "b"`) {
		t.Errorf("deleted record: %v", err)
	}
	if err := records.Put("", record{}); err == nil {
		t.Error("an empty key was taken")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	records := table(t, db, "records")
	if err := records.Put("kept", record{"kept", 1}); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	spoil := func(tx *Tx) error {
		tx.OnCommit(func() { t.Error("OnCommit of a failed transaction") })
		return errors.Join(
			records.PutIn(tx, "kept", record{"spoiled", 2}), records.PutIn(tx, "new", record{"new", 1}),
			records.DeleteIn(tx, "new"), records.DeleteIn(tx, "kept"), records.PutIn(tx, "kept", record{"again", 3}))
	}
	ways := map[string]func(){
		"error": func() {
			if err := db.Update(func(tx *Tx) error { return errors.Join(spoil(tx), broken) }); !errors.Is(err, broken) {
				t.Errorf("Update returned %v", err)
			}
		},
		"panic": func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not come through")
				}
			}()
			_ = db.Update(func(tx *Tx) error { panic(spoil(tx)) })
		},
		"goexit": func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = db.Update(func(tx *Tx) error { _ = spoil(tx); runtime.Goexit(); return nil })
			}()
			<-done
		},
	}
	for name, way := range ways {
		way()
		got, err := records.All()
		if diff := cmp.Diff(map[string]record{"kept": {"kept", 1}}, got); err != nil || diff != "" {
			t.Errorf("after %s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	err := db.View(func(tx *Tx) error { return records.PutIn(tx, "x", record{}) })
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a write in View: %v", err)
	}
}

// Many writers share commits; those that fail leave nothing, those that succeed are all there, each exactly once.
func TestConcurrentWritersKeepTheirOwnFate(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 20
	path := filepath.Join(t.TempDir(), "meta.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	records := table(t, db, "records")
	broken := errors.New("broken")
	var order []int // written by OnCommit, which runs one after the other
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := db.Update(func(tx *Tx) error {
					total, err := records.GetIn(tx, "total")
					if err != nil && !errors.Is(err, errs.ErrNotFound) {
						return err
					}
					total.Count++
					tx.OnCommit(func() { order = append(order, total.Count) })
					err = errors.Join(records.PutIn(tx, "total", total), records.PutIn(tx, fmt.Sprint(w, " ", i), record{}))
					if i%3 == 0 {
						return errors.Join(err, broken)
					}
					return err
				})
				if (i%3 == 0) != errors.Is(err, broken) {
					t.Errorf("writer %d, %d: %v", w, i, err)
				}
			}
		})
	}
	wg.Wait()
	want := 0
	for i := range each {
		if i%3 != 0 {
			want += writers
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := table(t, open(t, path), "records").All()
	if err != nil {
		t.Fatal(err)
	}
	if all["total"].Count != want || len(all) != want+1 || len(order) != want {
		t.Errorf("total %d, %d records, %d commits; want %d, %d, %d", all["total"].Count, len(all), len(order), want, want+1, want)
	}
	for i, n := range order {
		if n != i+1 {
			t.Fatalf("commit %d was announced as %d", n, i+1)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	later := filepath.Join(dir, "later.db")
	db, err := Open(later)
	if err != nil {
		t.Fatal(err)
	}
	formats, err := NewTable[int](db, "cleat")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(formats.Put("format", format+1), db.Close()); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("garbage\n", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{later: "has format 2", garbage: "is damaged"} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s…", path, err, want)
		}
	}
	// Refusing has let go of the file.
	if err := os.Remove(later); err != nil {
		t.Fatal(err)
	}
	open(t, later)
}

func TestBadRecordIsNamed(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	words, err := NewTable[string](db, "mixed")
	if err != nil {
		t.Fatal(err)
	}
	if err := words.Put("k", "text"); err != nil {
		t.Fatal(err)
	}
	records := table(t, db, "mixed")
	_, one := records.Get("k")
	_, all := records.All()
	for _, err := range []error{one, all} {
		if !errors.Is(err, errs.ErrInternal) || !strings.Contains(err.Error(), `mixed "k"`) {
			t.Errorf("got %v", err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	records := table(b, open(b, filepath.Join(b.TempDir(), "meta.db")), "records")
	for i := 0; b.Loop(); i++ {
		if err := records.Put("key", record{Count: i + 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutParallel(b *testing.B) {
	records := table(b, open(b, filepath.Join(b.TempDir(), "meta.db")), "records")
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if err := records.Put(fmt.Sprint(i%1000), record{Count: i + 1}); err != nil {
				b.Error(err)
			}
		}
	})
}
