//go:build !linux

package buildcontext

import (
	"io/fs"
	"time"
)

// identify names the state of a file, and when it was last changed.
func identify(path string, info fs.FileInfo) (identity, time.Time) {
	modified := info.ModTime()
	return identity{path: path, size: info.Size(), modified: modified.UnixNano()}, modified
}
