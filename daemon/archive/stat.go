//go:build linux

package archive

import (
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"
)

// Stat describes what is at a path, as the header X-Docker-Container-Path-Stat does. A link at the end is described
// itself, with where it leads to in the container as target, unless the path ends in a slash or in "/.". Errors:
// errs.ErrNotFound, or errs.ErrInvalid for a path through something that is no folder.
func (r *Root) Stat(p string) (container.PathStat, error) {
	n, err := r.find(p, false)
	if err != nil {
		return container.PathStat{}, err
	}
	defer n.close()
	s := container.PathStat{
		Name:  path.Base("/" + p),
		Size:  n.stat.Size,
		Mode:  fileMode(n.stat.Mode),
		Mtime: time.Unix(n.stat.Mtim.Unix()),
	}
	if strings.HasSuffix(p, "/.") {
		s.Name = "."
	}
	if n.kind() == unix.S_IFLNK {
		if s.LinkTarget, err = r.Resolve(p); err != nil { // it leads nowhere: say where it would
			text, err := readlink(n.dir, "")
			if err != nil {
				return container.PathStat{}, err
			}
			if !path.IsAbs(text) {
				text = path.Join(path.Dir(n.path), text)
			}
			s.LinkTarget = path.Clean(text)
		}
	}
	return s, nil
}

// fileMode translates the kernel's mode to Go's.
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFIFO:
		m |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= fs.ModeSocket
	case unix.S_IFBLK:
		m |= fs.ModeDevice
	case unix.S_IFCHR:
		m |= fs.ModeDevice | fs.ModeCharDevice
	}
	if mode&unix.S_ISUID != 0 {
		m |= fs.ModeSetuid
	}
	if mode&unix.S_ISGID != 0 {
		m |= fs.ModeSetgid
	}
	if mode&unix.S_ISVTX != 0 {
		m |= fs.ModeSticky
	}
	return m
}
