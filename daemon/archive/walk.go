//go:build linux

package archive

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	maxLinks    = 40     // as the kernel
	maxPath     = 4096   // PATH_MAX: longer ones are of use to nobody, and bound how many descriptors a walk holds
	impliedMode = 0o755  // of folders an archive implies without listing them
	tmode       = 0o7777 // the bits chmod takes
)

// lookup walks to the folder of a path and returns it with the last name. With follow that name is not a link (when
// it was looked at), else it may be. "." means the folder itself: the root, or a path that ends in a slash or dot,
// which is then always followed. The name need not exist. With create missing folders are made. The caller closes
// the folder.
func (r *Root) lookup(p string, follow, create bool) (dir, string, error) {
	if strings.IndexByte(p, 0) >= 0 {
		return dir{}, "", fmt.Errorf("path %q: %w", p, errs.ErrInvalid)
	}
	top, err := r.top.dup()
	if err != nil {
		return dir{}, "", err
	}
	w := &walk{r: r, stack: []dir{top}, parts: strings.Split(p, "/"), create: create}
	name, err := w.run(follow)
	keep := len(w.stack)
	if err == nil {
		keep--
	}
	for _, d := range w.stack[:keep] {
		d.close()
	}
	if err != nil {
		return dir{}, "", err
	}
	return w.stack[keep], name, nil
}

// walk is one way through a file system.
type walk struct {
	r      *Root
	stack  []dir    // the folders from the root to here
	parts  []string // still to go
	links  int
	create bool
}

func (w *walk) run(follow bool) (string, error) {
	for len(w.parts) > 0 {
		name, rest := w.parts[0], w.parts[1:]
		here := w.stack[len(w.stack)-1]
		switch {
		case name == "" || name == ".":
			w.parts = rest
			continue
		case name == "..":
			if len(w.stack) > 1 {
				here.close()
				w.stack = w.stack[:len(w.stack)-1]
			}
			w.parts = rest
			continue
		case len(rest) == 0 && !follow:
			return name, nil
		case len(here.path)+len(name) > maxPath:
			return "", describe(here.path, unix.ENAMETOOLONG)
		}
		next, err := w.r.open(here, name)
		if errors.Is(err, errs.ErrNotFound) {
			if len(rest) == 0 {
				return name, nil
			}
			if w.create {
				next, err = w.r.mkdir(here, name)
			}
		}
		if err != nil {
			return "", err
		}
		done, err := w.enter(next, rest)
		if done || err != nil {
			return name, err
		}
	}
	return ".", nil
}

// enter goes on with what was opened: a folder to go into, a link to follow, or, as the last part, anything.
func (w *walk) enter(next dir, rest []string) (done bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(next.fd, &st); err != nil {
		next.close()
		return false, describe(next.path, err)
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case kind == unix.S_IFLNK:
		target, err := readlink(next, "")
		next.close()
		if err != nil {
			return false, err
		}
		if w.links++; w.links > maxLinks {
			return false, describe(next.path, unix.ELOOP)
		}
		if strings.HasPrefix(target, "/") {
			for _, d := range w.stack[1:] {
				d.close()
			}
			w.stack = w.stack[:1]
		}
		w.parts = append(strings.Split(target, "/"), rest...)
		return false, nil
	case len(rest) == 0:
		next.close()
		return true, nil
	case kind != unix.S_IFDIR:
		next.close()
		return false, describe(next.path, unix.ENOTDIR)
	default:
		w.stack, w.parts = append(w.stack, next), rest
		return false, nil
	}
}

// mkdir makes a folder that an archive implies and opens it.
func (r *Root) mkdir(d dir, name string) (dir, error) {
	if d.ro {
		return dir{}, describe(d.path, unix.EROFS)
	}
	if err := unix.Mkdirat(d.fd, name, impliedMode); err != nil && !errors.Is(err, unix.EEXIST) {
		return dir{}, describe(d.path+"/"+name, err)
	}
	return r.open(d, name)
}

// readlink returns the text of a link: of a name below a folder, or with an empty name of the link that was opened.
func readlink(d dir, name string) (string, error) {
	buf := make([]byte, 256)
	for {
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", describe(d.path+"/"+name, err)
		}
		if n < len(buf) {
			return string(buf[:n]), nil
		}
		buf = make([]byte, 2*len(buf))
	}
}

// node is something found, opened with O_PATH.
type node struct {
	dir
	stat unix.Stat_t
}

// find opens what a path leads to. The caller closes it.
func (r *Root) find(p string, follow bool) (node, error) {
	parent, name, err := r.lookup(p, follow, false)
	if err != nil {
		return node{}, err
	}
	defer parent.close()
	return r.child(parent, name)
}

// child opens a name below a folder. The caller closes it.
func (r *Root) child(parent dir, name string) (node, error) {
	d, err := r.open(parent, name)
	if err != nil {
		return node{}, err
	}
	n := node{dir: d}
	if err := unix.Fstat(d.fd, &n.stat); err != nil {
		d.close()
		return node{}, describe(d.path, err)
	}
	return n, nil
}

func (n *node) kind() uint32 { return n.stat.Mode & unix.S_IFMT }
