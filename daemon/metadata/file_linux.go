package metadata

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// shared takes a lock on a file that ends when it is closed; false when another process has it for itself.
func shared(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil }

// allocate has the disk keep room for a file up to a size, without changing the file.
func allocate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}
	return errors.Join(unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size), f.Close())
}
