package buildcontext

import (
	"io/fs"
	"syscall"
	"time"
)

// identify names the state of a file, and when it was last changed.
func identify(path string, info fs.FileInfo) (identity, time.Time) {
	modified := info.ModTime()
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{path: path, size: info.Size(), modified: modified.UnixNano()}, modified
	}
	changed := time.Unix(stat.Ctim.Unix())
	return identity{device: stat.Dev, inode: stat.Ino, size: info.Size(), modified: modified.UnixNano(), change: changed.UnixNano()}, changed
}
