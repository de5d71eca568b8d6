//go:build linux

package content

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// reserve is what archives leave free on the disk, so that records can still be written.
const reserve = 128 << 20

// Room reports whether the disk has room for n more bytes, as an error of class errs.ErrInternal when it has not. Who
// unpacks an archive asks before each large file: an archive of a few bytes can say that it has files of exabytes, and
// compressed ones can be endless.
func (s *Store) Room(n int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(s.root, &st); err != nil {
		return fmt.Errorf("free space of %s: %w", s.root, err)
	}
	if free := int64(st.Bavail) * st.Bsize; n > free-reserve {
		return fmt.Errorf("%w: %d bytes are needed, %d are free in %s: %w", unix.ENOSPC, n, free, s.root, errs.ErrInternal)
	}
	return nil
}
