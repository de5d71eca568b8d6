package buildcontext

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestHasher(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a")
	write := func(content string) os.FileInfo {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	sum := func(h *Hasher, info os.FileInfo) [32]byte {
		t.Helper()
		s, err := h.sum(file, info)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	remembered := func(h *Hasher) (n int) {
		h.known.Range(func(any, any) bool { n++; return true })
		return n
	}

	info := write("one")
	var fresh Hasher
	one := sum(&fresh, info)
	if n := remembered(&fresh); n != 0 {
		t.Errorf("a file changed just now is remembered")
	}
	later := Hasher{now: func() time.Time { return time.Now().Add(time.Hour) }}
	if sum(&later, info) != one || remembered(&later) != 1 {
		t.Error("a file that is settled is not remembered")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if sum(&later, info) != one { // would fail if it were read again
		t.Error("what is remembered is not used")
	}
	if sum(&later, write("two!")) == one {
		t.Error("a changed file has its old hash")
	}
}
