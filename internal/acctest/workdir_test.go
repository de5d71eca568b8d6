//go:build linux

package acctest

import (
	"fmt"
	"os"
	"testing"
)

// TestRemoveBesideSweeps removes work directories while other processes look for those of dead runs.
func TestRemoveBesideSweeps(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			other, err := newWorkdir("other") // sweeps
			if err == nil {
				err = other.remove()
			}
			if err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 50 {
		w, err := newWorkdir("w")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if _, err := w.write(fmt.Sprint("m", i), "content"); err != nil { // behind and before "lock" in the directory
				t.Fatal(err)
			}
		}
		if err := w.remove(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	sweep() // of a directory that was looked at between its last file and itself
	if left, err := os.ReadDir(base()); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
