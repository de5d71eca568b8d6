//go:build linux

package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// linesOf reads a file's lines from an offset.
func linesOf(t *testing.T, path string, offset int64) (lines []string, ends []int64) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := eachLine(file, offset, func(line string, end int64) error {
		lines, ends = append(lines, line), append(ends, end)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return lines, ends
}

func TestEachLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	long := strings.Repeat("x", 3000)
	if err := os.WriteFile(path, []byte("one\n"+long+"\nthree\ntorn"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, ends := linesOf(t, path, 0)
	if diff := cmp.Diff([]string{"one", long, "three"}, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{4, 3005, 3011}, ends); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for offset, want := range map[int64]int{4: 2, 3005: 1, 3011: 0, 5000: 0} {
		if lines, _ := linesOf(t, path, offset); len(lines) != want {
			t.Errorf("from %d: %d lines, want %d", offset, len(lines), want)
		}
	}
	stop := errors.New("stop")
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := eachLine(file, 0, func(string, int64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

// TestPunch: the blocks of delivered lines go back to the file system, and what has to stay is read over the holes.
func TestPunch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	var content []byte
	add := func(e Entry) { content = e.Append(content) }
	execs := func(from, to int) {
		for i := from; i < to; i++ {
			add(Entry{Kind: wire.ExecStart, Run: 1, Time: 1, ID: fmt.Sprint("exec", i), Pid: 7})
			add(Entry{Kind: wire.ExecExit, Run: 1, Time: 1, ID: fmt.Sprint("exec", i), Code: 1})
		}
	}
	add(Entry{Kind: wire.Start, Run: 6, Time: 1})
	execs(0, 3000)
	add(Entry{Kind: wire.Exit, Run: 6, Time: 1, Restart: true, Delay: 100})
	add(Entry{Kind: wire.Start, Run: 7, Time: 1, Pid: 5, Boot: "boot"})
	execs(3000, 5900)
	add(Entry{Kind: wire.ExecStart, Run: 7, Time: 1, ID: "runs"})
	execs(5900, 6000)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := readState(path)
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{path: path, offset: int64(len(content)) - 60}
	j.punch()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Size != int64(len(content)) {
		t.Errorf("size %d, was %d", st.Size, len(content))
	}
	if used := st.Blocks * 512; used > 64<<10 {
		t.Skipf("%d bytes are used: this file system makes no holes", used)
	}
	after, err := readState(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after, cmp.AllowUnexported(journalState{})); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if !after.running() || after.run != 7 || len(after.execs) != 1 {
		t.Errorf("%+v", after)
	}
	if got := checkOffset(path, j.offset); got != 0 && content[j.offset-1] != '\n' {
		t.Errorf("an offset within a line is taken: %d", got)
	}
	if got := checkOffset(path, int64(len(content))); got != int64(len(content)) {
		t.Errorf("the end is not taken: %d", got)
	}
	if got := checkOffset(path, 8192); got != 8192 { // in a hole: everything before has been delivered
		t.Errorf("an offset in a hole is not taken: %d", got)
	}
	if got := checkOffset(path, int64(len(content))+5); got != 0 {
		t.Errorf("an offset behind the end is taken: %d", got)
	}
}

func FuzzEachLine(f *testing.F) {
	f.Add([]byte("a\nb\n\x00\x00c\ntorn"))
	f.Add([]byte("exit run=1\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readState(path); err != nil {
			t.Fatal(err)
		}
		lines, ends := linesOf(t, path, 0)
		if want := strings.Count(string(content), "\n"); len(lines) != want {
			t.Fatalf("%d lines of %d", len(lines), want)
		}
		for i, end := range ends {
			if content[end-1] != '\n' || !strings.HasSuffix(string(content[:end-1]), lines[i]) {
				t.Fatalf("line %d %q ends at %d", i, lines[i], end)
			}
		}
	})
}
