//go:build linux

package archive

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// ErrReadOnly: the place to write to is in a read-only file system or volume. dockerd answers 403.
var ErrReadOnly = errors.New("marked read-only")

// Mount is a file or folder of the host that a container sees at a place of its own.
type Mount struct {
	// Destination is the absolute path in the container; links in it are followed there, as at the container's start.
	Destination string
	// Source is the path on the host.
	Source string
	// Base, when not empty, is a folder that Source is below of and whose links do not lead out of it, such as
	// /proc/<pid>/root for what only the running container has: its tmpfs mounts.
	Base string
	// ReadOnly forbids writing.
	ReadOnly bool
}

// Config describes a file system.
type Config struct {
	// Dir is the root folder on the host; the caller made sure that it is mounted.
	Dir string
	// ReadOnly forbids writing, except to mounts.
	ReadOnly bool
	// Mounts are put in at their destinations, in any order. Where the mount point does not exist it is made up.
	Mounts []Mount
}

// Root is a container's file system as the container sees it. It is safe for concurrent use until Close.
type Root struct {
	top    dir
	mounts map[string]dir      // by resolved destination
	points map[string][]string // names of mounts by their folder
}

// dir is a folder, or with mounts also a file, that was walked to.
type dir struct {
	fd   int    // O_PATH
	path string // in the container, absolute, without links
	ro   bool
}

// Open opens a file system. A mount whose source is missing is an error: the container could not start with it.
func Open(c Config) (*Root, error) {
	fd, err := unix.Open(c.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Dir, err)
	}
	r := &Root{top: dir{fd: fd, path: "/", ro: c.ReadOnly}, mounts: map[string]dir{}, points: map[string][]string{}}
	mounts := slices.Clone(c.Mounts)
	slices.SortStableFunc(mounts, func(a, b Mount) int { // what is mounted on a mount comes after it
		return cmp.Compare(strings.Count(path.Clean(a.Destination), "/"), strings.Count(path.Clean(b.Destination), "/"))
	})
	for _, m := range mounts {
		if err := r.mount(m); err != nil {
			r.Close()
			return nil, fmt.Errorf("mount at %s: %w", m.Destination, err)
		}
	}
	return r, nil
}

// Close releases the descriptors.
func (r *Root) Close() {
	unix.Close(r.top.fd)
	for _, m := range r.mounts {
		unix.Close(m.fd)
	}
}

func (r *Root) mount(m Mount) error {
	at := path.Clean("/" + m.Destination)
	if found, err := r.Resolve(at); err == nil {
		at = found
	}
	if at == "/" {
		return fmt.Errorf("the root cannot be replaced: %w", errs.ErrInvalid)
	}
	fd, err := openSource(m)
	if err != nil {
		return err
	}
	if old, double := r.mounts[at]; double {
		unix.Close(old.fd) // the later one hides it
	} else {
		r.points[path.Dir(at)] = append(r.points[path.Dir(at)], path.Base(at))
	}
	r.mounts[at] = dir{fd: fd, path: at, ro: m.ReadOnly}
	return nil
}

func openSource(m Mount) (int, error) {
	if m.Base == "" {
		fd, err := unix.Open(m.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, fmt.Errorf("open %s: %w", m.Source, err)
		}
		return fd, nil
	}
	base, err := Open(Config{Dir: m.Base})
	if err != nil {
		return -1, err
	}
	defer base.Close()
	n, err := base.find(m.Source, true)
	if err != nil {
		return -1, err
	}
	return n.fd, nil
}

// Resolve returns the path a path leads to when all links are followed, absolute and without links. The last
// component need not exist.
func (r *Root) Resolve(p string) (string, error) {
	parent, name, err := r.lookup(p, true, false)
	if err != nil {
		return "", err
	}
	defer parent.close()
	return path.Join(parent.path, name), nil
}

// dup returns a descriptor of the caller's own.
func (d dir) dup() (dir, error) {
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return dir{}, fmt.Errorf("%s: %w", d.path, err)
	}
	d.fd = fd
	return d, nil
}

func (d dir) close() { unix.Close(d.fd) }

// open opens a name below a folder, without following it, or what is mounted there.
func (r *Root) open(d dir, name string) (dir, error) {
	p := path.Join(d.path, name)
	if m, ok := r.mounts[p]; ok && name != "." {
		return m.dup()
	}
	fd, err := unix.Openat(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return dir{}, describe(p, err)
	}
	return dir{fd: fd, path: p, ro: d.ro}, nil
}

// mounted reports whether something is mounted at a name.
func (r *Root) mounted(d dir, name string) bool {
	_, ok := r.mounts[path.Join(d.path, name)]
	return ok && name != "."
}

// describe adds the path and a class to an error of a system call.
func describe(p string, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s: no such file or directory: %w", p, errs.ErrNotFound)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s: %w: %w", p, err, errs.ErrInvalid)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%s: %w", p, ErrReadOnly)
	default:
		return fmt.Errorf("%s: %w", p, err)
	}
}
