package metadata

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filled is a database with buckets, branches, values of several pages and inline buckets.
func filled(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "meta.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"many", "few", "none"} {
		records, err := NewTable[record](db, name)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *Tx) error {
			for n := range map[string]int{"many": 500, "few": 2}[name] {
				if err := records.PutIn(tx, fmt.Sprintf("%04d", n), record{Name: strings.Repeat("x", n%7*900), Count: n}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	t.Parallel()
	path := filled(t)
	if err := Check(path); err != nil {
		t.Errorf("a whole one: %v", err)
	}
	if err := Check(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("none: %v", err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for name, damage := range map[string]func([]byte) []byte{
		"cut":          func(b []byte) []byte { return b[:3*page] },
		"cut to half":  func(b []byte) []byte { return b[:page/2] },
		"both metas":   func(b []byte) []byte { clear(b[:2*page]); return b },
		"zeroed pages": func(b []byte) []byte { clear(b[2*page:]); return b },
		"other file":   func([]byte) []byte { return bytes.Repeat([]byte("garbage\n"), 4096) },
		"short file":   func([]byte) []byte { return []byte("x") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := filepath.Join(t.TempDir(), "meta.db")
			content := damage(bytes.Clone(whole))
			if err := os.WriteFile(bad, content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(bad)
			for _, want := range []string{bad, "is damaged", "restore it from a backup"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want …%s…", err, want)
				}
			}
			if after, err := os.ReadFile(bad); err != nil || !bytes.Equal(after, content) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
	// One meta page is enough, whichever it is: bbolt writes them in turns.
	for n := range 2 {
		b := bytes.Clone(whole)
		clear(b[n*page : (n+1)*page])
		if err := check(bytes.NewReader(b), int64(len(b))); err != nil {
			t.Errorf("without meta page %d: %v", n, err)
		}
	}
}

// FuzzCheck damages a database anywhere: what Check lets pass bbolt must be able to open and read.
func FuzzCheck(f *testing.F) {
	path := filled(f)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{1})
	f.Add(uint32(2*os.Getpagesize()), []byte("overwritten"))
	f.Fuzz(func(t *testing.T, at uint32, bytes []byte) {
		bad := filepath.Join(t.TempDir(), "meta.db")
		content := append([]byte(nil), whole...)
		copy(content[int(at)%len(content):], bytes)
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(bad)
		if err != nil {
			return
		}
		defer db.Close()
		records, err := NewTable[record](db, "many")
		if err != nil {
			return
		}
		_, _ = records.All()
		_ = records.Put("new", record{})
	})
}

func BenchmarkCheck(b *testing.B) {
	path := filled(b)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		if err := Check(path); err != nil {
			b.Fatal(err)
		}
	}
}
