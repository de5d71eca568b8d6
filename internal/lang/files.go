package lang

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar"
	"github.com/mitchellh/go-homedir"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// files are the functions that read files below one directory.
type files struct {
	baseDir string
	// functions is what templates may call: all of them, these included.
	functions map[string]function.Function
}

func (f *files) all() map[string]function.Function {
	all := map[string]function.Function{
		"file": f.reader(plainText),
		"filebase64": f.reader(func(_ string, b []byte) (cty.Value, error) {
			return cty.StringVal(base64.StdEncoding.EncodeToString(b)), nil
		}),
		"fileexists":     text(cty.Bool, []string{"path"}, f.exists),
		"fileset":        text(cty.Set(cty.String), []string{"path", "pattern"}, f.set),
		"templatefile":   f.templateFile(0),
		"templatestring": f.templateString(),
	}
	for _, d := range digests() {
		name := "file" + d.name
		all[name] = f.reader(func(_ string, b []byte) (cty.Value, error) { return d.sum(b), nil })
	}
	return all
}

// reader returns a function of one file's content.
func (f *files) reader(of func(path string, content []byte) (cty.Value, error)) function.Function {
	return text(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
		content, err := f.read(args[0])
		if err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		return of(args[0], content)
	})
}

func plainText(path string, content []byte) (cty.Value, error) {
	if !utf8.Valid(content) {
		return cty.NilVal, fmt.Errorf("contents of %q are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents or the other file functions (e.g. filemd5, filesha256) to obtain file hashing results instead", path)
	}
	return cty.StringVal(string(content)), nil
}

// locate expands a home directory and makes a path relative to the base.
func (f *files) locate(path string) (string, error) {
	path, err := homedir.Expand(path)
	if err != nil {
		return "", fmt.Errorf("home directory in %q: %w", path, err)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.baseDir, path)
	}
	return filepath.Clean(path), nil
}

func (f *files) read(path string) ([]byte, error) {
	located, err := f.locate(path)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(located)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no file exists at %q; this function works only with files that exist before the plan, not with what a resource makes", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, errors.Unwrap(err))
	}
	return content, nil
}

func (f *files) exists(args []string) (cty.Value, error) {
	located, err := f.locate(args[0])
	if err != nil {
		return cty.NilVal, err
	}
	info, err := os.Stat(located)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cty.False, nil
	case err != nil:
		return cty.NilVal, fmt.Errorf("stat %q: %w", args[0], errors.Unwrap(err))
	case info.Mode().IsRegular():
		return cty.True, nil
	case info.IsDir():
		return cty.NilVal, function.NewArgErrorf(0, "%q is a directory, not a file", args[0])
	default:
		return cty.NilVal, function.NewArgErrorf(0, "%q is not a regular file", args[0])
	}
}

// set are the regular files below a directory that match a pattern, relative to it, with slashes.
func (f *files) set(args []string) (cty.Value, error) {
	dir := args[0]
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(f.baseDir, dir)
	}
	matches, err := doublestar.Glob(filepath.Join(dir, args[1]))
	if err != nil {
		return cty.NilVal, function.NewArgError(1, fmt.Errorf("pattern %q: %w", args[1], err))
	}
	var found []cty.Value
	for _, match := range matches {
		info, err := os.Stat(match)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a dangling link, or gone meanwhile
		}
		if err != nil {
			return cty.NilVal, fmt.Errorf("stat %q: %w", match, errors.Unwrap(err))
		}
		if !info.Mode().IsRegular() {
			continue
		}
		relative, err := filepath.Rel(dir, match)
		if err != nil {
			return cty.NilVal, err
		}
		found = append(found, cty.StringVal(filepath.ToSlash(relative)))
	}
	if len(found) == 0 {
		return cty.SetValEmpty(cty.String), nil
	}
	return cty.SetVal(found), nil
}
