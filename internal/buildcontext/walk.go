package buildcontext

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/cleat-dev/cleat/api/errs"
)

// walker collects the files of a context in the order of their names.
type walker struct {
	*Context
	ctx     context.Context
	parents map[string]patternmatcher.MatchInfo
	found   []Entry
}

// walk lists what belongs to the context, without looking into files.
func (c *Context) walk(ctx context.Context) ([]Entry, error) {
	w := walker{Context: c, ctx: ctx, parents: map[string]patternmatcher.MatchInfo{}}
	if err := filepath.WalkDir(c.dir, w.visit); err != nil {
		return nil, fmt.Errorf("build context: %w", err)
	}
	if c.outside {
		info, err := os.Stat(c.dockerfile)
		if err != nil {
			return nil, fmt.Errorf("dockerfile: %w", err)
		}
		w.found = append(w.found, Entry{Path: c.name, Label: c.label, Mode: mode(info), file: c.dockerfile, info: info})
	}
	return w.found, nil
}

func (w *walker) visit(file string, d fs.DirEntry, err error) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if err != nil || file == w.dir || file == w.left {
		return err
	}
	relative, err := filepath.Rel(w.dir, file)
	if err != nil {
		return err
	}
	name := filepath.ToSlash(relative)
	ignored, matched, err := w.ignore.MatchesUsingParentResults(relative, w.parents[path.Dir(name)])
	if err != nil {
		return err
	}
	if d.IsDir() {
		w.parents[name] = matched
	}
	if ignored && name != w.name {
		if d.IsDir() && !w.mayHold(name) {
			return filepath.SkipDir
		}
		return nil
	}
	return w.add(file, name, d)
}

// mayHold reports whether an ignored directory must be entered: it holds the Dockerfile, or a pattern beginning
// with "!" may bring back something in it.
func (w *walker) mayHold(dir string) bool {
	inside := dir + "/"
	if !w.outside && strings.HasPrefix(w.name, inside) {
		return true
	}
	if !w.ignore.Exclusions() {
		return false
	}
	for _, p := range w.ignore.Patterns() {
		if !p.Exclusion() {
			continue
		}
		fixed := filepath.ToSlash(p.String())
		if wild := strings.IndexAny(fixed, `*?[\`); wild >= 0 {
			fixed = fixed[:wild]
			if strings.HasPrefix(inside, fixed) {
				return true
			}
		}
		if strings.HasPrefix(fixed+"/", inside) {
			return true
		}
	}
	return false
}

func (w *walker) add(file, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	e := Entry{Path: name, Label: name, Mode: mode(info), file: file, info: info}
	switch kind := info.Mode().Type(); kind {
	case 0, fs.ModeDir:
	case fs.ModeSymlink:
		if e.Link, err = os.Readlink(file); err != nil {
			return err
		}
		e.Link = filepath.ToSlash(e.Link)
	case fs.ModeSocket:
		return nil // a socket is nothing without who listens
	default:
		return fmt.Errorf("%s is neither file, directory nor link: exclude it in %s: %w", name, ignoreFile, errs.ErrInvalid)
	}
	w.found = append(w.found, e)
	return nil
}

// mode is the mode an image gets. A system without mode bits makes everything readable and executable, as the
// docker CLI does.
func mode(info fs.FileInfo) fs.FileMode {
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fs.ModeSymlink | fs.ModePerm
	case runtime.GOOS == "windows":
		return info.Mode().Type() | 0o755
	default:
		return info.Mode() & (fs.ModeType | bits)
	}
}
