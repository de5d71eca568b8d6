//go:build linux

package archive

import (
	"strings"

	"golang.org/x/sys/unix"
)

// paxXattr is the prefix of extended attributes among the records of an entry.
const paxXattr = "SCHILY.xattr."

// portable reports whether an attribute belongs to a file's content. Others are the kernel's, of the overlay's layers
// or of this host's policy.
func portable(name string) bool {
	return strings.HasPrefix(name, "user.") || name == "security.capability" ||
		name == "system.posix_acl_access" || name == "system.posix_acl_default"
}

// xattrs returns the attributes of an open file as records of a tar header; nil when it has none.
func xattrs(fd int) map[string]string {
	var names [4096]byte
	list := names[:]
	n, err := unix.Flistxattr(fd, list)
	if err == unix.ERANGE { //nolint:errorlint // a bare errno
		list = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = unix.Flistxattr(fd, list)
	}
	if err != nil || n <= 0 {
		return nil
	}
	var records map[string]string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list[:n]), "\x00"), "\x00") {
		if !portable(name) {
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		size, err := unix.Fgetxattr(fd, name, value)
		if err != nil || strings.Contains(name, "=") { // gone by now, or not expressible
			continue
		}
		if records == nil {
			records = map[string]string{}
		}
		records[paxXattr+name] = string(value[:size])
	}
	return records
}

// setXattrs sets the attributes of an entry on an open file. A file system without them is no error.
func setXattrs(fd int, records map[string]string) error {
	for key, value := range records {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok || !portable(name) {
			continue
		}
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		if err != nil && err != unix.ENOTSUP && err != unix.EPERM { //nolint:errorlint // bare errnos
			return err //nolint:wrapcheck // wrapped by the caller, who knows the path
		}
	}
	return nil
}
